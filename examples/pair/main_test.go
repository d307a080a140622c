package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/internal/transcript"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
	"github.com/meshpeer/meshpeer/secrets"
)

// slice names the address at which a cluster's own pods reach its API server.
var slice = &discoveryv1.EndpointSlice{
	TypeMeta:   metav1.TypeMeta{APIVersion: "discovery.k8s.io/v1", Kind: "EndpointSlice"},
	ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "kubernetes"},
}

// start is two clusters as kind makes them, and the program with them behind its kubeconfig contexts.
func start(t *testing.T, tr *transcript.Transcript) (east, west *peeringtest.Member) {
	mesh := peeringtest.New(peeringtest.Options{Names: []string{"east", "west"}, Workloads: true})
	outside := map[string]string{}
	for i, m := range mesh.Members() {
		address, port := fmt.Sprintf("172.18.0.%d", i+2), int32(6443)
		o, err := m.Get(t.Context(), slice)
		require.NoError(t, err)
		own := o.(*discoveryv1.EndpointSlice)
		own.Endpoints = []discoveryv1.Endpoint{{Addresses: []string{address}}}
		own.Ports = []discoveryv1.EndpointPort{{Port: &port}}
		_, err = m.Update(t.Context(), own)
		require.NoError(t, err)
		m.ServeAt("https://" + address + ":6443")
		outside[m.Cluster.ID.String()] = fmt.Sprintf("https://127.0.0.1:4000%d", i)
	}
	tr.Program, tr.Elide = "go run ./examples/pair", regexp.MustCompile(`^\w+ -> \w+  `)
	tr.Run = func(args []string, stdout, stderr io.Writer) int {
		exit, err := run(t.Context(), args, stdout, stderr, func(name, kubeContext string) (*peering.Cluster, error) {
			require.Equal(t, "kind-"+name, kubeContext)
			c := mesh.Member(name).Cluster
			c.Endpoint.Server = outside[name]
			return c, nil
		})
		if err != nil {
			fmt.Fprintln(stderr, "pair:", err)
		}
		return exit
	}
	return mesh.Member("east"), mesh.Member("west")
}

func TestPair(t *testing.T) {
	tr := new(transcript.Transcript)
	tr.Start(t)
	both := []string{"east=kind-east", "west=kind-west"}
	synctest.Test(t, func(t *testing.T) {
		east, west := start(t, tr)
		exit, text := tr.Do(both...)
		require.Zero(t, exit, text)
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "istio-system", Name: "istio-remote-secret-west"}}
		o, err := east.Get(t.Context(), secret)
		require.NoError(t, err)
		remotes, err := secrets.Parse(o.(*corev1.Secret))
		require.NoError(t, err)
		require.Equal(t, "https://172.18.0.3:6443", remotes[0].Endpoint.Server, "where east reaches it")

		tr.Block()
		exit, text = tr.Do(append([]string{"-verify"}, both...)...)
		require.Zero(t, exit, text)

		tr.Block()
		exit, text = tr.Do(append([]string{"-remove"}, both...)...)
		require.Zero(t, exit, text)
		_, err = east.Get(t.Context(), secret)
		require.Error(t, err)

		says := func(exit int, want string, args ...string) {
			t.Helper()
			var out strings.Builder
			require.Equal(t, exit, tr.Run(args, &out, &out), out.String())
			require.Contains(t, out.String(), want)
		}
		says(1, "no links", "east=kind-east")
		require.Equal(t, 0, tr.Run(both, io.Discard, io.Discard))
		east.Cluster.Istiods = nil
		says(3, "unknown", append([]string{"-verify"}, both...)...)
		o, err = west.Get(t.Context(), slice)
		require.NoError(t, err)
		bare := o.(*discoveryv1.EndpointSlice)
		bare.Endpoints = nil
		o, err = west.Update(t.Context(), bare)
		require.NoError(t, err)
		says(1, "has no address", both...)
		require.NoError(t, west.Delete(t.Context(), o))
		says(1, "for this machine only", both...)
	})
	tr.Check(t)
}

// A kubeconfig address that others reach too is left as it is, and asks nobody.
func TestConnect(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config")
	t.Setenv("KUBECONFIG", file)
	require.NoError(t, os.WriteFile(file, []byte(`
clusters: [{name: c, cluster: {server: "https://api.west.example:6443"}}]
contexts: [{name: west-admin, context: {cluster: c, user: u}}]
users: [{name: u, user: {token: none}}]
`), 0o600))
	c, err := connect("west", "west-admin")
	require.NoError(t, err)
	server, err := inside(t.Context(), c)
	require.NoError(t, err)
	require.Equal(t, "https://api.west.example:6443", server)
	_, err = connect("west", "other")
	require.ErrorContains(t, err, "kubectl config get-contexts")
}
