package peering

import (
	"context"
	"fmt"
	"slices"

	"github.com/meshpeer/meshpeer/peering/preflight"
)

// HazardError says that From's istiod is of a version with which a rotation cannot be proved to have worked: it may go on
// with the old credential and call that synced.
type HazardError struct {
	Version string
	Hazard  preflight.Hazard
}

func (e *HazardError) Error() string {
	return fmt.Sprintf("istiod %s: %s (%s)", e.Version, e.Hazard.What, e.Hazard.Source)
}

// hazards are those that a change of the remote secret meets in From's istiod.
func (w *work) hazards() []preflight.Hazard {
	if w.live.secret == nil || w.from.istioVersion() == "" {
		return nil
	}
	return slices.DeleteFunc(preflight.Hazards(w.from.istioVersion()), func(h preflight.Hazard) bool { return h.When != "" })
}

// needsRestart says that From's istiods may miss the change until they start anew.
func (w *work) needsRestart() bool {
	return slices.ContainsFunc(w.hazards(), func(h preflight.Hazard) bool { return h.Do == preflight.Restart })
}

// dangers refuses a rotation that From's istiod would not survive, and says aloud what others need.
func (w *work) dangers() error {
	if w.live.stale == "" {
		return nil
	}
	for _, h := range w.hazards() {
		unproved := h.Do == preflight.Refuse || h.Do == preflight.Restart && w.RestartIstiods == nil
		if unproved && w.goal == Rotated {
			return &HazardError{Version: w.from.istioVersion(), Hazard: h}
		}
		w.warn(fmt.Sprintf("istiod %s: %s (%s): %s", w.from.istioVersion(), h.What, h.Source, h.Remedy))
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
