package peering

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/util/rand"

	"github.com/meshpeer/meshpeer/internal/apply"
	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/rbac"
)

// run is one call of a verb: what its links share.
type run struct {
	*Peering
	goal     Goal
	start    time.Time
	nonce    string // on everything this call writes: tells a lost reply of ours from somebody else's object
	clusters map[*Cluster]*snapshot
	tasks    []*task
	digest   func() string // of the plan
	acts     bool          // the plan is carried out
	approved bool          // somebody approved the plan: no other is carried out
	checker  *preflight.Checker
	slots    slots // of work: a link that waits holds none

	watchers  map[*Cluster]*istiod.Watcher
	waves     map[*Cluster]slots
	kits      memo[*kit]
	endpoints memo[chosen]
	usables   memo[struct{}]
	accesses  memo[[]rbac.Access]

	mu sync.Mutex // Observe and Audit are called by one goroutine at a time
}

// call is a verb from end to end. A plan that somebody approved is carried out only if it is what this call would do.
func (p *Peering) call(ctx context.Context, goal Goal, links []Link, approved *Plan) (*Report, error) {
	r, err := p.begin(goal, links)
	if err != nil {
		return nil, err
	}
	defer r.close()
	r.acts = true
	if err := r.prepare(ctx, links); err != nil {
		return nil, err
	}
	if approved != nil {
		if err := moved(approved, r.plan()); err != nil {
			return nil, err
		}
		r.approved = true
	}
	return r.execute(ctx)
}

// begin answers bad input. No request is made.
func (p *Peering) begin(goal Goal, links []Link) (*run, error) {
	if err := p.validate(goal, links); err != nil {
		return nil, err
	}
	r := &run{
		Peering: p, goal: goal, start: time.Now(), nonce: rand.String(16), slots: make(slots, p.concurrency()),
		checker:  preflight.NewChecker(),
		watchers: map[*Cluster]*istiod.Watcher{}, waves: map[*Cluster]slots{},
	}
	for _, l := range links {
		if r.waves[l.From] == nil {
			r.waves[l.From] = make(slots, p.unconfirmed())
		}
		if r.watchers[l.From] == nil && l.From.Istiods != nil {
			r.watchers[l.From] = istiod.NewWatcher(l.From.Istiods)
		}
	}
	return r, nil
}

// close ends the connections to istiods.
func (r *run) close() {
	for _, w := range r.watchers {
		w.Close()
	}
}

// steady tries again what may work a moment later.
func (r *run) steady(o Objects) Objects { return apply.Steady(o, apply.Policy{}) }

// prepare reads the clusters once, and decides for each link on the steps. It writes nothing.
func (r *run) prepare(ctx context.Context, links []Link) (err error) {
	if r.clusters, err = r.survey(ctx, links); err != nil {
		return err
	}
	r.tasks = make([]*task, len(links))
	r.each(len(links), func(i int) { r.tasks[i] = r.decide(ctx, links[i], r.clusters) })
	return nil
}

// decide is what to do for one link. If another run is working on it, it waits for that one to finish, and reads both clusters
// again.
func (r *run) decide(ctx context.Context, l Link, clusters map[*Cluster]*snapshot) *task {
	for began := time.Now(); ; {
		t := &task{run: r, Link: l, from: clusters[l.From], to: clusters[l.To], report: LinkReport{From: l.From.ID, To: l.To.ID}}
		if t.refused = t.read(ctx); t.refused != nil {
			return t
		}
		other := t.busy(time.Since(began))
		if other == "" {
			t.planned = t.steps()
			t.refused = t.preflight(ctx)
			return t
		}
		t.tell(Change{Stage: StageRead, On: l.To.ID, Object: other, Reason: "waiting: another run is working on it"}, time.Since(began), nil)
		if r.idle(func() { sleep(ctx, 500*time.Millisecond) }); ctx.Err() != nil {
			t.refused = t.failed(StageRead, l.To.ID, ctx.Err())
			return t
		}
		if w := r.watchers[l.From]; w != nil {
			w.Refresh()
		}
		var err error
		if clusters, err = r.survey(ctx, []Link{l}); err != nil {
			t.refused = t.failed(StageRead, l.To.ID, err)
			return t
		}
	}
}

// execute does the steps of all links, side by side. A link that fails does not stop the others.
func (r *run) execute(ctx context.Context) (*Report, error) {
	if r.Audit != nil {
		r.digest = sync.OnceValue(r.plan().Digest)
	}
	report := &Report{Schema: ReportSchema, Goal: r.goal, Links: make([]LinkReport, len(r.tasks))}
	var wg sync.WaitGroup
	for i, t := range r.tasks {
		wg.Go(func() { report.Links[i] = r.inWave(ctx, t) })
	}
	wg.Wait()
	report.Warnings = r.warnings()
	report.Took = time.Since(r.start)
	var failed []error
	for _, l := range report.Links {
		if l.Error != nil {
			failed = append(failed, l.Error)
		}
	}
	return report, errors.Join(failed...)
}

// carryOut does the steps of one link. Where another run was first, and nothing was done yet, the link is read again: create is
// the lock, and the loser waits and looks.
func (r *run) carryOut(ctx context.Context, t *task) LinkReport {
	for tries := 0; ; tries++ {
		t.report.Findings = t.findings
		if t.refused != nil {
			t.report.Error = t.refused
		} else {
			t.execute(ctx)
		}
		if t.report.Error == nil || !t.untouched || !contended(t.report.Error) || tries == 5 {
			t.settle()
			return t.report
		}
		clusters, err := r.survey(ctx, []Link{t.Link})
		if err != nil {
			t.settle()
			return t.report
		}
		before := t.plan()
		t = r.decide(ctx, t.Link, clusters)
		if now := t.plan(); r.approved && t.refused == nil && !slices.Equal(before.lines(), now.lines()) {
			t.refused = t.failed(StageRead, t.To.ID, r.drift(before, now))
		}
	}
}

func (r *run) observeEvent(e Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e.Schema, e.Time = EventSchema, time.Now()
	r.Observe(e)
}

func (r *run) watcher(c *Cluster, from bool) *istiod.Watcher {
	if !from {
		return nil
	}
	return r.watchers[c]
}

// survey reads every cluster of the links at once. The error is about the call; a cluster that does not answer fails its own
// links only.
func (r *run) survey(ctx context.Context, links []Link) (map[*Cluster]*snapshot, error) {
	roles := map[*Cluster]*role{}
	as := func(c *Cluster) *role {
		if roles[c] == nil {
			roles[c] = &role{}
		}
		return roles[c]
	}
	for _, l := range links {
		as(l.From).from = true
		if to := as(l.To); !l.From.Hosted { // else what is there is the host's
			to.to, to.readers, to.reader = append(to.to, l), r.readerNamespace(l.To), r.readerName(l)
			to.own, to.local = r.Account == nil, r.localRoles(l.From)
		}
	}
	all := make(map[*Cluster]*snapshot, len(roles))
	var wg sync.WaitGroup
	for c, role := range roles {
		s := &snapshot{Cluster: c, objects: r.steady(c.Objects), tables: map[string]*table{}, watch: r.watcher(c, role.from)}
		all[c] = s
		wg.Go(func() { s.err = s.read(ctx, *role) })
	}
	wg.Wait()
	return all, oneClusterEach(all, links)
}

// oneClusterEach refuses a call of which two members are one cluster.
func oneClusterEach(all map[*Cluster]*snapshot, links []Link) error {
	byUID := map[string]*snapshot{}
	for _, l := range links { // in the order of the links, so that the answer is the same each time
		for _, s := range []*snapshot{all[l.From], all[l.To]} {
			if s.err != nil || s.uid == "" {
				continue
			}
			if other := byUID[s.uid]; other != nil && other != s {
				return &SameClusterError{A: other.ID, B: s.ID, UID: s.uid}
			}
			byUID[s.uid] = s
		}
	}
	return nil
}
