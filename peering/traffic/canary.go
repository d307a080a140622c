package traffic

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/meshpeer/meshpeer/internal/apply"
	"github.com/meshpeer/meshpeer/internal/kube"
	"github.com/meshpeer/meshpeer/probe"
)

// Canary is an EndpointSlice in To that is changed to see who notices. Make it with [Freshness.Canary]. It is safe for concurrent
// use: looks take turns.
type Canary struct {
	options  Freshness
	from, to Side

	mu   sync.Mutex
	made *discoveryv1.EndpointSlice // as the API server has it; nil: none that can be updated
	undo apply.Undo                 // deletes what was made, or may have been; nil: there is nothing
	turn int
}

const (
	canaryWrite = 20 * time.Second // for one change
	canaryClose = 20 * time.Second // for the deletion, whatever became of the caller's context
)

// mark tells one change of one canary from all others.
type mark struct {
	portName, address string
	sent, done        time.Time
}

// Look changes the canary, which it makes if there is none, and waits until every istiod of From shows the change, or for
// Within. What it could not do is in the Measured.
func (c *Canary) Look(ctx context.Context) (m Measured) {
	c.mu.Lock()
	defer c.mu.Unlock()
	m = Measured{From: c.from.ID, To: c.to.ID, options: c.options}
	start := time.Now()
	defer func() { m.Took = time.Since(start) }()
	if ctx.Err() != nil {
		return m.unknown(context.Cause(ctx), noTime, moreTime)
	}
	if err := c.options.Validate(); err != nil {
		return m.unknown(err, err.Error(), "correct the field that is named")
	}
	// The istiods first: nothing is written for a look that cannot be.
	replicas, err := c.from.istiods(ctx)
	if err != nil {
		hint := c.from.whyNoIstiod(err)
		if c.from.Hosted {
			hint = "only the host of the control plane can ask it: rely on requests"
		}
		return m.unknown(err, "no istiod of "+m.From+" could be asked", hint)
	}
	objects, err := c.to.writable()
	if err != nil {
		return m.unknown(err, "nothing can be created in "+m.To, "let Side.Objects have Create and Delete, as every peering.Objects has")
	}
	if c.undo == nil {
		if _, err := c.options.sweep(ctx, objects, c.to); err != nil {
			m.Left = append(m.Left, fit(err).Error())
		}
	}
	change, err := c.change(ctx, objects)
	if err != nil {
		hint := cmp.Or(apply.Advice(err), "see that the API server of "+m.To+" answers, and that the caller may get, create, update and delete endpointslices in namespace "+
			c.options.Namespace+" there")
		return m.unknown(fmt.Errorf("traffic: canary in %q: %w", c.to.ID, err), "nothing could be changed in "+m.To, hint)
	}
	m.Wrote = change.done.Sub(change.sent)
	if m.Replicas, err = c.watch(ctx, change, replicas); err != nil {
		m = m.unknown(err, "which istiods of "+m.From+" there are now could not be seen", "look again when its API server answers and no rollout is under way")
	}
	if _, ok := m.Slowest(); !ok && ctx.Err() != nil {
		m = m.unknown(context.Cause(ctx), noTime, moreTime)
	}
	return m
}

const (
	noTime   = "there was no time left to ask every istiod"
	moreTime = "call again with more time"
)

// Probe is a [probe.Prober]: the Result of a Look.
func (c *Canary) Probe(ctx context.Context) probe.Result { return c.Look(ctx).Result() }

// Close deletes the canary, also when ctx has ended. The error names one that is, or may be, left behind; call again then. A
// Look after it makes another.
func (c *Canary) Close(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.drop(ctx)
}

// change makes the canary another than it was. One that somebody deleted or wrote to is given up for a new one.
func (c *Canary) change(ctx context.Context, objects apply.Objects) (mark, error) {
	ctx, cancel := context.WithTimeout(ctx, canaryWrite)
	defer cancel()
	if c.made != nil {
		want := c.made.DeepCopy()
		m := c.mark(want)
		stored, err := objects.Update(ctx, want)
		if err == nil {
			return c.keep(m, stored)
		}
		if !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
			return m, err
		}
	}
	if err := c.drop(ctx); err != nil {
		return mark{}, err
	}
	want := c.options.slice(c.from)
	m := c.mark(want)
	var stored kube.Object
	var err error
	stored, c.undo, err = apply.Writer{Objects: objects, Nonce: *want.Ports[0].Name}.Create(ctx, want)
	if err != nil {
		return m, err
	}
	return c.keep(m, stored)
}

// mark gives want another endpoint and deadline.
func (c *Canary) mark(want *discoveryv1.EndpointSlice) mark {
	c.turn++
	no, m := false, mark{portName: *want.Ports[0].Name, address: fmt.Sprintf("192.0.2.%d", 1+c.turn%254), sent: time.Now()}
	want.Endpoints = []discoveryv1.Endpoint{{
		Addresses: []string{m.address}, Conditions: discoveryv1.EndpointConditions{Ready: &no, Serving: &no, Terminating: &no},
	}}
	want.Annotations[canaryAnnotation] = m.sent.Add(c.options.Keep).UTC().Format(time.RFC3339)
	return m
}

// keep remembers what is stored now.
func (c *Canary) keep(m mark, stored kube.Object) (mark, error) {
	m.done = time.Now()
	made, ok := stored.(*discoveryv1.EndpointSlice)
	if !ok {
		return m, fmt.Errorf("its Objects gave %T in place of %T: see peeringtest.TestObjects", stored, made)
	}
	made.TypeMeta = sliceKind
	c.made = made
	return m, nil
}

// drop deletes what c made, and nothing that another has made of it.
func (c *Canary) drop(ctx context.Context) error {
	if c.undo == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), canaryClose)
	defer cancel()
	err := c.undo(ctx)
	if _, anothers := errors.AsType[*apply.ChangedError](err); err != nil && !anothers && !errors.Is(err, apply.ErrNothing) {
		return fmt.Errorf("traffic: a canary in namespace %s of %q is left behind: %w", c.options.Namespace, c.to.ID, err)
	}
	c.made, c.undo = nil, nil
	return nil
}
