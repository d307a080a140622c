package mesh

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/meshpeer/meshpeer/examples/controller/api/v1alpha1"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/traffic"
	"github.com/meshpeer/meshpeer/secrets"
)

// work is what is due, by what is to be done.
type work struct{ remove, ensure, rotate, observe, verify []Pair }

func (w *work) lists() []*[]Pair {
	return []*[]Pair{&w.remove, &w.ensure, &w.rotate, &w.observe, &w.verify}
}

func (w *work) all() (all []Pair) {
	for _, list := range w.lists() {
		all = append(all, *list...)
	}
	return all
}

func (w *work) sort() {
	for _, list := range w.lists() {
		slices.SortFunc(*list, Pair.compare)
	}
}

func (p Pair) compare(q Pair) int {
	return cmp.Or(cmp.Compare(p.From, q.From), cmp.Compare(p.To, q.To))
}

// tos are the clusters whose credentials may be written, sorted.
func (w *work) tos() (all []string) {
	for _, pair := range slices.Concat(w.remove, w.ensure, w.rotate) {
		all = append(all, pair.To)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// drop takes out what would write to links to a cluster.
func (w *work) drop(to string) (dropped []Pair) {
	for _, list := range []*[]Pair{&w.remove, &w.ensure, &w.rotate} {
		*list = slices.DeleteFunc(*list, func(pair Pair) bool {
			if pair.To == to {
				dropped = append(dropped, pair)
			}
			return pair.To == to
		})
	}
	return dropped
}

// fenced puts links off that another process works on. That the fence could not be asked for is no fault of theirs either.
func (p *pass) fenced(pairs []Pair, err error) {
	wait := fencedFor
	if !errors.Is(err, ErrHeld) {
		wait = 2 * fencedFor
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, pair := range pairs {
		p.later[pair] = time.Now().Add(wait)
	}
}

// work carries out what is due, each kind in one call, and notes what came of it.
func (p *pass) work(ctx context.Context, due work) {
	options := p.peering()
	plans := &digests{next: p.Base.Audit, of: map[Pair]string{}}
	options.Audit = plans

	var wg sync.WaitGroup
	var removed, ensured, rotated outcome
	wg.Go(func() {
		limited, options := p.removal(ctx, due.remove, *options)
		removed = p.call(limited, due.remove, true, options.Remove)
	})
	wg.Go(func() { ensured = p.call(within(ctx), due.ensure, false, options.Ensure) })
	wg.Go(func() { rotated = p.call(within(ctx), due.rotate, false, options.Rotate) })
	wg.Wait()
	p.noteRemoved(removed)
	p.noteEnsured(ensured, peering.Present, plans)
	p.noteEnsured(rotated, peering.Rotated, plans)
	p.observe(ctx, options, due.observe)

	verify := slices.Clone(due.verify)
	for _, pair := range slices.Concat(due.ensure, due.rotate, due.observe) {
		l := p.links[pair]
		if at := p.probeAt(pair, l); !at.IsZero() && !at.After(time.Now()) && !failing(l) {
			verify = append(verify, pair)
		}
	}
	if p.mesh.Spec.Probe != nil || len(due.observe) > 0 {
		p.noteVerified(p.call(within(ctx), slices.Concat(verify, p.unseen(due.observe, verify)), false, options.Verify))
	}
	p.measure(ctx, verify)
}

// unseen are the pairs of all that are not among those that are called over anyway.
func (p *pass) unseen(all, verify []Pair) []Pair {
	return slices.DeleteFunc(slices.Clone(all), func(pair Pair) bool { return slices.Contains(verify, pair) })
}

// outcome is what became of the links of one call.
type outcome struct {
	reports map[Pair]*peering.LinkReport
	failed  map[Pair]error // no report: the call or the connection failed
}

// span is a context with its end.
type span struct {
	context.Context
	end context.CancelFunc
}

func within(ctx context.Context) span { return span{ctx, func() {}} }

// removal bounds the end of links, of which a member may not answer, by what is left until the deadline; one attempt gets some
// time in any case. Istiods get a part of it.
func (p *pass) removal(ctx context.Context, pairs []Pair, o peering.Peering) (span, *peering.Peering) {
	limit := 10 * time.Second
	for _, pair := range pairs {
		limit = max(limit, min(5*time.Minute, time.Until(p.links[pair].RemovingSince.Add(p.deadline()))))
	}
	o.SyncTimeout = min(cmp.Or(o.SyncTimeout, 90*time.Second), limit/4)
	limited, end := context.WithTimeout(ctx, limit)
	return span{limited, end}, &o
}

// call gives links to a verb of peering.
func (p *pass) call(ctx span, pairs []Pair, removing bool, verb func(context.Context, ...peering.Link) (*peering.Report, error)) outcome {
	defer ctx.end()
	o := outcome{reports: map[Pair]*peering.LinkReport{}, failed: map[Pair]error{}}
	if len(pairs) == 0 {
		return o
	}
	p.mark(pairs, removing)
	links, failed := p.clusters(ctx, pairs, removing)
	o.failed = failed
	var report *peering.Report
	for len(links) > 0 && report == nil {
		var err error
		if report, err = verb(ctx, links...); report == nil {
			links = o.refuse(links, err)
		}
	}
	if report == nil {
		return o
	}
	for i := range report.Links {
		l := &report.Links[i]
		o.reports[Pair{l.From.String(), l.To.String()}] = l
	}
	return o
}

// refuse notes an error of a whole call. Where two members are one cluster it is of their links alone, and the rest is returned.
func (o *outcome) refuse(links []peering.Link, err error) (rest []peering.Link) {
	same, ok := errors.AsType[*peering.SameClusterError](err)
	for _, l := range links {
		if ids := []peering.ID{l.From.ID, l.To.ID}; ok && !slices.Contains(ids, same.A) && !slices.Contains(ids, same.B) {
			rest = append(rest, l)
			continue
		}
		o.failed[pairOf(l)] = err
	}
	return rest
}

func pairOf(l peering.Link) Pair { return Pair{l.From.ID.String(), l.To.ID.String()} }

// mark remembers that links are worked on: their events are echoes from now on, and those before are answered.
func (p *pass) mark(pairs []Pair, removing bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, pair := range pairs {
		p.looked[pair] = time.Now()
		delete(p.touched, pair)
		delete(p.later, pair)
		p.tried[pair] = p.mesh.Generation
		if removing {
			p.tried[pair] = removal
		}
	}
}

// peering are the options of the Mesh.
func (p *pass) peering() *peering.Peering {
	o := p.Base
	o.Actor = cmp.Or(o.Actor, "meshpeer-controller") + "/" + p.key.String()
	o.Credential = secrets.KindBound
	if p.mesh.Spec.Credential.Kind == v1alpha1.Durable {
		o.Credential = secrets.KindDurable
	}
	if l := p.mesh.Spec.Credential.Lifetime; l != nil {
		o.Lifetime = l.Duration
	}
	if probe := p.mesh.Spec.Probe; probe != nil {
		o.Workload = &traffic.Workload{
			Namespace: probe.Namespace, Service: probe.Service, Port: int(probe.Port), Client: probe.Client, Control: probe.Control,
		}
	}
	return &o
}

// digests notes with which plan a link was changed, and passes the records on.
type digests struct {
	next peering.AuditSink
	mu   sync.Mutex
	of   map[Pair]string
}

func (d *digests) Record(ctx context.Context, r peering.AuditRecord) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.of[Pair{r.From.String(), r.To.String()}] = r.Plan[:min(12, len(r.Plan))]
	if d.next == nil {
		return nil
	}
	return d.next.Record(ctx, r)
}
