package preflight

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"sync"
)

// Measure is what a rotation does about a [Hazard].
type Measure string

const (
	Warn    Measure = "warn"    // go on and say so
	Restart Measure = "restart" // restart every istiod of From after the rotation
	Refuse  Measure = "refuse"  // do not rotate
)

// Hazard is a defect or trait of some versions of the reading istiod that appears when a remote secret changes.
type Hazard struct {
	ID     string   // stable
	Ranges []string // of versions, such as "1.29.0 <= v < 1.29.3"; a range without an end has no second half
	When   string   // the condition under which it appears; "" is always
	What   string   // what happens
	Source string   // the issue of istio/istio, or where else it was seen
	Seen   string   // what the lab saw of it, and with which version (docs/compatibility.md); "" where no such version ran
	Do     Measure
	Remedy string

	spans [][2]release // what Ranges says; a zero end is open
}

// Hazards returns those of a version of the reading istiod, such as the tag of its image, in the order of [AllHazards]. A
// version that cannot be parsed has only the hazard "version-unreadable". A version of ASM counts as the upstream version
// that it begins with.
func Hazards(version string) []Hazard {
	r, ok := parseRelease(version)
	if !ok {
		return []Hazard{unreadable(version)}
	}
	var found []Hazard
	for _, h := range hazards() {
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
		ID: hazardUnreadable, What: fmt.Sprintf("version %q does not tell which hazards a rotation has", version), Do: Warn,
		Source: "istio/istio#59875, #60612, #61043", Remedy: "find out which version of Istio it is: some need a restart after a rotation",
	}
}

// AllHazards lists every known hazard. A range ends before the first release with the fix.
func AllHazards() []Hazard { return slices.Clone(hazards()) }

// hazards are read from text once: a mesh asks for them with every link.
var hazards = sync.OnceValue(func() []Hazard {
	return []Hazard{
		hazard("not-picked-up", Restart, "istio/istio#34210, #37925, #39388, #36337",
			"istiod may not pick up a changed remote secret, or may not stop the previous cluster",
			"restart istiod after rotating", between("1.10.0", "1.14.0")),
		seen("1.29.1: by hand controller-deadlock comes first and the endpoints stay; with a restart no request failed in one run, and 14 of 590 in another; 1.31: none",
			hazard("stop-then-start", Warn, "istio/istio#36365",
				"istiod stops the cluster before it reads it again: the endpoints are missing for a while, and for good if the new kubeconfig is refused",
				"expect a short gap in the endpoints, and validate the Secret before writing it", between("1.0.0", "1.30.0"))),
		hazard("second-secret-ignored", Warn, "istio/istio#58047",
			"istiod may not pick up a correct Secret that follows a bad one",
			"delete the bad Secret first, and restart istiod if it is not synced in a minute", between("1.27.1", "1.27.2")),
		seen("1.29.1: after a change istiod follows that cluster no longer and sees no later Secret, while requests go on to the endpoints it had; 1.31 follows",
			hazard("controller-deadlock", Restart, "istio/istio#59875",
				"any change of a remote secret deadlocks the secret controller: it sees no later change",
				"upgrade to 1.29.3, or restart istiod after every rotation", between("1.29.0", "1.29.3"))),
		hazard("registry-deadlock", Restart, "istio/istio#60612",
			"the new registry may never start: istiod then ignores the rotated Secret",
			"upgrade to 1.30.3, or restart istiod after every rotation", between("1.30.0", "1.30.3")),
		hazard("shards-wiped", Restart, "istio/istio#61043",
			"istiod loses the endpoints of services that do not change, but still reports the cluster as synced",
			"upgrade, or restart istiod after every rotation and look for the endpoints", between("1.30.0", "1.30.4"), between("1.31.0-alpha.0", "1.31.0-alpha.2")),
		hazard("gateway-vanishes", Restart, "istio/istio#60920",
			"istiod loses the network gateway of the cluster",
			"upgrade, or restart istiod after every rotation and look for the gateway", between("1.30.0", "1.30.4"), between("1.31.0-alpha.0", "1.31.0-alpha.2")),
		when("the reader lacks a permission that istiod needs", hazard("swap-never-ends", Refuse, "Istio pkg/kube/multicluster/cluster.go, HasSynced",
			"istiod switches over once the new client has synced, which never happens: the old token stays in use until it is refused",
			"complete the reader's role before rotating", between("1.30.0", ""))),
		seen("1.31: it ends; 1.29.1 has no such variable", when(remoteCredentials+"=false", hazard("credentials-controller-off", Refuse, "seen on a running istiod 1.31",
			"istiod panics as soon as there is a remote secret", "unset the variable", between("1.31.0-alpha.0", "")))),
	}
})

func hazard(id string, do Measure, source, what, remedy string, spans ...[2]release) Hazard {
	h := Hazard{ID: id, What: what, Source: source, Do: do, Remedy: remedy, spans: spans}
	for _, s := range spans {
		text := s[0].String() + " <= v"
		if s[1] != (release{}) {
			text += " < " + s[1].String()
		}
		h.Ranges = append(h.Ranges, text)
	}
	return h
}

func seen(on string, h Hazard) Hazard {
	h.Seen = on
	return h
}

func when(condition string, h Hazard) Hazard {
	h.When = condition
	return h
}

// between is the span from the first version on, up to but without the second; an empty one is none.
func between(first, free string) [2]release {
	from, _ := parseRelease(first)
	to, _ := parseRelease(free)
	return [2]release{from, to}
}

// release is a version of Istio or Kubernetes, as far as hazards depend on it.
type release struct {
	major, minor, patch int
	pre                 string // alpha, beta or rc; "" for a release
	preNumber           int
}

// The forms that image tags have: "1.29.1", "1.30.3-distroless", "v1.31.0-alpha.1", "1.22.6.78-gd3ac4cbd-aliyun", "1.27".
var releasePattern = regexp.MustCompile(`^v?(\d{1,4})\.(\d{1,4})(?:\.(\d{1,4}))?(?:\.\d+)*(?:[-.+](alpha|beta|rc)(?:\.(\d{1,4}))?)?(?:[-.+].*)?$`)

func parseRelease(text string) (release, bool) {
	m := releasePattern.FindStringSubmatch(text)
	if m == nil {
		return release{}, false
	}
	number := func(i int) int { n, _ := strconv.Atoi(m[i]); return n } // digits, or empty for 0
	r := release{number(1), number(2), number(3), m[4], number(5)}
	return r, r.major > 0 // a development build has no version
}

func (r release) compare(o release) int {
	final := func(r release) string { return cmp.Or(r.pre, "~") } // after every pre-release in the order of letters
	return cmp.Or(cmp.Compare(r.major, o.major), cmp.Compare(r.minor, o.minor), cmp.Compare(r.patch, o.patch),
		cmp.Compare(final(r), final(o)), cmp.Compare(r.preNumber, o.preNumber))
}

// String returns "1.30.3" or "1.31.0-alpha.2".
func (r release) String() string {
	text := fmt.Sprintf("%d.%d.%d", r.major, r.minor, r.patch)
	if r.pre != "" {
		text += fmt.Sprintf("-%s.%d", r.pre, r.preNumber)
	}
	return text
}

// rotationHazards lists the hazards of a later rotation, for the version of each istiod. Other checks look at those that have
// a condition.
func rotationHazards(ctx context.Context, f *facts) []verdict {
	versions, err := f.istioVersions(ctx)
	if err != nil {
		return one(unread(f.from.name, err))
	}
	if len(versions) == 0 {
		return one(unknown(f.from.name, "give Input.IstioVersion", "no istiod was found whose image tells its version"))
	}
	var found []verdict
	for _, version := range versions {
		subject, before := fmt.Sprintf("%s istiod %s", f.from.name, version), len(found)
		for _, h := range Hazards(version) {
			switch {
			case h.ID == hazardUnreadable:
				found = append(found, unknown(f.from.name, "give Input.IstioVersion", "%q does not tell the version of an istiod", version))
			case h.When == "":
				found = append(found, fail(subject, h.Remedy, "%s (%s)", h.What, h.Source))
			}
		}
		if len(found) == before {
			found = append(found, pass(subject, "no hazard of rotation is known"))
		}
	}
	return found
}
