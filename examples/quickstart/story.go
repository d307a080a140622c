//go:build linux

package main

import (
	"context"
	"fmt"

	"github.com/meshpeer/meshpeer/internal/lab"
	"github.com/meshpeer/meshpeer/peering"
)

// mesh is the lab as the SDK sees it.
type mesh struct {
	lab      *lab.Lab
	clusters []*peering.Cluster
}

// story is the main job, in the order in which a platform team would do it.
func (m *mesh) story(ctx context.Context, tell *teller, keep bool) error {
	p := &peering.Peering{Observe: tell.event}
	links := peering.Mesh(m.clusters...)

	tell.chapter("Before: no istiod knows the other cluster")
	if err := m.look(ctx, tell, peering.NotSeen); err != nil {
		return err
	}

	tell.chapter("Ensure: both directions")
	report, err := p.Ensure(ctx, links...)
	tell.report("ensure", report)
	if err != nil {
		return err
	}

	tell.chapter("After: every replica reads the other cluster")
	if err := m.look(ctx, tell, peering.Synced); err != nil {
		return err
	}

	tell.chapter("Ensure again: nothing to do")
	marks := m.marks()
	report, err = p.Ensure(ctx, links...)
	tell.report("again", report)
	if err != nil {
		return err
	}
	if err := m.noWrites(tell, marks); err != nil {
		return err
	}

	if keep {
		return m.keep(ctx, tell)
	}

	tokens, err := m.tokens(ctx, links)
	if err != nil {
		return err
	}
	tell.chapter("Remove: both directions, and the credentials revoked")
	report, err = p.Remove(ctx, links...)
	tell.report("remove", report)
	if err != nil {
		return err
	}
	if err := m.look(ctx, tell, peering.NotSeen); err != nil {
		return err
	}
	return refused(ctx, tell, tokens)
}

// keep leaves everything as it is until the user has seen enough.
func (m *mesh) keep(ctx context.Context, tell *teller) error {
	tell.chapter("Kept: have a look around, Ctrl-C ends it")
	for _, c := range m.lab.Clusters {
		tell.line("%s%s --kubeconfig %s get secrets,serviceaccounts -n istio-system", m.lab.EnterCommand(), "kubectl", c.Kubeconfig)
	}
	<-ctx.Done()
	return nil
}

// look asks every istiod replica what it knows, through pods/portforward as on any cluster, and compares.
func (m *mesh) look(ctx context.Context, tell *teller, want peering.SyncStatus) error {
	for i, c := range m.clusters {
		other := m.clusters[1-i].ID
		replicas, err := c.Istiods.Replicas(ctx)
		if err != nil {
			return err
		}
		if len(replicas) != len(m.lab.Clusters[i].Istiods) {
			return fmt.Errorf("%s shows %d istiods, not %d", c.ID, len(replicas), len(m.lab.Clusters[i].Istiods))
		}
		for _, r := range replicas {
			clusters, err := r.Clusterz(ctx)
			if err != nil {
				return err
			}
			status := peering.NotSeen
			for _, seen := range clusters {
				if seen.ID == other.String() {
					status = seen.Status
				}
			}
			tell.view(c.ID, r.Name, other, status)
			if status != want {
				return fmt.Errorf("%s of %s says that %s is %s, not %s", r.Name, c.ID, other, status, want)
			}
		}
	}
	return nil
}
