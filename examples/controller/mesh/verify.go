package mesh

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/examples/controller/api/v1alpha1"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/probe"
)

// rungs are the checks of Verify below a request, and the condition that each is told by. All others are of the way of a request.
var rungs = map[string]string{
	"remote-secret": v1alpha1.CredentialFresh,
	"credential":    v1alpha1.CredentialFresh,
	"rights":        v1alpha1.Granted,
	"istiod-synced": v1alpha1.Synced,
}

// noteVerified writes into the status what a look from the bottom up showed. What is wrong is put right by the next Ensure, at once.
func (p *pass) noteVerified(o outcome) {
	for pair, err := range o.failed {
		blame(p.links[pair], v1alpha1.TrafficProved, err)
	}
	for pair, report := range o.reports {
		l := p.links[pair]
		well := !failing(l)
		clearFaults(l, v1alpha1.Granted, v1alpha1.CredentialFresh, v1alpha1.TrafficProved)
		synced(l, report.Results, report.Error != nil)
		p.judge(l, report)
		if ref := report.Credential; ref != nil && p.observes() {
			p.noteCredential(l, report)
		}
		if well && failing(l) && !p.observes() {
			p.mu.Lock()
			p.touched[pair] = true
			p.mu.Unlock()
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, pairs := range []map[Pair]bool{keys(o.failed), keys(o.reports)} {
		for pair := range pairs {
			p.probed[pair] = time.Now()
		}
	}
}

func keys[V any](m map[Pair]V) map[Pair]bool {
	all := make(map[Pair]bool, len(m))
	for pair := range m {
		all[pair] = true
	}
	return all
}

// judge reads the results of Verify.
func (p *pass) judge(l *v1alpha1.LinkStatus, report *peering.LinkReport) {
	if report.Error != nil {
		blameReport(l, report.Error)
	}
	asked := false
	for _, r := range report.Results {
		kind, below := rungs[r.Check]
		if !below {
			kind, asked = v1alpha1.TrafficProved, asked || r.Status == probe.Passed || r.Status == probe.Warned
		}
		if kind == v1alpha1.Synced || faultOf(l, kind) != nil {
			continue
		}
		switch r.Status {
		case probe.Failed:
			setFault(l, kind, metav1.ConditionFalse, ReasonFailed, r.Summary+": "+r.Hint)
		case probe.Unknown:
			setFault(l, kind, metav1.ConditionUnknown, ReasonNotSeen, r.Summary+": "+r.Hint)
		}
	}
	if p.mesh.Spec.Probe != nil && !asked && faultOf(l, v1alpha1.TrafficProved) == nil {
		setFault(l, v1alpha1.TrafficProved, metav1.ConditionUnknown, ReasonNotTried, "what is below it does not hold")
	}
}

// observe says what Enforce would write.
func (p *pass) observe(ctx context.Context, options *peering.Peering, pairs []Pair) {
	if len(pairs) == 0 {
		return
	}
	p.mark(pairs, false)
	links, failed := p.clusters(ctx, pairs, false)
	for pair, err := range failed {
		blame(p.links[pair], v1alpha1.Ready, err)
	}
	if len(links) == 0 {
		return
	}
	plan, err := options.Plan(ctx, peering.Present, links...)
	if plan == nil {
		for _, link := range links {
			blame(p.links[pairOf(link)], v1alpha1.Ready, err)
		}
		return
	}
	for _, planned := range plan.Links {
		pair := Pair{planned.From.String(), planned.To.String()}
		l := p.links[pair]
		clearFaults(l, v1alpha1.Ready, v1alpha1.Drifted)
		if planned.Error != nil {
			blameReport(l, planned.Error)
		} else {
			l.ObservedGeneration = p.mesh.Generation
		}
		changes := make([]peering.Change, len(planned.Steps))
		for i, s := range planned.Steps {
			changes[i] = s.Change
		}
		if text := changed(changes); text != "" {
			setFault(l, v1alpha1.Drifted, metav1.ConditionTrue, ReasonWouldChange, text)
		}
		l.Plan = plan.Digest()[:12]
		p.noteLooked(pair, false)
	}
}
