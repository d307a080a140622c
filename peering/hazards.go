package peering

import (
	"context"
	"fmt"
	"slices"

	"github.com/meshpeer/meshpeer/peering/preflight"
)

// HazardError says that an istiod of From is of a version with which a rotation cannot be proved to have worked: it may keep
// using the old credential and report synced.
type HazardError struct {
	Version string
	Hazard  preflight.Hazard
}

func (e *HazardError) Error() string {
	return fmt.Sprintf("istiod %s: %s (%s)", line(e.Version), e.Hazard.What, e.Hazard.Source)
}

// hazards are those that a change of the remote secret meets in From's istiods, by version: one replica of another version,
// a canary, hides behind none.
func (w *work) hazards() (all []HazardError) {
	if w.live.secret == nil {
		return nil
	}
	for _, version := range w.from.versions() {
		for _, h := range preflight.Hazards(version) {
			if h.When == "" {
				all = append(all, HazardError{Version: version, Hazard: h})
			}
		}
	}
	return all
}

// versions that replicas name, each once and in order.
func (m *member) versions() (all []string) {
	for _, r := range m.replicas {
		if r.Version != "" {
			all = append(all, r.Version)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// needsRestart says that From's istiods may miss the change until they are restarted.
func (w *work) needsRestart() bool {
	return slices.ContainsFunc(w.hazards(), func(h HazardError) bool { return h.Hazard.Do == preflight.Restart })
}

// dangers refuses a rotation that From's istiod would not survive, and warns of what others need.
func (w *work) dangers() error {
	if w.live.stale == "" {
		return nil
	}
	for _, h := range w.hazards() {
		unproved := h.Hazard.Do == preflight.Refuse || h.Hazard.Do == preflight.Restart && w.RestartIstiods == nil
		if unproved && w.goal == Rotated {
			return &h
		}
		w.warn(fmt.Sprintf("%s: %s", h.Error(), h.Hazard.Remedy))
	}
	return nil
}

// restart has From's istiods restarted where their version does not pick up a changed Secret by itself.
func (w *work) restart() []step {
	if w.RestartIstiods == nil || w.live.stale == "" || !w.needsRestart() {
		return nil
	}
	s := step{kind: verify, Step: Step{Change: Change{Stage: StageSync, On: w.From.ID, Object: "istiod", Action: Restarted, Reason: "its version misses changes of a remote secret"}}}
	s.do = func(ctx context.Context) (func(context.Context) error, error) {
		return nil, w.RestartIstiods(ctx, w.From)
	}
	return []step{s}
}
