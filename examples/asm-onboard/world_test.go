package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/peeringtest"

	"github.com/meshpeer/meshpeer/examples/asm-onboard/asmapi"
	"github.com/meshpeer/meshpeer/examples/asm-onboard/asmtest"
	"github.com/meshpeer/meshpeer/examples/asm-onboard/onboard"
)

const instance = "ccb37ff104caf419fbf48fb38e6f3a001" // that of mesh.yaml

// world is a stand-in for ASM in front of clusters in memory: cluster-1 is in the mesh, under the hosted control plane, and
// cluster-2 is to come, with one of its own.
type world struct {
	asm  *asmtest.Server
	mesh *peeringtest.Mesh

	mu      sync.Mutex
	wrong   bool
	refused int // how many kubeconfigs API servers will refuse from now on
	bad     map[string]bool
	seen    map[string]bool
	now     time.Duration // that the clock is ahead
	hook    func(asmtest.Call)
	home    string // the folder of mesh.yaml
	every   time.Duration
	wrote   func(line string) // told of what is logged
}

func newWorld(t testing.TB, edit ...func(*asmtest.Options)) *world {
	t.Helper()
	home, err := os.Getwd()
	require.NoError(t, err)
	w := &world{bad: map[string]bool{}, seen: map[string]bool{}, home: home, every: time.Millisecond, wrote: func(string) {}}
	w.mesh = peeringtest.New(peeringtest.Options{Names: []string{"cluster-1", "cluster-2"}, Hosted: []string{"cluster-1"}, Hidden: true, Workloads: true})
	w.mesh.Split()
	o := asmtest.Options{Mesh: instance, Planes: []string{"cluster-2"}, Now: w.clock, Arrived: w.arrived}
	for i, m := range w.mesh.Members() {
		m.Run(peeringtest.App{Name: "plain", Replicas: 1, Plain: true})
		o.Clusters = append(o.Clusters, asmtest.Cluster{
			ID: m.ID.String(), InMesh: i == 0, Joining: 2, Access: asmtest.Access{Server: m.Endpoint.Server, CA: m.Endpoint.CA},
		})
	}
	for _, e := range edit {
		e(&o)
	}
	w.asm = asmtest.New(o)
	t.Cleanup(w.asm.Close)
	return w
}

func (w *world) arrived(c asmtest.Call) {
	if w.hook != nil {
		w.hook(c)
	}
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Add(w.now)
}

// connect is peering.Connect for clusters in memory. A token that is refused answers 401, as an API server does.
func (w *world) connect(id peering.ID, config *rest.Config, o peering.ConnectOptions) (*peering.Cluster, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	member := w.mesh.Member(id.String())
	c := *member.Cluster
	c.Hosted = o.Hosted
	if o.Hosted {
		c.Istiods = nil
	}
	if !w.seen[config.BearerToken] && w.refused > 0 {
		w.refused--
		w.bad[config.BearerToken] = true
	}
	w.seen[config.BearerToken] = true
	if w.bad[config.BearerToken] || config.Host != member.Endpoint.Server {
		c.Objects = unauthorized{c.Objects}
	}
	return &c, nil
}

type unauthorized struct{ peering.Objects }

func (unauthorized) Get(context.Context, peering.Object) (peering.Object, error) {
	return nil, apierrors.NewUnauthorized("the token has ended")
}

type listener func(string)

func (l listener) Write(p []byte) (int, error) {
	l(string(p))
	return len(p), nil
}

// said is what a person saw.
type said struct {
	exit           int
	stdout, stderr string
}

func (s said) all() string { return s.stdout + s.stderr }

// lastLine is the error.
func (s said) lastLine() string {
	lines := strings.Split(strings.TrimSpace(s.stderr), "\n")
	return lines[len(lines)-1]
}

// run runs the program, patient for a moment. No secret may be in what it says.
func (w *world) run(t testing.TB, ctx context.Context, args ...string) said {
	t.Helper()
	mesh := filepath.Join(w.home, "mesh.yaml")
	var stdout, stderr bytes.Buffer
	p := program{stdout: &stdout, stderr: io.MultiWriter(&stderr, listener(w.wrote)), connect: func(o asmapi.Options) (asmapi.API, error) {
		o.Credential, o.Pause, o.Attempts = w.credential(), time.Millisecond, 4
		return asmapi.New(o)
	}}
	p.onboarding = onboard.Onboarding{Connect: w.connect, Every: w.every, Now: w.clock}
	exit := p.run(ctx, append([]string{
		"-mesh", mesh, "-endpoint", w.asm.Endpoint(), "-container-endpoint", w.asm.Endpoint(), "-protocol", "http", "-timeout", "300ms",
	}, args...))
	s := said{exit, stdout.String(), stderr.String()}
	for _, secret := range w.asm.Secrets() {
		require.False(t, strings.Contains(s.all(), secret), "a secret was printed")
	}
	require.True(t, strings.HasPrefix(s.stdout, notice))
	return s
}

// input writes another mesh.yaml.
func (w *world) input(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "mesh.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}
