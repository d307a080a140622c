package peering

import (
	"fmt"
	"slices"

	"github.com/meshpeer/meshpeer/peering/istiod"
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
func (t *task) hazards() (all []HazardError) {
	if t.seen.secret == nil {
		return nil
	}
	for _, version := range versionsOf(t.from.istiods) {
		for _, h := range preflight.Hazards(version) {
			if h.When == "" {
				all = append(all, HazardError{Version: version, Hazard: h})
			}
		}
	}
	return all
}

// versionsOf are those that replicas name, each once and in order.
func versionsOf(replicas []istiod.Replica) (all []string) {
	for _, r := range replicas {
		if r.Version != "" {
			all = append(all, r.Version)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// needsRestart says that From's istiods may miss the change until they are restarted.
func (t *task) needsRestart() bool {
	return slices.ContainsFunc(t.hazards(), func(h HazardError) bool { return h.Hazard.Do == preflight.Restart })
}

// dangers refuses a rotation that From's istiod would not survive, and warns of what others need.
func (t *task) dangers() error {
	if t.seen.stale == "" {
		return nil
	}
	for _, h := range t.hazards() {
		unproved := h.Hazard.Do == preflight.Refuse || h.Hazard.Do == preflight.Restart && t.RestartIstiods == nil
		if unproved && t.goal == Rotated {
			return &h
		}
		t.warn(fmt.Sprintf("%s: %s", h.Error(), h.Hazard.Remedy))
	}
	return nil
}
