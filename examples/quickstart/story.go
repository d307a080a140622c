//go:build linux

package main

import (
	"context"
	"fmt"

	"github.com/meshpeer/meshpeer/internal/lab"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/istiod"
)

// mesh is the lab as the SDK sees it.
type mesh struct {
	lab      *lab.Lab
	clusters []*peering.Cluster
}

// story is what can be done without a data plane: both directions of two clusters with an istiod each.
func (m *mesh) story(ctx context.Context, tell *teller, keep bool) error {
	p := &peering.Peering{Observe: tell.event}
	links := peering.Mesh(m.clusters...)

	tell.chapter("Before: no istiod knows the other cluster")
	if err := m.lookAt(ctx, tell, istiod.NotSeen, links...); err != nil {
		return err
	}

	tell.chapter("Ensure: both directions")
	report, err := p.Ensure(ctx, links...)
	tell.report("ensure", report)
	if err != nil {
		return err
	}

	tell.chapter("After: every replica reads the other cluster")
	if err := m.lookAt(ctx, tell, istiod.Synced, links...); err != nil {
		return err
	}
	if err := m.again(ctx, tell, p, links...); err != nil {
		return err
	}
	if keep {
		return m.keep(ctx, tell)
	}
	return m.remove(ctx, tell, p, links...)
}

// again is the second call, which has nothing to do.
func (m *mesh) again(ctx context.Context, tell *teller, p *peering.Peering, links ...peering.Link) error {
	tell.chapter("Ensure again: nothing to do")
	marks := m.marks()
	report, err := p.Ensure(ctx, links...)
	tell.report("again", report)
	if err != nil {
		return err
	}
	return m.noWrites(tell, marks)
}

// remove takes the peering back and proves that nothing of it works any more.
func (m *mesh) remove(ctx context.Context, tell *teller, p *peering.Peering, links ...peering.Link) error {
	tokens, err := m.tokens(ctx, links)
	if err != nil {
		return err
	}
	tell.chapter("Remove, and the credentials revoked")
	report, err := p.Remove(ctx, links...)
	tell.report("remove", report)
	if err != nil {
		return err
	}
	if err := m.lookAt(ctx, tell, istiod.NotSeen, links...); err != nil {
		return err
	}
	return refused(ctx, tell, tokens)
}

// keep leaves everything as it is until the user has seen enough.
func (m *mesh) keep(ctx context.Context, tell *teller) error {
	tell.chapter("Kept: have a look around, Ctrl-C ends it")
	for _, c := range m.lab.Clusters {
		tell.line("%skubectl --kubeconfig %s get secrets,serviceaccounts -n istio-system", m.lab.EnterCommand(), c.Kubeconfig)
	}
	<-ctx.Done()
	return nil
}

// lookAt asks every istiod replica of From what it knows of To, through pods/portforward as on any cluster, and compares.
func (m *mesh) lookAt(ctx context.Context, tell *teller, want istiod.Status, links ...peering.Link) error {
	for _, l := range links {
		replicas, err := l.From.Istiods.Replicas(ctx)
		if err != nil {
			return err
		}
		if n := len(m.lab.Cluster(l.From.ID.String()).Istiods); len(replicas) != n {
			return fmt.Errorf("%s shows %d istiods, not %d", l.From.ID, len(replicas), n)
		}
		for _, r := range replicas {
			clusters, err := r.Clusterz(ctx)
			if err != nil {
				return err
			}
			status := istiod.NotSeen
			for _, seen := range clusters {
				if seen.ID == l.To.ID.String() {
					status = seen.Status
				}
			}
			tell.view(l.From.ID, r.Name, l.To.ID, status)
			if status != want {
				return fmt.Errorf("%s of %s says that %s is %s, not %s", r.Name, l.From.ID, l.To.ID, status, want)
			}
		}
	}
	return nil
}
