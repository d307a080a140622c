package preflight

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
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
	ahead    map[lead]bool // what was read ahead
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
	f := c.facts(in)
	inTime := ctx.Err() == nil
	if inTime {
		c.readAhead(ctx, f)
	}
	all := make([]Finding, 0, len(table))
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
