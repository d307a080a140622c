package traffic

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/probe"
)

// Measured is what one look at a link's freshness gave.
type Measured struct {
	From, To string
	Replicas []Sight       // every istiod of From that there was at the end, by name
	Wrote    time.Duration // how long To's API server took for the change
	Took     time.Duration // the whole look
	Err      error         // why nothing was seen, or perhaps not every istiod
	Left     []string      // canaries in To that could not be deleted, and why

	options       Freshness
	summary, hint string // of Err
}

// unknown is m where not everything was seen.
func (m Measured) unknown(err error, summary, hint string) Measured {
	m.Err, m.summary, m.hint = fit(err), summary, hint
	return m
}

// fit is an error that may be shown, whatever a server put into it.
func fit(err error) error { return probe.Result{Err: err}.Clean().Err }

// Slowest is the time after which every istiod showed the change. It is not ok unless each did.
func (m Measured) Slowest() (after time.Duration, ok bool) {
	for _, s := range m.Replicas {
		if !s.Seen || s.Err != nil {
			return 0, false
		}
		after = max(after, s.After)
	}
	return after, m.Err == nil && len(m.Replicas) > 0
}

// Result is Failed if an istiod did not show the change, Unknown if one could not be asked or nothing could be changed, and
// Warned if one took longer than Slow, or a canary is left behind.
func (m Measured) Result() probe.Result {
	r := probe.Result{Check: FreshnessCheck, Target: m.To + " from " + m.From, Took: m.Took}
	var stale, silent, seen []string
	var silence error
	var level istiod.Status
	for _, s := range m.Replicas {
		switch {
		case s.Err != nil:
			silent, silence = append(silent, s.Replica), errors.Join(silence, s.Err)
		case !s.Seen:
			stale = append(stale, fmt.Sprintf("%s, which says %s", s.Replica, cmp.Or(string(s.Status), "nothing")))
			level = s.Status
		default:
			seen = append(seen, fmt.Sprintf("%s %s", s.Replica, short(s.After)))
		}
	}
	slowest, every := m.Slowest()
	switch {
	case len(stale) > 0:
		r.Status = probe.Failed
		r.Summary = fmt.Sprintf("a change in %s is not seen after %s by %s", m.To, short(m.options.Within), strings.Join(stale, "; "))
		r.Hint = m.whyStale(level)
	case m.Err != nil:
		r.Status, r.Summary, r.Hint, r.Err = probe.Unknown, m.summary, m.hint, errors.Join(m.Err, silence)
	case len(silent) > 0 || !every:
		r.Status, r.Err = probe.Unknown, silence
		r.Summary = strings.Join(silent, ", ") + " could not be asked"
		r.Hint = "is the Pod ready, and may the caller create pods/portforward?"
	case slowest > m.options.Slow:
		r.Status, r.Summary = probe.Warned, fmt.Sprintf("a change in %s is seen late: %s", m.To, strings.Join(seen, ", "))
		r.Hint = "look at the load of these istiods, and at the way to the API server of " + m.To
		if m.Wrote > m.options.Slow/2 {
			r.Summary += fmt.Sprintf("; the API server took %s of it to store the change", short(m.Wrote))
		}
	default:
		r.Status, r.Summary = probe.Passed, fmt.Sprintf("every istiod sees a change in %s: %s", m.To, strings.Join(seen, ", "))
	}
	if len(m.Left) > 0 {
		r.Status = probe.Worst(r.Status, probe.Warned)
		r.Summary += "; " + strings.Join(m.Left, "; ")
		r.Hint = strings.TrimPrefix(r.Hint+"; Freshness.Recover deletes canaries whose deadline is over, as the next look does", "; ")
	}
	return r.Clean()
}

// whyStale is the next step for an istiod that says a status and does not see changes.
func (m Measured) whyStale(s istiod.Status) string {
	if s != istiod.Synced && s != "" {
		return s.Hint()
	}
	return "synced tells of its first sync only. Is its credential refused (check credential; Ensure or Rotate renews it), or its connection to " +
		m.To + " dead (restart that istiod)? Do meshConfig.discoverySelectors take namespace " + m.options.Namespace + " (else set Freshness.Namespace)?"
}

// short is a duration for people.
func short(d time.Duration) time.Duration {
	if d < time.Second {
		return d.Round(time.Millisecond)
	}
	return d.Round(10 * time.Millisecond)
}
