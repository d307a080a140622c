package members_test

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/examples/meshpeer/internal/members"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
)

// parsed are the flags of a command line.
func parsed(t *testing.T, args ...string) (*members.Flags, *pflag.FlagSet) {
	t.Helper()
	f := members.New()
	set := f.Set()
	require.NoError(t, set.Parse(args))
	return f, set
}

const kubeconfig = `
current-context: west
clusters:
- {name: east, cluster: {server: "https://api.east.example:6443"}}
- {name: west, cluster: {server: "https://api.west.example:6443"}}
contexts:
- {name: east, context: {cluster: east, user: u}}
- {name: west, context: {cluster: west, user: u}}
users: [{name: u, user: {token: none}}]
`

// TestKubeconfig: members come from the file that --kubeconfig names, and from the current context where none is named.
func TestKubeconfig(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config")
	require.NoError(t, os.WriteFile(file, []byte(kubeconfig), 0o600))
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	f, _ := parsed(t, "--kubeconfig", file, "--context", "a=east", "--context", "b=west", "--hosted", "a", "-i", "mesh")
	set, err := f.Resolve(t.Context())
	require.NoError(t, err)
	require.Len(t, set.All, 2)
	a, err := set.ByID("a")
	require.NoError(t, err)
	require.Equal(t, "https://api.east.example:6443", a.Endpoint.Server)
	require.Equal(t, []any{"east", true, "mesh"}, []any{a.Context, a.Hosted, a.Namespace})
	require.False(t, set.All[1].Hosted)
	links, err := set.Links()
	require.NoError(t, err)
	require.Equal(t, "a -> b", links[0].String())

	for says, args := range map[string][]string{
		`no context "north"`:        {"--kubeconfig", file, "--context", "n=north"},
		"write CONTEXT or ID":       {"--kubeconfig", file, "--context", "=east"},
		"cluster ID":                {"--kubeconfig", file, "--context", "a b=east"},
		"--hosted: \"c\" is no":     {"--kubeconfig", file, "--context", "a=east", "--hosted", "c"},
		"no member is named":        {},
		"are both called \"a\"":     {"--kubeconfig", file, "--context", "a=east", "--context", "a=west"},
		"no such file or directory": {"--kubeconfig", file + "x", "--context", "a=east"},
	} {
		f, _ := parsed(t, args...)
		_, err := f.Resolve(t.Context())
		require.ErrorContains(t, err, says)
	}
	f, _ = parsed(t, "--kubeconfig", file, "--hosted", "west", "--context", "west")
	set, err = f.Resolve(t.Context())
	require.NoError(t, err, "what --hosted names is an ID: nobody is asked")
	require.Equal(t, "west", set.All[0].ID.String())
}

// TestLine is what a user typed, as it can be typed again.
func TestLine(t *testing.T) {
	_, set := parsed(t, "--context", "a=kind-a", "--context", "b=arn:aws:eks:x/b", "--hosted", "a,b", "--endpoint", "a=https://a:6443/?x y", "--allow-loopback", "--as", "it's me")
	require.Equal(t, []string{
		"--allow-loopback", "--as", `'it'\''s me'`, "--context", "a=kind-a", "--context", "b=arn:aws:eks:x/b",
		"--endpoint", "'a=https://a:6443/?x y'", "--hosted", "a", "--hosted", "b",
	}, members.Line(set))
	require.Equal(t, "''", members.Quote(""))
}

// TestLoopback: the address of a kubeconfig of kind means nothing to others.
func TestLoopback(t *testing.T) {
	mesh := peeringtest.NewMesh("east", "west")
	own := &discoveryv1.EndpointSlice{
		TypeMeta:   metav1.TypeMeta{APIVersion: "discovery.k8s.io/v1", Kind: "EndpointSlice"},
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "kubernetes"},
	}
	o, err := mesh.Member("east").Get(t.Context(), own)
	require.NoError(t, err)
	slice, port := o.(*discoveryv1.EndpointSlice), int32(6443)
	slice.Endpoints = []discoveryv1.Endpoint{{Addresses: []string{"172.18.0.2"}}}
	slice.Ports = []discoveryv1.EndpointPort{{Port: &port}}
	_, err = mesh.Member("east").Update(t.Context(), slice)
	require.NoError(t, err)
	resolve := func(args ...string) (*members.Set, error) {
		f, _ := parsed(t, append([]string{"--context", "east=east"}, args...)...)
		f.Connect = func(_ peering.ID, kubeContext string, _ peering.ConnectOptions) (*peering.Cluster, error) {
			c := *mesh.Member(kubeContext).Cluster
			c.Endpoint.Server = "https://127.0.0.1:40000"
			return &c, nil
		}
		return f.Resolve(t.Context())
	}
	set, err := resolve()
	require.NoError(t, err)
	require.Equal(t, "https://172.18.0.2:6443", set.All[0].Endpoint.Server)
	require.Len(t, set.Notes, 1)
	require.Contains(t, set.Notes[0], "127.0.0.1:40000")

	for _, args := range [][]string{{"--allow-loopback"}, {"--endpoint", "east=https://east.example"}} {
		set, err = resolve(args...)
		require.NoError(t, err)
		require.Equal(t, "https://127.0.0.1:40000", set.All[0].Endpoint.Server)
		require.Empty(t, set.Notes)
	}

	o, err = mesh.Member("east").Get(t.Context(), own)
	require.NoError(t, err)
	bare := o.(*discoveryv1.EndpointSlice)
	bare.Endpoints = nil
	o, err = mesh.Member("east").Update(t.Context(), bare)
	require.NoError(t, err)
	_, err = resolve()
	require.ErrorContains(t, err, "--endpoint east=https://HOST:PORT")
	require.NoError(t, mesh.Member("east").Delete(t.Context(), o))
	_, err = resolve()
	require.ErrorContains(t, err, "for this machine only")
}

// TestDisagree: istiods of one cluster that give it two IDs tell none.
func TestDisagree(t *testing.T) {
	mesh := peeringtest.NewMesh("east", "west")
	f, _ := parsed(t, "--context", "east")
	f.Connect = func(peering.ID, string, peering.ConnectOptions) (*peering.Cluster, error) {
		c := *mesh.Member("east").Cluster
		c.Istiods = both{mesh.Member("east").Istiods, mesh.Member("west").Istiods}
		return &c, nil
	}
	_, err := f.Resolve(t.Context())
	var unidentified *members.UnidentifiedError
	require.ErrorAs(t, err, &unidentified)
	require.ErrorContains(t, err, "they disagree")

	mesh.Member("east").Istiods.FailReplica("istiod-1", &net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded})
	f.Connect = func(peering.ID, string, peering.ConnectOptions) (*peering.Cluster, error) {
		return mesh.Member("east").Cluster, nil
	}
	_, err = f.Resolve(t.Context())
	require.ErrorAs(t, err, &unidentified)
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
}
