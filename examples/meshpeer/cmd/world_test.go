package cmd_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/examples/meshpeer/cmd"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
)

// world is a mesh in memory whose members are the contexts kind-<ID> of a kubeconfig.
type world struct {
	*peeringtest.Mesh
	t       *testing.T
	name    string // as the command is called
	env     map[string]string
	connect func(id peering.ID, kubeContext string, o peering.ConnectOptions) (*peering.Cluster, error)
}

func newWorld(t *testing.T, ids ...string) *world {
	return worldOf(t, peeringtest.New(peeringtest.Options{Names: ids, Workloads: true}))
}

func worldOf(t *testing.T, mesh *peeringtest.Mesh) *world {
	w := &world{Mesh: mesh, t: t, name: "meshpeer", env: map[string]string{}}
	w.connect = func(id peering.ID, kubeContext string, o peering.ConnectOptions) (*peering.Cluster, error) {
		m := mesh.Member(strings.TrimPrefix(kubeContext, "kind-"))
		if m == nil {
			return nil, fmt.Errorf("there is no context %s", kubeContext)
		}
		c := *m.Cluster
		c.Hosted = c.Hosted || o.Hosted
		if id.String() != "unknown" {
			c.ID = id
		}
		return &c, nil
	}
	var config strings.Builder
	config.WriteString("apiVersion: v1\nkind: Config\nusers: [{name: u, user: {token: none}}]\nclusters: [{name: c, cluster: {server: \"https://api.example:6443\"}}]\ncontexts:\n")
	for _, m := range mesh.Members() {
		fmt.Fprintf(&config, "- {name: kind-%s, context: {cluster: c, user: u}}\n", m.Cluster.ID)
	}
	file := filepath.Join(t.TempDir(), "kubeconfig")
	require.NoError(t, os.WriteFile(file, []byte(config.String()), 0o600))
	t.Setenv("KUBECONFIG", file)
	return w
}

// both are the flags that name the members.
func (w *world) both() (words []string) {
	for _, m := range w.Members() {
		words = append(words, "--context", "kind-"+m.Cluster.ID.String())
	}
	return words
}

// run calls the command and returns what it said.
func (w *world) run(args ...string) (code int, out, err string) {
	return w.runWithin(w.t.Context(), args...)
}

func (w *world) runWithin(ctx context.Context, args ...string) (code int, out, err string) {
	var stdout, stderr bytes.Buffer
	code = cmd.Run(ctx, cmd.Program{
		Name: w.name, Args: args, In: strings.NewReader(""), Out: &stdout, Err: &stderr,
		Env: func(name string) string { return w.env[name] }, Connect: w.connect,
	})
	return code, stdout.String(), stderr.String()
}

// with calls the command on all members.
func (w *world) with(args ...string) (code int, out, err string) {
	return w.run(append(args, w.both()...)...)
}
