package onboard

import (
	"context"
	"errors"
	"slices"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/probe"
)

// links between clusters of the mesh: those of a control plane of the cluster's own are ours to make, those of the hosted one
// are only looked at. Between two hosted ones there is nothing of ours.
func (r *run) links(clusters map[peering.ID]*peering.Cluster) (ours, theirs []peering.Link) {
	for _, from := range r.Mesh.Clusters {
		for _, to := range r.Mesh.Clusters {
			l := peering.Link{From: clusters[from.ID], To: clusters[to.ID]}
			switch {
			case from.ID == to.ID || l.From == nil || l.To == nil:
			case r.own[from.ID]:
				ours = append(ours, l)
			case r.own[to.ID]:
				theirs = append(theirs, l)
			}
		}
	}
	return ours, theirs
}

// laterLinks are those that cannot be planned yet: what a cluster is given when it joins decides what they take.
func (r *run) laterLinks() {
	for _, from := range r.Mesh.Clusters {
		for _, to := range r.Mesh.Clusters {
			if from.ID != to.ID && r.own[from.ID] && !(r.joined[from.ID] && r.joined[to.ID]) {
				r.result.Changes = append(r.result.Changes, Change{Step: "peer", Cluster: from.ID.String() + " -> " + to.ID.String(), What: "to be planned when both are in the mesh"})
			}
		}
	}
}

// options are those of the caller, with progress.
func (r *run) options() *peering.Peering {
	p := r.Peering
	if r.Mesh.Workload != nil {
		p.Workload = r.Mesh.Workload
	}
	p.Tolerate = slices.Concat(p.Tolerate, r.Mesh.Tolerate)
	given := p.Observe
	p.Observe = func(e peering.Event) {
		if given != nil {
			given(e)
		}
		if e.Error != "" || e.Action != peering.Unchanged && e.Action != peering.Verified {
			r.Log.Info("link", "from", e.From, "to", e.To, "on", e.On, "object", e.Object, "action", e.Action, "reason", e.Reason, "error", e.Error)
		}
	}
	return &p
}

// check is the preflight with the mesh configuration, which that of peering does not have: findings that it makes, too, are
// left to it.
func (r *run) check(ctx context.Context) error {
	clusters, err := r.connect(ctx)
	if err != nil {
		return err
	}
	ours, _ := r.links(clusters)
	tolerated := r.options().Tolerate
	checker := preflight.NewChecker()
	for _, l := range ours {
		if l.From.Checks == nil || l.To.Checks == nil {
			continue
		}
		in := preflight.Input{From: *l.From.Checks, To: *l.To.Checks, Config: r.meshCfg, Flavour: preflight.ASM, Endpoint: l.To.Endpoint, Dial: l.To.Dial}
		in.OwnLabels = map[string]string{peering.LabelManagedBy: peering.ManagedBy, peering.LabelFrom: l.From.ID.String(), peering.LabelTo: l.To.ID.String()}
		findings, err := checker.Check(ctx, in)
		if err != nil {
			return err
		}
		for _, f := range findings {
			if f.Status == probe.Failed && slices.Contains(tolerated, f.ID) {
				f.Status = probe.Warned
			}
			if f.Status == probe.Failed || f.Status == probe.Warned {
				f.Subject = l.String() + ": " + f.Subject
				r.result.Findings = append(r.result.Findings, f)
			}
		}
	}
	return r.blocked()
}

// peer plans or makes the links.
func (r *run) peer(ctx context.Context) error {
	clusters, err := r.connect(ctx)
	if err != nil {
		return err
	}
	ours, _ := r.links(clusters)
	r.laterLinks()
	if len(ours) == 0 {
		return nil
	}
	if r.write {
		r.result.Peered, err = r.options().Ensure(ctx, ours...)
		return peered(err)
	}
	if r.result.Plan, err = r.options().Plan(ctx, peering.Present, ours...); err != nil {
		return err
	}
	var failed []error
	for _, l := range r.result.Plan.Links {
		if l.Error != nil {
			failed = append(failed, l.Error)
		}
	}
	return peered(errors.Join(failed...))
}

// peered tells findings from failures.
func peered(err error) error {
	if _, ok := errors.AsType[*peering.PreflightError](err); ok {
		return errors.Join(ErrForbidden, err)
	}
	return err
}

// verify looks at all links, and tries them with the workload.
func (r *run) verify(ctx context.Context) error {
	if !r.write {
		return nil
	}
	clusters, err := r.connect(ctx)
	if err != nil {
		return err
	}
	ours, theirs := r.links(clusters)
	if len(ours)+len(theirs) == 0 {
		return nil
	}
	r.result.Verified, err = r.options().Verify(ctx, append(ours, theirs...)...)
	return err
}
