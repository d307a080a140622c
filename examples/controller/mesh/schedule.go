package mesh

import (
	"hash/fnv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/examples/controller/api/v1alpha1"
)

// fencedFor is how long links wait that another process works on.
const fencedFor = 5 * time.Second

// steps of a window, so that links come in groups: what one call reads of a cluster it reads once for all of its links.
const steps = 40

// spread is a moment of a window from start on, the same for a link each time and another for each link.
func spread(start time.Time, window time.Duration, pair Pair, seed string) time.Time {
	h := fnv.New64a()
	_, _ = h.Write([]byte(pair.String() + "\x00" + seed))
	at := start.Add(time.Duration(float64(window) * float64(mix(h.Sum64())>>11) / (1 << 53)))
	step := window / steps
	if step <= 0 {
		return at
	}
	if round := at.Truncate(step); round.Before(at) {
		return round.Add(step)
	}
	return at
}

// mix spreads what FNV leaves alike in the upper bits of similar names (the finalizer of SplitMix64).
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// renewal is when a credential is to be replaced: in the first half of what peering leaves between RenewAt and its end, or in
// the last tenth of spec.credential.rotateEvery. Zero: never.
func (p *pass) renewal(l *v1alpha1.LinkStatus, renewAt time.Time) time.Time {
	pair, seed := Pair{l.From, l.To}, ""
	if l.IssuedAt != nil {
		seed = l.IssuedAt.UTC().Format(time.RFC3339)
	}
	var at time.Time
	if !renewAt.IsZero() && l.ExpiresAt != nil {
		at = spread(renewAt, l.ExpiresAt.Sub(renewAt)/2, pair, seed)
	}
	if by := p.rotation(l); !by.IsZero() && (at.IsZero() || by.Before(at)) {
		at = by
	}
	return at
}

// nextOf is what is on record, or follows from it: the status of a large mesh leaves it out.
func (p *pass) nextOf(l *v1alpha1.LinkStatus) time.Time {
	if l.RenewAt != nil {
		return l.RenewAt.Time
	}
	due := renewable(l)
	if due.IsZero() {
		return due
	}
	return timeOf(p.renewal(l, due)).Time
}

// renewable is when peering takes a credential for due: at four fifths of its life (peering.LinkReport.RenewAt). Zero: never.
func renewable(l *v1alpha1.LinkStatus) time.Time {
	if l.IssuedAt == nil || l.ExpiresAt == nil {
		return time.Time{}
	}
	return l.IssuedAt.Add(l.ExpiresAt.Sub(l.IssuedAt.Time) * 4 / 5)
}

// rotation is when spec.credential.rotateEvery wants another credential; zero: it does not.
func (p *pass) rotation(l *v1alpha1.LinkStatus) time.Time {
	every := p.mesh.Spec.Credential.RotateEvery
	if every == nil || l.IssuedAt == nil {
		return time.Time{}
	}
	return spread(l.IssuedAt.Add(every.Duration*9/10), every.Duration/10, Pair{l.From, l.To}, l.IssuedAt.UTC().Format(time.RFC3339))
}

// recheck is when a link that is well is looked at, whatever its credential says.
func (p *pass) recheck(pair Pair) time.Time {
	every := p.mesh.Spec.RecheckEvery.Duration
	if every <= 0 {
		every = 24 * time.Hour
	}
	if looked, ok := p.looked[pair]; ok {
		return spread(looked.Add(every*9/10), every/5, pair, looked.UTC().Format(time.RFC3339))
	}
	return spread(p.since, every, pair, "") // this process has not looked yet: another one did
}

// lookAt is when the link is to be worked on.
func (p *pass) lookAt(pair Pair, l *v1alpha1.LinkStatus) time.Time {
	at := p.recheck(pair)
	switch {
	case p.touched[pair]:
		at = time.Time{}
	case l.RemovingSince != nil && p.tried[pair] != removal:
		at = time.Time{}
	case l.RemovingSince != nil:
		at = l.RemovingSince.Add(p.deadline()) // or earlier, by what failed
		if later, ok := p.later[pair]; ok && later.Before(at) {
			at = later
		}
		return at
	case l.ObservedGeneration != p.mesh.Generation && p.tried[pair] != p.mesh.Generation:
		at = time.Time{}
	case p.observes(): // which renews nothing, and looks again soon at what is not as it should be
		if looked := p.looked[pair]; len(l.Faults) > 0 && !looked.IsZero() {
			at = spread(looked.Add(5*p.retryAfter()), p.retryAfter(), pair, "")
		}
	default:
		if next := p.nextOf(l); !next.IsZero() && next.Before(at) {
			at = next
		}
	}
	if later := p.later[pair]; later.After(at) {
		return later
	}
	return at
}

// removal is the generation that stands for none.
const removal = -1

func (p *pass) deadline() time.Duration {
	if d := p.mesh.Spec.Deletion.Deadline.Duration; d > 0 {
		return d
	}
	return 10 * time.Minute
}

// probeAt is when the link is called over; zero: never.
func (p *pass) probeAt(pair Pair, l *v1alpha1.LinkStatus) time.Time {
	if p.mesh.Spec.Probe == nil && !p.measures() || l.RemovingSince != nil || l.ObservedGeneration == 0 {
		return time.Time{}
	}
	every := 10 * time.Minute
	if probe := p.mesh.Spec.Probe; probe != nil && probe.Every.Duration > 0 {
		every = probe.Every.Duration
	}
	probed, ok := p.probed[pair]
	if !ok {
		if l.ObservedGeneration == p.mesh.Generation && p.tried[pair] == 0 { // another process did
			return spread(p.since, every, pair, "probe")
		}
		return p.since
	}
	return spread(probed.Add(every*9/10), every/5, pair, "probe")
}

// next is how long nothing is to be done.
func (p *pass) next() time.Duration {
	now := time.Now()
	first := now.Add(p.sourceEvery())
	p.mu.Lock()
	defer p.mu.Unlock()
	for pair, l := range p.links {
		for _, at := range []time.Time{p.lookAt(pair, l), p.probeAt(pair, l)} {
			if (!at.IsZero() || p.touched[pair]) && at.Before(first) {
				first = at
			}
		}
	}
	return max(first.Sub(now), time.Second)
}

// due is what to do now.
func (p *pass) due() (w work) {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	for pair, l := range p.links {
		if at := p.lookAt(pair, l); !at.After(now) {
			switch rotate := p.rotation(l); {
			case l.RemovingSince != nil:
				w.remove = append(w.remove, pair)
			case p.observes():
				w.observe = append(w.observe, pair)
			case !rotate.IsZero() && !rotate.After(now) && l.ObservedGeneration == p.mesh.Generation && !failing(l):
				w.rotate = append(w.rotate, pair)
			default:
				w.ensure = append(w.ensure, pair)
			}
		} else if at := p.probeAt(pair, l); !at.IsZero() && !at.After(now) {
			w.verify = append(w.verify, pair)
		}
	}
	w.sort()
	return w
}

// timeOf is a time as the API has it, in whole seconds, of which it takes the next one: what is due then is due.
func timeOf(t time.Time) *metav1.Time {
	if t.IsZero() {
		return nil
	}
	if whole := t.Truncate(time.Second); whole.Before(t) {
		t = whole.Add(time.Second)
	}
	return &metav1.Time{Time: t.UTC()}
}
