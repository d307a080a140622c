package preflight

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/meshpeer/meshpeer/internal/printable"
	"github.com/meshpeer/meshpeer/probe"
	"github.com/meshpeer/meshpeer/secrets"
)

// Checker makes the checks of many links and reads each fact of a cluster once for all of them: with 100 clusters the
// requests are those of 100 clusters, whatever the number of links. An Endpoint is dialled once. Make one Checker for one
// call: it remembers what it read, failures too, and knows nothing of what changed since.
//
// Two Sides are one cluster if they agree in ID, Namespace and IstiodSelector and have the same Reader (==). A Side whose
// Reader cannot be compared, such as a struct with a function in it, is read anew for each link: use a pointer.
type Checker struct {
	mu       sync.Mutex
	clusters map[sameCluster]*cluster
	ahead    map[lead]bool // what was read ahead, or is being
	second   *Checker      // for what would block by what may be old
}

// NewChecker returns a Checker that has read nothing yet.
func NewChecker() *Checker {
	return &Checker{clusters: map[sameCluster]*cluster{}, ahead: map[lead]bool{}}
}

// Run is [Checker.Check] for a single link.
func Run(ctx context.Context, in Input) ([]Finding, error) { return NewChecker().Check(ctx, in) }

// Check runs every check of [Checks] and returns what they found: in the order of the table, a check's own findings in a
// stable order. It changes nothing. It may be called for several links at once: a link that needs what another one is
// reading waits for it. What could not be read because the context of that other link ended is read again.
//
// It returns an error of type *[FieldError] for an Input that cannot be checked, or that of the context. Once the context
// has ended, every check still has a finding; what was not read in time is Unknown.
func (c *Checker) Check(ctx context.Context, in Input) ([]Finding, error) {
	if err := in.validate(); err != nil {
		return nil, err
	}
	all, err := c.look(ctx, in)
	if err != nil || !slices.ContainsFunc(all, func(f Finding) bool { return f.Status == probe.Failed }) {
		return all, err
	}
	latest, old := in.latest()
	if !old {
		return all, nil
	}
	c.mu.Lock()
	if c.second == nil {
		c.second = NewChecker()
	}
	c.mu.Unlock()
	return c.second.look(ctx, latest)
}

// look runs every check once.
func (c *Checker) look(ctx context.Context, in Input) ([]Finding, error) {
	f := c.facts(in)
	inTime := ctx.Err() == nil
	if inTime {
		c.readAhead(ctx, f)
	}
	all := make([]Finding, 0, len(table)*5/4) // some checks find several things
	for _, check := range table {
		verdicts := one(unread("", ctx.Err()))
		if inTime {
			verdicts = check.guarded(ctx, f)
		}
		all = check.append(all, verdicts)
	}
	if err := ctx.Err(); err != nil {
		return all, fmt.Errorf("preflight: not every check had time: %w", err)
	}
	return all, nil
}

// guarded makes the check. One that panics is Unknown. What it panicked with is shown only if it comes from the Go runtime:
// otherwise it might be anything, even a credential.
func (c check) guarded(ctx context.Context, f *facts) (verdicts []verdict) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case runtime.Error:
			verdicts = one(unknown("", "report this as a defect", "the check panicked: %v", p))
		default:
			verdicts = one(unknown("", "report this as a defect", "the check panicked with a %T", p))
		}
	}()
	if c.skips != nil {
		if v := c.skips(ctx, f); v != nil {
			return one(*v)
		}
	}
	ctx, missed := watch(ctx)
	return missed.complete(c.judge(ctx, f))
}

// append is the one place where text from clusters enters a report.
func (c check) append(all []Finding, verdicts []verdict) []Finding {
	for _, v := range verdicts {
		severity := cmp.Or(v.severity, c.Severity)
		if v.status == probe.Failed && severity != Blocks {
			v.status = probe.Warned
		}
		all = append(all, Finding{FindingSchema, c.ID, severity, v.status, printable.Line(v.subject), printable.Line(v.evidence), printable.Line(v.remedy)})
	}
	return all
}

// facts are those of one link, with the defaults of its Input.
func (c *Checker) facts(in Input) *facts {
	in.SecretName = cmp.Or(in.SecretName, secrets.SecretName(in.To.ID))
	in.Flavour = cmp.Or(in.Flavour, ASM)
	if in.Now == nil {
		in.Now = time.Now
	}
	if in.Workload != nil {
		w := *in.Workload
		w.ClientNamespace = cmp.Or(w.ClientNamespace, w.Namespace)
		w.Client = cmp.Or(w.Client, "sleep")
		w.DomainSuffix = cmp.Or(w.DomainSuffix, "cluster.local")
		in.Workload = &w
	}
	open := func(role string, side Side) *server {
		side.Namespace = cmp.Or(side.Namespace, "istio-system")
		return &server{c.cluster(role, side, in), role}
	}
	f := &facts{
		Input: in, from: open("From", in.From), to: open("To", in.To),
		config: open("Config", Side{ID: "mesh configuration", Reader: in.Config}),
	}
	f.From, f.To = f.from.Side, f.to.Side
	return f
}

// memo holds the facts of one cluster. Checks and links share them: each is found once.
type memo struct {
	mu      sync.Mutex
	answers map[key]*answer
}

// key is what a fact is called: a request, or what was made of the answers to some.
type key struct {
	what                      string // such as "list"
	apiVersion, kind          string
	namespace, name, selector string
}

// answer is a fact, or why it is not known. Waiting is on a channel, not a sync.Once: it ends with the context, and a
// synctest bubble can tell that it is idle.
type answer struct {
	done     chan struct{}
	dropped  bool // nobody may use it: the context of the one who asked had ended
	value    any
	err      error
	missed   []verdict // what finding it asked for and did not get
	panicked any
}

// once returns the fact that k names, found by the first who asks. Who waits for it has missed what the first one missed.
func once[T any](ctx context.Context, c *cluster, k key, find func(context.Context) (T, error)) (typed T, err error) {
	for {
		a, first := c.facts.claim(k)
		if first {
			a.find(ctx, func(ctx context.Context) (any, error) {
				value, err := find(ctx)
				if err != nil && !absent(err) {
					miss(ctx, c.name, err)
				}
				return value, err
			})
			if a.settle(ctx); a.dropped {
				c.facts.forget(k)
			}
			close(a.done)
		}
		if err := a.wait(ctx); err != nil {
			miss(ctx, c.name, err)
			return typed, err
		}
		if a.dropped && !first {
			continue
		}
		if a.panicked != nil {
			panic(a.panicked) // everyone who needs the fact must know
		}
		for _, v := range a.missed {
			note(ctx, v)
		}
		typed, _ = a.value.(T)
		return typed, a.err
	}
}

func (m *memo) claim(k key) (a *answer, first bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if a := m.answers[k]; a != nil {
		return a, false
	}
	a = &answer{done: make(chan struct{})}
	m.answers[k] = a
	return a, true
}

func (m *memo) forget(k key) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.answers, k)
}

func (a *answer) find(ctx context.Context, find func(context.Context) (any, error)) {
	defer func() { a.panicked = recover() }()
	ctx, missed := watch(ctx)
	defer func() { a.missed = missed.what }()
	a.value, a.err = find(ctx)
}

// settle drops an answer that lacks something only because the context of the one who asked has ended.
func (a *answer) settle(ctx context.Context) {
	a.dropped = ctx.Err() != nil && (a.err != nil || len(a.missed) > 0)
}

// wait prefers an answer that is there to a context that has ended.
func (a *answer) wait(ctx context.Context) error {
	select {
	case <-a.done:
		return nil
	default:
	}
	select {
	case <-a.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
