package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/internal/transcript"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
)

// start is two clusters in memory, and the program with them behind its kubeconfig contexts.
func start(t *testing.T) (east, west *peeringtest.Member, tr *transcript.Transcript) {
	mesh := peeringtest.NewMesh("east", "west")
	for _, m := range mesh.Members() {
		m.Cluster.Endpoint.Server = fmt.Sprintf("https://%s.example:6443", m.Cluster.ID)
		m.ServeAt(m.Cluster.Endpoint.Server)
	}
	tr = &transcript.Transcript{
		Program: "go run ./examples/plan-apply", Elide: regexp.MustCompile("^  preflight "),
		Run: func(args []string, stdout, stderr io.Writer) int {
			exit, err := run(t.Context(), args, stdout, func(name, kubeContext string) (*peering.Cluster, error) {
				require.Equal(t, "kind-"+name, kubeContext)
				return mesh.Member(name).Cluster, nil
			})
			if err != nil {
				fmt.Fprintln(stderr, "plan-apply:", err)
			}
			return exit
		},
	}
	tr.Start(t)
	t.Setenv("USER", "ci")
	return mesh.Member("east"), mesh.Member("west"), tr
}

func members(args ...string) []string {
	return append([]string{"-cluster", "east=kind-east", "-cluster", "west=kind-west"}, args...)
}

func TestPlanReviewApply(t *testing.T) {
	east, west, tr := start(t)
	exit, text := tr.Do(members("plan")...)
	require.Equal(t, 2, exit)
	require.NotContains(t, calls(east, west), "create", "a plan writes nothing")
	data, err := os.ReadFile("plan.json")
	require.NoError(t, err)
	var plan peering.Plan
	require.NoError(t, json.Unmarshal(data, &plan))
	digest := plan.Digest()[:12]
	require.Contains(t, text, "plan "+digest)

	tr.Block()
	exit, _ = tr.Do(members("-digest", digest, "apply")...)
	require.Zero(t, exit)
	records, err := os.ReadFile("audit.jsonl")
	require.NoError(t, err)
	require.Equal(t, 14, strings.Count(string(records), `"actor":"ci"`), "every write and every token")
	require.Equal(t, 14, strings.Count(string(records), plan.Digest()))
	require.NotContains(t, string(records), "eyJ")
	_, err = east.Get(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "istio-system", Name: "istio-remote-secret-west"}})
	require.NoError(t, err)

	tr.Block()
	exit, text = tr.Do(members("plan")...)
	require.Zero(t, exit)
	require.Contains(t, text, "nothing to do")
	tr.Check(t)
}

// The file, or a cluster, is another than at the review.
func TestRefusals(t *testing.T) {
	east, west, tr := start(t)
	says := func(want string, args ...string) {
		t.Helper()
		var out strings.Builder
		require.Equal(t, 1, tr.Run(args, &out, &out))
		require.Contains(t, out.String(), want)
		require.NotContains(t, calls(east, west), "create")
	}
	says("make it with the word plan", members("apply")...)
	require.Equal(t, 2, tr.Run(members("plan"), io.Discard, io.Discard))
	says("it is not the one that was reviewed", members("-digest", "0123", "apply")...)
	says("give the -cluster flags that it was made with", "-cluster", "west=kind-west", "-cluster", "east=kind-east", "apply")
	says("say plan or apply")
	says(`use "present", "rotated" or "absent"`, members("-goal", "gone", "plan")...)
	require.NoError(t, os.WriteFile("plan.json", []byte("{"), 0o600))
	says("or make it again", members("apply")...)

	require.Equal(t, 2, tr.Run(members("plan"), io.Discard, io.Discard))
	_, err := west.Create(t.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "istio-system", Name: "meshpeer-reader-east"}})
	require.NoError(t, err)
	west.ForgetCalls()
	says("no longer fits the clusters", members("apply")...)
	says("meshpeer-reader-east", members("plan")...)
}

// Nobody can ask the istiods of a control plane that runs elsewhere.
func TestUnknown(t *testing.T) {
	east, _, tr := start(t)
	east.Cluster.Istiods = nil
	require.Equal(t, 2, tr.Run(members("plan"), io.Discard, io.Discard))
	require.Equal(t, 3, tr.Run(members("apply"), io.Discard, io.Discard))
}

func TestConnect(t *testing.T) {
	t.Setenv("KUBECONFIG", t.TempDir()+"/none")
	_, err := connect("east", "kind-east")
	require.ErrorContains(t, err, "kubectl config get-contexts")
	_, err = connect("", "kind-east")
	require.ErrorContains(t, err, "ID=CONTEXT")
}

func calls(members ...*peeringtest.Member) (all []string) {
	for _, m := range members {
		for _, c := range m.Calls() {
			if c.Write() {
				all = append(all, c.Verb)
			}
		}
	}
	return all
}
