package preflight

import (
	"fmt"
	"slices"
)

// Measure is what a rotation does about a [Hazard].
type Measure string

const (
	Warn    Measure = "warn"    // go on and say so
	Restart Measure = "restart" // restart every istiod of From after the rotation
	Refuse  Measure = "refuse"  // do not rotate
)

// Hazard is a defect or trait of some versions of the reading istiod that shows when a remote secret is changed.
type Hazard struct {
	ID     string   // stable
	Ranges []string // of versions, first and first one free of it: "1.29.0 <= v < 1.29.3"; an open end has no second half
	When   string   // the condition under which it shows; "" is always
	What   string   // what happens
	Source string   // the issue of istio/istio, or where else it was seen
	Do     Measure
	Remedy string

	spans [][2]release // what Ranges says; a zero end is open
}

// Hazards are those of a version of the reading istiod, such as the tag of its image, in the order of [AllHazards]. A
// version that cannot be read has the single hazard "version-unreadable". ASM's versions are taken for the upstream
// version that they begin with.
func Hazards(version string) []Hazard {
	r, ok := parseRelease(version)
	if !ok {
		return []Hazard{unreadable(version)}
	}
	var found []Hazard
	for _, h := range AllHazards() {
		if slices.ContainsFunc(h.spans, func(span [2]release) bool {
			return r.compare(span[0]) >= 0 && (span[1] == release{} || r.compare(span[1]) < 0)
		}) {
			found = append(found, h)
		}
	}
	return found
}

const hazardUnreadable = "version-unreadable"

func unreadable(version string) Hazard {
	return Hazard{
		ID: hazardUnreadable, What: fmt.Sprintf("the version %q says nothing of what a rotation does", version), Do: Warn,
		Source: "istio/istio#59875, #60612, #61043", Remedy: "find out which Istio it is: some versions must be restarted after a rotation",
	}
}
