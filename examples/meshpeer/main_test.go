package main

import (
	"io"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/examples/meshpeer/cmd"
	"github.com/meshpeer/meshpeer/internal/transcript"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
)

// start is the document's mesh, and the command with it behind its kubeconfig.
func start(t *testing.T, tr *transcript.Transcript) {
	mesh := peeringtest.New(peeringtest.Options{Names: []string{"cluster-1", "cluster-2"}, Hosted: []string{"cluster-1"}, Hidden: true, Workloads: true})
	mesh.Split()
	for _, m := range mesh.Members() {
		m.ServeAt("https://" + m.Cluster.ID.String() + ".example:6443")
	}
	tr.Program, tr.Elide = "meshpeer", regexp.MustCompile(`^\S+ -> \S+: `)
	tr.Run = func(args []string, stdout, stderr io.Writer) int {
		return cmd.Run(t.Context(), cmd.Program{
			Name: "meshpeer", Args: args, In: strings.NewReader(""), Out: stdout, Err: stderr, Env: func(string) string { return "" },
			Connect: func(_ peering.ID, kubeContext string, _ peering.ConnectOptions) (*peering.Cluster, error) {
				c := *mesh.Member(map[string]string{"ack": "cluster-1", "idc": "cluster-2"}[kubeContext]).Cluster
				c.Endpoint.Server = "https://" + c.ID.String() + ".example:6443"
				return &c, nil
			},
		})
	}
}

// TestReadme is the page "the document, one line a step".
func TestReadme(t *testing.T) {
	tr := new(transcript.Transcript)
	tr.Start(t)
	synctest.Test(t, func(t *testing.T) {
		start(t, tr)
		do := func(code int, args ...string) {
			t.Helper()
			exit, out := tr.Do(append(args, "--context", "cluster-1=ack", "--hosted", "cluster-1", "--context", "idc")...)
			require.Equal(t, code, exit, out)
		}
		do(3, "why", "cluster-1", "cluster-2", "httpbin")
		tr.Block()
		do(2, "why", "cluster-2", "cluster-1", "httpbin")
		tr.Block()
		do(2, "plan", "-o", "plan.json")
		do(0, "apply", "plan.json")
		tr.Block()
		do(0, "why", "cluster-2", "cluster-1", "httpbin")
		tr.Block()
		do(0, "status", "--from", "cluster-2", "--wait")
		do(0, "rotate")
		do(0, "credentials")
		tr.Block()
		do(0, "remove")
		do(0, "credentials")
	})
	tr.Check(t)
}
