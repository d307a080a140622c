package mesh

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/examples/controller/api/v1alpha1"
	"github.com/meshpeer/meshpeer/peering"
)

// good is the status of each condition when all is well.
var good = map[string]metav1.ConditionStatus{
	v1alpha1.Granted: metav1.ConditionTrue, v1alpha1.CredentialFresh: metav1.ConditionTrue, v1alpha1.Synced: metav1.ConditionTrue,
	v1alpha1.DiscoveryFresh: metav1.ConditionTrue, v1alpha1.TrafficProved: metav1.ConditionTrue,
	v1alpha1.Drifted: metav1.ConditionFalse, v1alpha1.Hazard: metav1.ConditionFalse,
}

// conclude sums the links up: conditions, counts, metrics.
func (p *pass) conclude() {
	if p.deleting() && len(p.links) == 0 {
		return
	}
	status := &p.mesh.Status
	status.ObservedGeneration = p.mesh.Generation
	for kind := range good {
		if kind == v1alpha1.TrafficProved && p.mesh.Spec.Probe == nil || kind == v1alpha1.DiscoveryFresh && !p.measures() {
			meta.RemoveStatusCondition(&status.Conditions, kind)
			continue
		}
		p.sum(kind)
	}
	p.sumReady()
	slices.SortFunc(status.Conditions, func(a, b metav1.Condition) int { return cmp.Compare(a.Type, b.Type) })

	var first time.Time
	for _, l := range p.links {
		if at := p.nextOf(l); l.RemovingSince == nil && !at.IsZero() && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	status.RenewAt = timeOf(first)
	p.Connector.Keep(p.key, p.ends()...)
	p.putInventory()
	p.metrics().Links(p.key, status.Links)
}

// ends are the clusters that links of the record, or the source, name: connections to all others may go.
func (p *pass) ends() (all []peering.ID) {
	names := map[string]bool{}
	for name := range p.members {
		names[name] = true
	}
	for pair := range p.links {
		names[pair.From], names[pair.To] = true, true
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if id, err := peering.ParseIstioID(name); err == nil {
			all = append(all, id)
		}
	}
	return all
}

// giveUp lets go of links whose removal did not end in time. What is left of them is told.
func (p *pass) giveUp() {
	now := time.Now()
	p.mu.Lock()
	tried := func(pair Pair) bool { return p.tried[pair] == removal }
	var over []Pair
	for pair, l := range p.links {
		if l.RemovingSince == nil {
			continue
		}
		if end := l.RemovingSince.Add(p.deadline()); !end.After(now) && (tried(pair) || now.Sub(end) > time.Minute) {
			over = append(over, pair)
		}
	}
	p.mu.Unlock()
	for _, pair := range over {
		text := "given up after " + p.deadline().String()
		if l := p.links[pair]; len(l.Leftovers) > 0 {
			text += fmt.Sprintf(": left %v", l.Leftovers)
		} else if f := faultOf(l, v1alpha1.Ready); f != nil {
			text += ": " + f.Message
		}
		p.tell(pair, eventWarning, ReasonDeadlineExceeded, text)
		delete(p.links, pair)
	}
}

// sum makes a condition of the links' faults.
func (p *pass) sum(kind string) {
	c := metav1.Condition{Type: kind, Status: good[kind], Reason: ReasonAllWell, ObservedGeneration: p.mesh.Generation}
	if good[kind] == metav1.ConditionFalse {
		c.Reason = ReasonNone
	}
	var worst *v1alpha1.LinkFault
	var at Pair
	n, fresh := 0, 0
	for _, l := range p.ordered() {
		f := faultOf(l, kind)
		if l.ObservedGeneration == 0 && f == nil {
			fresh++
		}
		if f == nil {
			continue
		}
		if n++; worst == nil || worst.Status == metav1.ConditionUnknown && f.Status != metav1.ConditionUnknown {
			worst, at = f, Pair{l.From, l.To}
		}
	}
	switch {
	case worst != nil:
		c.Status, c.Reason = worst.Status, worst.Reason
		c.Message = fmt.Sprintf("%d of %d links: %s: %s", n, len(p.links), at, worst.Message)
	case kind == v1alpha1.Drifted || kind == v1alpha1.Hazard:
	case len(p.links) == 0:
		c.Status, c.Reason = metav1.ConditionUnknown, ReasonNoMembers
	case fresh > 0:
		c.Status, c.Reason = metav1.ConditionUnknown, ReasonProgressing
		c.Message = fmt.Sprintf("%d of %d links were not made yet", fresh, len(p.links))
	}
	meta.SetStatusCondition(&p.mesh.Status.Conditions, c)
}

// sumReady makes the condition that sums up all others.
func (p *pass) sumReady() {
	c := metav1.Condition{Type: v1alpha1.Ready, Status: metav1.ConditionTrue, Reason: ReasonAllWell, ObservedGeneration: p.mesh.Generation}
	ready := 0
	var bad *v1alpha1.LinkStatus
	worst := metav1.ConditionTrue
	for _, l := range p.ordered() {
		switch s := wellness(l, p.mesh.Generation, p.mesh.Spec.Probe != nil); s {
		case metav1.ConditionTrue:
			ready++
		case metav1.ConditionFalse:
			if worst != s {
				bad, worst = l, s
			}
		default:
			if worst == metav1.ConditionTrue {
				bad, worst = l, s
			}
		}
	}
	p.mesh.Status.LinksReady = fmt.Sprintf("%d/%d", ready, len(p.links))
	c.Message = p.mesh.Status.LinksReady + " links are ready"
	if bad != nil {
		c.Status, c.Reason = worst, ReasonProgressing
		c.Message += "; " + Pair{bad.From, bad.To}.String()
		if f := worstFault(bad); f != nil {
			c.Reason = f.Reason
			c.Message += ": " + f.Message
		} else if bad.RemovingSince != nil {
			c.Message += ": is being removed"
		}
	}
	switch broken := p.broken(); {
	case p.unknown != nil && worst != metav1.ConditionFalse:
		c.Status, c.Reason, c.Message = metav1.ConditionUnknown, ReasonSourceUnknown, short(p.unknown.Error())
	case broken != nil && worst != metav1.ConditionFalse:
		c.Status, c.Reason, c.Message = metav1.ConditionUnknown, ReasonMemberUnknown, short(broken.Error())
	case p.unknown == nil && len(p.members) < 2 && len(p.links) == 0 && !p.deleting():
		c.Status, c.Reason, c.Message = metav1.ConditionFalse, ReasonNoMembers, fmt.Sprintf("the source names %d members, and a link needs two", len(p.members))
	}
	meta.SetStatusCondition(&p.mesh.Status.Conditions, c)
}

// broken is the first member that cannot be described.
func (p *pass) broken() error {
	var first *MemberError
	for id, m := range p.members {
		if m.Err != nil && (first == nil || id < first.ID) {
			first = &MemberError{ID: id, Err: m.Err}
		}
	}
	if first == nil {
		return nil
	}
	return first
}

// worstFault of a link: one that is known, if any is, and not one that stands beside readiness.
func worstFault(l *v1alpha1.LinkStatus) (worst *v1alpha1.LinkFault) {
	for i := range l.Faults {
		f := &l.Faults[i]
		if f.Type == v1alpha1.Hazard || f.Type == v1alpha1.Drifted && f.Reason == ReasonRepaired {
			continue
		}
		if worst == nil || worst.Status == metav1.ConditionUnknown && f.Status != metav1.ConditionUnknown {
			worst = f
		}
	}
	return worst
}

// ordered are the links in the order of the status.
func (p *pass) ordered() []*v1alpha1.LinkStatus {
	all := make([]*v1alpha1.LinkStatus, 0, len(p.links))
	for _, l := range p.links {
		all = append(all, l)
	}
	slices.SortFunc(all, func(a, b *v1alpha1.LinkStatus) int { return Pair{a.From, a.To}.compare(Pair{b.From, b.To}) })
	return all
}
