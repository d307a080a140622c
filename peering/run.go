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
	nonce   string // on everything this call creates: tells a lost reply of ours from somebody else's object
	members map[*Cluster]*member
	mu      sync.Mutex // Observe is called by one goroutine at a time
}

// run is a verb from end to end: validate, read the clusters, then work on the links side by side.
func (p *Peering) run(ctx context.Context, goal Goal, links []Link) (*Report, error) {
	if err := p.validate(links); err != nil {
		return nil, err
	}
	start := time.Now()
	report := &Report{Schema: ReportSchema, Goal: goal, Links: make([]LinkReport, len(links))}
	members, err := members(ctx, links)
	if err != nil {
		return nil, err
	}
	c := &call{Peering: p, goal: goal, nonce: rand.String(16), members: members}
	slots := make(chan struct{}, p.parallel())
	var wg sync.WaitGroup
	for i, l := range links {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			report.Links[i] = c.link(ctx, l)
		})
	}
	wg.Wait()
	report.Warnings = c.warnings()
	report.Took = time.Since(start)
	var failed []error
	for _, l := range report.Links {
		if l.Error != nil {
			failed = append(failed, l.Error)
		}
	}
	return report, errors.Join(failed...)
}

// link works on one link: read, decide, do. Nothing is written if reading it fails.
func (c *call) link(ctx context.Context, l Link) LinkReport {
	w := &work{call: c, Link: l, from: c.members[l.From], to: c.members[l.To], report: LinkReport{From: l.From.ID, To: l.To.ID}}
	if err := w.read(ctx); err != nil {
		w.report.Error = err
	} else {
		w.execute(ctx, w.steps())
	}
	w.report.settle()
	return w.report
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
