package peering

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/internal/apply"
	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/probe"
)

// undoTimeout bounds the undo of one link, whatever became of the caller's context.
const undoTimeout = 30 * time.Second

// execute does the steps in order until one fails. A failed mutation undoes what was done for this link.
func (t *task) execute(ctx context.Context) {
	if t.seen.secret != nil { // of a new link they know nothing for a while
		t.reachIstiods()
	}
	var ledger apply.Ledger
	for i, s := range t.planned {
		err := t.perform(ctx, s, &ledger)
		if err == nil {
			if i == 0 {
				t.mintAhead(ctx)
			}
			continue
		}
		var kept *keptError
		if t.report.Error == nil && !errors.As(err, &kept) {
			t.report.Error = t.failed(s.Stage, s.On, err)
		}
		switch {
		case s.kind == clean:
			s.Reason = err.Error()
			t.report.Left = append(t.report.Left, s.Change)
			t.exposed = t.exposed || s.Stage == StageShare && !unreachable(t.from.err)
		case t.ended: // an old credential is gone: there is no way back
		case s.kind == mutate || t.goal == Rotated || t.UndoUnsynced && ctx.Err() == nil:
			t.mintInVain(ctx, &ledger)
			t.rollback(ctx, &ledger)
			return
		case t.goal == Absent: // what goes on ends a link, or names what is left of it
		default:
			return
		}
	}
}

// perform does one step and tells everybody who wants to know.
func (t *task) perform(ctx context.Context, s step, ledger *apply.Ledger) error {
	start := time.Now()
	undo, err := t.do(ctx, s)
	if undo != nil {
		ledger.Add(apply.Entry{Label: s.Change, Undo: undo, Gate: s.Stage == StageShare})
	}
	t.tell(s.Change, time.Since(start), err)
	t.record(ctx, s.Change, err)
	if err == nil && s.kind != verify {
		t.report.Changes = append(t.report.Changes, s.Change)
	}
	return err
}

// do does one step. The end of the caller's context stops before the next one.
func (t *task) do(ctx context.Context, s step) (apply.Undo, error) {
	switch {
	case s.do == nil:
		return nil, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case s.ends && t.exposed:
		return nil, &keptError{"kept: " + t.secretObject() + " of " + t.From.ID.String() + " may still hold a credential that needs it; call again"}
	}
	return s.do(t, ctx, s)
}

// rollback undoes steps in reverse. It has a time limit of its own: the caller's may be over, and half a link must not stay.
func (t *task) rollback(ctx context.Context, ledger *apply.Ledger) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
	defer cancel()
	var undone []apply.Undone
	if lost := t.lostLock(ctx); lost != nil {
		undone = ledger.Withhold(lost)
	} else {
		undone = ledger.Rollback(ctx)
	}
	t.untouched = true
	whole := true
	for _, u := range undone {
		t.untouched = t.untouched && (u.Err == nil || errors.Is(u.Err, apply.ErrNothing))
		if errors.Is(u.Err, apply.ErrNothing) {
			continue
		}
		change := u.Entry.Label.(Change)
		if u.Err != nil {
			change.Reason = "undo failed: " + u.Err.Error()
			t.report.Left = append(t.report.Left, change)
			whole = whole && change.Stage != StageShare
		} else {
			change.Action, change.Reason = undoneAction(change.Action), "undone"
			t.report.Undone = append(t.report.Undone, change)
		}
		t.tell(change, 0, u.Err)
		t.record(ctx, change, u.Err)
	}
	if !whole {
		return // From may hold the new credential, which stays on the report
	}
	t.report.Credential, t.report.RenewAt = nil, time.Time{}
	if t.seen.secret != nil && t.seen.ref.Kind != "" {
		t.note(t.seen.ref) // the old one is in use again
	}
}

// keptError is why a clean step left something on purpose. It is not a failure of the call.
type keptError struct{ why string }

func (e *keptError) Error() string { return e.why }

func undoneAction(a Action) Action {
	if a == Created {
		return Deleted
	}
	return Restored
}

// slots bound how many do something at a time.
type slots chan struct{}

func (s slots) take() { s <- struct{}{} }
func (s slots) give() { <-s }

// each calls do for 0 to n-1, as many at a time as there are slots of work.
func (r *run) each(n int, do func(int)) {
	var wg sync.WaitGroup
	for i := range n {
		r.slots.take()
		wg.Go(func() {
			defer r.slots.give()
			do(i)
		})
	}
	wg.Wait()
}

// inWave carries out one link when its From has few enough links in doubt: written, and not yet confirmed by its istiods, of
// which none should have to sync with a whole mesh at once. Work takes a slot besides.
func (r *run) inWave(ctx context.Context, t *task) LinkReport {
	if t.writes() {
		wave := r.waves[t.From]
		wave.take()
		defer wave.give()
	}
	r.slots.take()
	defer r.slots.give()
	return r.carryOut(ctx, t)
}

// idle waits without a slot of work.
func (r *run) idle(wait func()) {
	r.slots.give()
	defer r.slots.take()
	wait()
}

// preflight makes every check of a link that is about to be changed. Those that block and fail end it here. The checks of a
// workload are left out: a link is for every service, and may well be made before the first one runs.
func (t *task) preflight(ctx context.Context) *Error {
	if t.From.Checks == nil || t.To.Checks == nil || t.goal != Present && t.goal != Rotated || !t.writes() {
		return nil
	}
	in := preflight.Input{
		From: t.checks(t.from), To: t.checks(t.to), Flavour: t.Flavour, Endpoint: t.want.endpoint, SecretName: t.secretName(), OwnLabels: t.labels(),
		Bound: t.kind() == "bound", IstioVersions: versionsOf(t.from.istiods), Dial: t.To.Dial,
	}
	if t.want.objects.role != nil {
		in.Rules, in.RoleRules = t.want.objects.rules()
		in.RoleNamespace = t.systemNamespace(t.From)
	}
	findings, err := t.checker.Check(ctx, in)
	if err != nil {
		return t.failed(StagePreflight, t.To.ID, err)
	}
	findings = slices.DeleteFunc(findings, func(f preflight.Finding) bool {
		return f.Status == probe.Passed || f.Status == probe.Skipped || t.seen.adopted && (f.ID == "cluster-id-in-use" || f.ID == "secret-name-free")
	})
	t.findings = findings
	blocked := &PreflightError{}
	for _, f := range t.findings {
		if f.Status == probe.Failed && !slices.Contains(t.Tolerate, f.ID) {
			blocked.Findings = append(blocked.Findings, f)
		}
	}
	if len(blocked.Findings) == 0 {
		return nil
	}
	e := t.failed(StagePreflight, t.To.ID, blocked)
	e.Hint = blocked.hint()
	return e
}

// checks are what preflight sees of a cluster. Of one that is read anew, for a link that another run works on, it asks everything.
func (r *run) checks(s *snapshot) preflight.Side {
	side := *s.Checks
	if side.Reader != nil && s == r.clusters[s.Cluster] {
		side.Reader = known{side.Reader, s}
	}
	return side
}

// known spares preflight what the call has read already.
type known struct {
	preflight.Reader
	seen *snapshot
}

// Latest knows nothing.
func (k known) Latest() preflight.Reader {
	if r, can := k.Reader.(interface{ Latest() preflight.Reader }); can {
		return r.Latest()
	}
	return nil
}

func (k known) Get(ctx context.Context, like Object) (Object, error) {
	if _, is := like.(*corev1.Namespace); is && like.GetName() == metav1.NamespaceSystem && k.seen.system != nil {
		return k.seen.system, nil
	}
	return k.Reader.Get(ctx, like)
}

func (k known) List(ctx context.Context, like Object, selector string) ([]Object, error) {
	if _, is := like.(*corev1.Secret); is && like.GetNamespace() == k.seen.namespace() && selector == remoteSecrets && k.seen.claimed != nil {
		all := make([]Object, len(k.seen.remotes))
		for i, secret := range k.seen.remotes {
			all[i] = secret
		}
		return all, nil
	}
	return k.Reader.List(ctx, like, selector)
}
