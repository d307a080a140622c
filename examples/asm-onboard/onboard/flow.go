package onboard

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"k8s.io/client-go/rest"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/preflight"

	"github.com/meshpeer/meshpeer/examples/asm-onboard/asmapi"
)

// Onboarding holds what is wanted and the seams. Mesh and API are needed.
type Onboarding struct {
	Mesh    Mesh
	API     asmapi.API
	Peering peering.Peering  // of the links: role, credential and so on; Workload and Tolerate are the Mesh's
	Every   time.Duration    // between two looks at what ASM does. Default 5 s
	Timeout time.Duration    // of one wait. Default 10 minutes
	Log     *slog.Logger     // of progress. Default: none
	Now     func() time.Time // Default time.Now

	// Connect makes a cluster of what its kubeconfig says. Default peering.Connect.
	Connect func(peering.ID, *rest.Config, peering.ConnectOptions) (*peering.Cluster, error)
}

// Plan reads, and says what Apply would do. Reading a cluster takes a kubeconfig that ends after 15 minutes.
func (o *Onboarding) Plan(ctx context.Context) (*Result, error) { return o.run(ctx, false) }

// Apply does what is missing. A failure leaves what was done, and the next call goes on from there.
func (o *Onboarding) Apply(ctx context.Context) (*Result, error) { return o.run(ctx, true) }

// flow is all of it, in order. Each step reads what it needs and, when it may write, does what is missing.
func (r *run) flow() []step {
	return []step{
		{"instance", r.instance},     // DescribeServiceMeshDetail: it runs
		{"members", r.members},       // DescribeClustersInServiceMesh: who is in already
		{"candidates", r.candidates}, // DescribeServiceMeshClusters: may the others in? Findings with remedies
		{"access", r.access},         // DescribeClusterUserKubeconfig: for 15 minutes, in memory, tried at once
		{"join", r.join},             // AddClusterIntoServiceMesh: a lost reply is resolved by looking
		{"settle", r.settle},         // DescribeClustersInServiceMesh until State and ErrorMessage are fine
		{"network", r.network},       // MultiClusterNetwork: read, changed, read again
		{"config", r.config},         // DescribeServiceMeshKubeconfig: where the mesh configuration is
		{"planes", r.planes},         // ASMMeshConfig: which clusters have a control plane of their own
		{"check", r.check},           // preflight of the links, with the mesh configuration
		{"peer", r.peer},             // peering.Plan, or peering.Ensure
		{"verify", r.verify},         // peering.Verify, of what the hosted control plane reads, too
	}
}

type step struct {
	name string
	do   func(context.Context) error
}

// run is one call: what its steps hand down.
type run struct {
	*Onboarding
	write  bool
	result *Result
	keys   *keys

	joined  map[peering.ID]bool // by members, join
	meshCfg preflight.Reader    // by config
	own     map[peering.ID]bool // by planes: has a control plane of its own
}

func (o *Onboarding) run(ctx context.Context, write bool) (*Result, error) {
	filled := *o
	filled.Every, filled.Timeout = cmp.Or(o.Every, 5*time.Second), cmp.Or(o.Timeout, 10*time.Minute)
	if filled.Connect == nil {
		filled.Connect = peering.Connect
	}
	if filled.Now == nil {
		filled.Now = time.Now
	}
	if filled.Log == nil {
		filled.Log = slog.New(slog.DiscardHandler)
	}
	r := &run{Onboarding: &filled, write: write, result: &Result{Applied: write}, joined: map[peering.ID]bool{}}
	r.keys = &keys{api: o.API, private: o.Mesh.Private, now: filled.Now, held: map[peering.ID]asmapi.Kubeconfig{}}
	if err := o.Mesh.Validate(); err != nil {
		return r.result, &Error{Step: "input", Err: err, Hint: "correct mesh.yaml"}
	}
	for _, s := range r.flow() {
		err := ctx.Err()
		if err == nil {
			r.Log.Info("step", "step", s.name)
			err = s.do(ctx)
		}
		if err != nil {
			return r.result, located(s.name, stopped(ctx, err))
		}
	}
	return r.result, nil
}

// stopped is err, or that somebody stopped the call, whatever that broke.
func stopped(ctx context.Context, err error) error {
	ended := ctx.Err()
	if ended == nil {
		return err
	}
	e := &Error{Err: err, Hint: "run it again: it goes on from what is there"}
	if within, ok := errors.AsType[*Error](err); ok {
		e.Cluster, e.Err = within.Cluster, within.Err
	}
	if !errors.Is(e.Err, ended) {
		e.Err = fmt.Errorf("%w: %w", ended, e.Err)
	}
	return e
}

// located is err with the name of the step.
func located(name string, err error) *Error {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		e = &Error{Err: err}
	}
	if e.Step = name; e.Hint == "" {
		e.Hint = hint(err)
	}
	return e
}
