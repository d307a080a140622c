package mesh

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/examples/controller/api/v1alpha1"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/probe"
)

// noteEnsured writes into the status what became of links that were to be present, or to have a new credential.
func (p *pass) noteEnsured(o outcome, goal peering.Goal, plans *digests) {
	for pair, err := range o.failed {
		l := p.links[pair]
		p.late(l, err)
		clearFaults(l, v1alpha1.Ready)
		blame(l, v1alpha1.Ready, err)
		l.RenewAt = timeOf(spread(time.Now().Add(p.retryAfter()), p.retryAfter()/4, pair, ""))
	}
	for pair, report := range o.reports {
		l := p.links[pair]
		before := *l.DeepCopy()
		drifted := goal == peering.Present && p.settled(&before) && wrote(report)
		replaced := p.noteCredential(l, report)
		if before.Credential != 0 && (goal == peering.Rotated || p.overdue(&before)) && (replaced || report.Error != nil) {
			p.metrics().Rotated(p.key, pair, errorOf(report))
		}
		clearFaults(l, v1alpha1.Ready, v1alpha1.Granted, v1alpha1.CredentialFresh, v1alpha1.Drifted)
		synced(l, report.Results, report.Error != nil)
		hazards(l, report)
		if report.Error != nil {
			blameReport(l, report.Error)
			p.late(l, report.Error)
		} else {
			l.ObservedGeneration = p.mesh.Generation
		}
		if drifted {
			setFault(l, v1alpha1.Drifted, metav1.ConditionTrue, ReasonRepaired, changed(report.Changes))
		}
		if digest := plans.of[pair]; digest != "" {
			l.Plan = digest
		}
		l.Leftovers = leftovers(report.Left)
		p.noteNext(pair, l, report)
		p.noteLooked(pair, wrote(report))
	}
}

// settled says that nothing is known that Ensure should change.
func (p *pass) settled(l *v1alpha1.LinkStatus) bool {
	return l.ObservedGeneration == p.mesh.Generation && !failing(l) && !p.overdue(l) && len(l.Leftovers) == 0
}

// overdue says that the credential's time to be replaced has come.
func (p *pass) overdue(l *v1alpha1.LinkStatus) bool {
	now := time.Now()
	if by := p.rotation(l); !by.IsZero() && !by.After(now) {
		return true
	}
	due := renewable(l)
	return !due.IsZero() && !due.After(now)
}

// noteCredential writes down the credential in use, and says whether it is another one than before.
func (p *pass) noteCredential(l *v1alpha1.LinkStatus, report *peering.LinkReport) (replaced bool) {
	ref := report.Credential
	if ref == nil {
		return false
	}
	replaced = l.Credential != int32(ref.Generation)
	issued := ref.Issued
	if issued.IsZero() && (replaced || l.IssuedAt == nil) {
		issued = time.Now() // of one without that claim
	}
	if at := timeOf(issued); at != nil {
		l.IssuedAt = at
	}
	l.Credential, l.ExpiresAt = int32(ref.Generation), timeOf(ref.Expires)
	return replaced
}

// late makes a failure one of the credential too, when that is due or over.
func (p *pass) late(l *v1alpha1.LinkStatus, err error) {
	switch {
	case l.ExpiresAt != nil && !l.ExpiresAt.After(time.Now()):
		setFault(l, v1alpha1.CredentialFresh, metav1.ConditionFalse, ReasonExpired, "expired at "+l.ExpiresAt.UTC().Format(time.RFC3339)+": "+err.Error())
	case l.Credential != 0 && p.overdue(l):
		setFault(l, v1alpha1.CredentialFresh, metav1.ConditionFalse, ReasonRenewalFailed, err.Error())
	}
}

// noteNext decides when the link is looked at again. What was repaired, or kept because an istiod could not be seen, soon.
func (p *pass) noteNext(pair Pair, l *v1alpha1.LinkStatus, report *peering.LinkReport) {
	soon := report.Error != nil || len(report.Left) > 0 || faultOf(l, v1alpha1.Drifted) != nil
	if soon {
		l.RenewAt = timeOf(spread(time.Now().Add(p.retryAfter()), p.retryAfter()/4, pair, ""))
		return
	}
	l.RenewAt = timeOf(p.renewal(l, report.RenewAt))
}

// noteLooked ends the look: what was heard of the link meanwhile are echoes if it was written to.
func (p *pass) noteLooked(pair Pair, wrote bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.looked[pair] = time.Now()
	if wrote {
		delete(p.touched, pair)
	}
}

// hazards notes what the version of an istiod is known for. Only a call that changed something has looked.
func hazards(l *v1alpha1.LinkStatus, report *peering.LinkReport) {
	if reason, _ := reasonOf(errorOf(report)); reason == ReasonHazard {
		setFault(l, v1alpha1.Hazard, metav1.ConditionTrue, ReasonHazard, report.Error.Err.Error()+": "+report.Error.Hint)
		return
	}
	for _, f := range report.Findings {
		if f.ID == "rotation-hazards" && f.Status != probe.Unknown {
			setFault(l, v1alpha1.Hazard, metav1.ConditionTrue, ReasonHazard, f.Evidence+": "+f.Remedy)
			return
		}
	}
	if wrote(report) {
		clearFaults(l, v1alpha1.Hazard)
	}
}

// noteRemoved takes links off the record that are gone, and names what is left of the others.
func (p *pass) noteRemoved(o outcome) {
	for pair, err := range o.failed {
		p.left(pair, nil, err)
	}
	for pair, report := range o.reports {
		if report.Error == nil && len(report.Left) == 0 {
			p.tell(pair, eventNormal, reasonRemoved, ending(report))
			delete(p.links, pair)
			continue
		}
		p.left(pair, report, errorOf(report))
	}
}

// left notes a removal that did not end.
func (p *pass) left(pair Pair, report *peering.LinkReport, err error) {
	l := p.links[pair]
	l.RenewAt = nil
	if err != nil {
		blame(l, v1alpha1.Ready, err)
	}
	if report != nil {
		l.Leftovers = leftovers(report.Left)
		if err == nil {
			setFault(l, v1alpha1.Ready, metav1.ConditionFalse, ReasonLeftovers, changed(report.Left))
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.later[pair] = spread(time.Now().Add(p.retryAfter()/2), p.retryAfter()/4, pair, "")
}

// ending says how much of the end of a link was seen.
func ending(report *peering.LinkReport) string {
	for _, r := range report.Results {
		if r.Check == "credential-refused" && r.Status == probe.Passed {
			return "removed, and its credential is refused"
		}
	}
	return "removed; that its credential is refused was not seen"
}

func leftovers(left []peering.Change) (all []string) {
	for _, c := range left {
		all = append(all, c.Object+" on "+c.On.String())
	}
	return all
}

// changed names the first change, and how many more there are.
func changed(all []peering.Change) string {
	var first string
	n := 0
	for _, c := range all {
		if c.Action == peering.Unchanged || c.Action == peering.Verified {
			continue
		}
		if n++; n == 1 {
			first = fmt.Sprintf("%s on %s: %s", c.Object, c.On, c.Action)
			if c.Reason != "" {
				first += ": " + c.Reason
			}
		}
	}
	if n > 1 {
		first += fmt.Sprintf(" (and %d more)", n-1)
	}
	return first
}

// errorOf is the failure of a link as an error that is nil if there is none.
func errorOf(report *peering.LinkReport) error {
	if report.Error == nil {
		return nil
	}
	return report.Error
}

// wrote says that the call changed something for the link.
func wrote(report *peering.LinkReport) bool { return changed(report.Changes) != "" }
