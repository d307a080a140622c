package mesh

import (
	"slices"
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/examples/controller/api/v1alpha1"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/probe"
)

// fault of a link, or its end.
func setFault(l *v1alpha1.LinkStatus, kind string, status metav1.ConditionStatus, reason, message string) {
	f := v1alpha1.LinkFault{Type: kind, Status: status, Reason: reason, Message: short(message), Since: *timeOf(time.Now())}
	i := slices.IndexFunc(l.Faults, func(f v1alpha1.LinkFault) bool { return f.Type == kind })
	if i < 0 {
		l.Faults = append(l.Faults, f)
		return
	}
	if old := l.Faults[i]; old.Status == status && old.Reason == reason {
		f.Since = old.Since
	}
	l.Faults[i] = f
}

func clearFaults(l *v1alpha1.LinkStatus, kinds ...string) {
	l.Faults = slices.DeleteFunc(l.Faults, func(f v1alpha1.LinkFault) bool { return slices.Contains(kinds, f.Type) })
	if len(l.Faults) == 0 {
		l.Faults = nil
	}
}

func faultOf(l *v1alpha1.LinkStatus, kind string) *v1alpha1.LinkFault {
	if i := slices.IndexFunc(l.Faults, func(f v1alpha1.LinkFault) bool { return f.Type == kind }); i >= 0 {
		return &l.Faults[i]
	}
	return nil
}

// failing says that something of the link is wrong or unknown that Ensure is there for.
func failing(l *v1alpha1.LinkStatus) bool {
	return slices.ContainsFunc(l.Faults, func(f v1alpha1.LinkFault) bool {
		return f.Type != v1alpha1.Drifted && f.Type != v1alpha1.Hazard && f.Type != v1alpha1.DiscoveryFresh && f.Type != v1alpha1.TrafficProved
	})
}

// wellness of a link: what the mesh's condition Ready makes of it. A control plane that nobody can ask is made up for by an answer
// over the link.
func wellness(l *v1alpha1.LinkStatus, generation int64, probed bool) metav1.ConditionStatus {
	worst := metav1.ConditionTrue
	for _, f := range l.Faults {
		switch {
		case f.Type == v1alpha1.Drifted && f.Reason == ReasonRepaired, f.Type == v1alpha1.Hazard:
		case f.Type == v1alpha1.Synced && f.Status == metav1.ConditionUnknown && probed && faultOf(l, v1alpha1.TrafficProved) == nil:
		case f.Status == metav1.ConditionUnknown && worst == metav1.ConditionTrue:
			worst = metav1.ConditionUnknown
		case f.Status != metav1.ConditionUnknown:
			worst = metav1.ConditionFalse
		}
	}
	if worst == metav1.ConditionTrue && (l.ObservedGeneration != generation || l.RemovingSince != nil) {
		return metav1.ConditionUnknown
	}
	return worst
}

// blame notes a failure of a link.
func blame(l *v1alpha1.LinkStatus, kind string, err error) {
	reason, unknown := reasonOf(err)
	status := metav1.ConditionFalse
	if unknown {
		status = metav1.ConditionUnknown
	}
	setFault(l, kind, status, reason, err.Error())
}

// blameReport notes the failure that a report has of a link, with the next step.
func blameReport(l *v1alpha1.LinkStatus, e *peering.Error) {
	reason, unknown := reasonOf(e)
	status := metav1.ConditionFalse
	if unknown {
		status = metav1.ConditionUnknown
	}
	text := e.Err.Error()
	if e.Hint != "" {
		text = cut(text, maxMessage*2/3) + ": " + e.Hint
	}
	setFault(l, conditionOf(e.Stage), status, reason, text)
}

// synced notes what istiods said.
func synced(l *v1alpha1.LinkStatus, results []probe.Result, failed bool) {
	var all, good int
	var bad, unseen *probe.Result
	for i, r := range results {
		if r.Check != "istiod-synced" {
			continue
		}
		all++
		switch r.Status {
		case probe.Passed:
			good++
		case probe.Failed:
			bad = &results[i]
		default:
			unseen = &results[i]
		}
	}
	if all == 0 && failed { // nobody came as far as to ask
		return
	}
	l.Istiods = ""
	clearFaults(l, v1alpha1.Synced)
	if good > 0 || bad != nil {
		l.Istiods = strconv.Itoa(good) + "/" + strconv.Itoa(all)
	}
	switch {
	case bad != nil:
		setFault(l, v1alpha1.Synced, metav1.ConditionFalse, ReasonNotSynced, bad.Target+": "+bad.Summary+": "+bad.Hint)
	case unseen != nil:
		setFault(l, v1alpha1.Synced, metav1.ConditionUnknown, ReasonNotSeen, unseen.Summary+": "+unseen.Hint)
	case all == 0:
		setFault(l, v1alpha1.Synced, metav1.ConditionUnknown, ReasonNotSeen, "no istiod was asked")
	}
}

func short(text string) string { return cut(strings.Join(strings.Fields(text), " "), maxMessage) }

// cut ends a text after so many bytes, between two runes.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && text[most]&0xc0 == 0x80 {
		most--
	}
	return text[:most] + "…"
}
