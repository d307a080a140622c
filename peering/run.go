package peering

import (
	"context"
	"errors"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/util/rand"
)

// call is one run of a verb: what its links share.
type call struct {
	*Peering
	goal    Goal
	start   time.Time
	nonce   string // on everything this call creates: tells a lost reply of ours from somebody else's object
	members map[*Cluster]*member
	works   []*work
	digest  func() string // of the plan

	mu sync.Mutex // Observe and Audit are called by one goroutine at a time
}

// run is a verb from end to end.
func (p *Peering) run(ctx context.Context, goal Goal, links []Link) (*Report, error) {
	c, err := p.prepare(ctx, goal, links)
	if err != nil {
		return nil, err
	}
	return c.execute(ctx)
}

// prepare reads the clusters, and then each link, and decides on the steps. It writes nothing.
func (p *Peering) prepare(ctx context.Context, goal Goal, links []Link) (*call, error) {
	if err := p.validate(goal, links); err != nil {
		return nil, err
	}
	c := &call{Peering: p, goal: goal, start: time.Now(), nonce: rand.String(16), works: make([]*work, len(links))}
	var err error
	if c.members, err = members(ctx, links); err != nil {
		return nil, err
	}
	c.each(func(i int) { c.works[i] = c.prepareLink(ctx, links[i], false) }, len(links))
	return c, nil
}

// prepareLink reads one link. If another run is working on it on it, it waits for that one to finish.
func (c *call) prepareLink(ctx context.Context, l Link, again bool) *work {
	for began := time.Now(); ; again = true {
		w := &work{call: c, Link: l, again: again, from: c.members[l.From], to: c.members[l.To], report: LinkReport{From: l.From.ID, To: l.To.ID}}
		if w.refused = w.read(ctx); w.refused != nil {
			return w
		}
		other := w.busy(time.Since(began))
		if other == "" {
			w.planned = w.steps()
			w.refused = w.preflight(ctx)
			return w
		}
		w.tell(Change{Stage: StageRead, On: l.To.ID, Object: other, Reason: "waiting: another run is working on it"}, time.Since(began), nil)
		if !sleep(ctx, 500*time.Millisecond) {
			w.refused = w.failed(StageRead, l.To.ID, ctx.Err())
			return w
		}
	}
}

// execute does the steps of all links, side by side. A link that fails does not stop the others.
func (c *call) execute(ctx context.Context) (*Report, error) {
	c.digest = sync.OnceValue(c.plan().Digest)
	report := &Report{Schema: ReportSchema, Goal: c.goal, Links: make([]LinkReport, len(c.works))}
	c.each(func(i int) { report.Links[i] = c.executeLink(ctx, c.works[i]) }, len(c.works))
	report.Warnings = c.warnings()
	report.Took = time.Since(c.start)
	var failed []error
	for _, l := range report.Links {
		if l.Error != nil {
			failed = append(failed, l.Error)
		}
	}
	return report, errors.Join(failed...)
}

// executeLink does the steps of one link. Where another run was first, and nothing was done yet, the link is read again:
// create is the lock, and the loser waits and looks.
func (c *call) executeLink(ctx context.Context, w *work) LinkReport {
	for tries := 0; ; tries++ {
		w.report.Findings = w.findings
		if w.refused != nil {
			w.report.Error = w.refused
		} else {
			w.execute(ctx, w.planned)
		}
		if w.report.Error == nil || !w.untouched || !contended(w.report.Error) || tries == 5 {
			w.report.settle()
			return w.report
		}
		w = c.prepareLink(ctx, w.Link, true)
	}
}

// each calls do for 0 to n-1, as many at a time as Parallel allows.
func (c *call) each(do func(int), n int) {
	slots := make(chan struct{}, c.parallel())
	var wg sync.WaitGroup
	for i := range n {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			do(i)
		})
	}
	wg.Wait()
}

func (c *call) observe(e Event) {
	if c.Observe == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	e.Schema, e.Time = EventSchema, time.Now()
	c.Observe(e)
}

func (c *call) warnings() map[string][]string {
	all := map[string][]string{}
	for cluster := range c.members {
		if texts := cluster.warnings.take(); len(texts) > 0 {
			all[cluster.ID.String()] = texts
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all
}
