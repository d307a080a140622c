package peering

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/meshpeer/meshpeer/internal/apply"
	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/secrets"
)

// task is one link in one call. Values go down: want and seen are decided before planned, and nothing changes them later.
type task struct {
	*run
	Link
	from, to *snapshot

	want     *intent
	seen     observed
	refused  *Error              // why nothing can be done: found while reading
	findings []preflight.Finding // those of the preflight that somebody should see
	planned  []step

	minting   *minting                   // begun ahead of its step
	token     secrets.Token              // in use: the shared one, or the one that this call minted
	speaksFor string                     // whom the API server takes a foreign token for
	written   map[string][]byte          // content of the remote secret with it, once this call sent that
	held      map[string]*istiod.Holding // of To, by replica, just before the remote secret changed
	changed   time.Time                  // when it did
	confirmed bool                       // every istiod was seen to use the present credential
	exposed   bool                       // From may still hold a credential that this call would end
	ended     bool                       // an old credential was ended, or may have been
	restarted bool                       // From's istiods were, by this call
	untouched bool                       // a failure left nothing of this call: it may be tried again
	report    LinkReport
}

// read learns all that the steps depend on. It writes nothing, so its failure leaves nothing.
func (t *task) read(ctx context.Context) (failed *Error) {
	if err := t.unanswered(); err != nil {
		return err
	}
	if t.From.Hosted {
		t.want = &intent{}
		t.want.describeHosted(t.Link, t.from, t.to)
		if t.goal == Absent || t.goal == Rotated {
			t.warn("nothing was " + map[Goal]string{Absent: "removed", Rotated: "rotated"}[t.goal] + ": the control plane of " + t.From.ID.String() +
				" is hosted, and so is the credential with which it reads " + t.To.ID.String())
		}
		return nil
	}
	var err error
	if t.want, err = t.intend(ctx, t.Link, t.from, t.to); err != nil {
		return t.failed(StageRead, t.To.ID, err)
	}
	for _, text := range t.want.warnings {
		t.warn(text)
	}
	if failed = t.observe(ctx); failed != nil {
		return failed
	}
	if t.goal == Present || t.goal == Rotated {
		if err := t.judge(ctx); err != nil {
			return t.failed(StageRead, t.To.ID, err)
		}
		t.takeOver()
		return t.observeOld(ctx)
	}
	return nil
}

// unanswered is the failure of a side that does not answer. Absent makes do with the other one.
func (t *task) unanswered() *Error {
	if t.goal == Absent && (t.from.err == nil || t.to.err == nil) {
		return nil
	}
	for _, s := range []*snapshot{t.from, t.to} {
		if s.err != nil {
			return t.failed(StageConnect, s.ID, s.err)
		}
	}
	return nil
}

// writes says whether the task changes anything.
func (t *task) writes() bool {
	return t.refused == nil && slices.ContainsFunc(t.planned, func(s step) bool { return s.writes() })
}

func (t *task) warn(text string) {
	text = prose(text)
	if !slices.Contains(t.report.Warnings, text) {
		t.report.Warnings = append(t.report.Warnings, text)
	}
}

func (t *task) tell(c Change, took time.Duration, err error) {
	if t.Observe == nil {
		return
	}
	e := Event{From: t.From.ID, To: t.To.ID, Change: c, Took: took}
	if err != nil {
		e.Error = err.Error()
	}
	t.observeEvent(e.printed())
}

// failed is the one place where an error of a link is made.
func (t *task) failed(stage Stage, on ID, err error) *Error {
	if stage != StageSync && stage != StageProbe && stage != StagePreflight {
		side := t.To
		if on == t.From.ID {
			side = t.From
		}
		err = own(side, err)
	}
	return (&Error{From: t.From.ID, To: t.To.ID, Stage: stage, On: on, Err: err, Hint: hint(err)}).printed()
}

// note puts the credential in use into the report.
func (t *task) note(ref secrets.Ref) {
	t.report.Credential = &ref
	t.report.RenewAt = renewAt(ref)
	for _, text := range ref.Warnings {
		t.warn(text)
	}
}

// retryAfter is when a link that failed asks for another call.
const retryAfter = time.Minute

// settle ends a link: when to call again, its status, and its texts as they may be printed.
func (t *task) settle() {
	l := &t.report
	if retry := time.Now().Add(retryAfter); l.Error != nil && (t.goal == Present || t.goal == Rotated) && (l.RenewAt.IsZero() || retry.Before(l.RenewAt)) {
		l.RenewAt = retry
	}
	l.Status = l.seen()
	*l = l.printed()
}

// busy says whether another run is working on it on the link: it created something a short time ago that is not in use
// yet. Its age is told by the API server's clock and, should that be off, by how long this call has been watching.
func (t *task) busy(watched time.Duration) string {
	if t.goal != Present && t.goal != Rotated || watched > t.lockTimeout() {
		return ""
	}
	for _, token := range t.seen.tokens {
		if generation(token) > t.seen.ref.Generation && t.fresh(token) {
			return apply.Name(token)
		}
	}
	if t.seen.account != nil && t.seen.secret == nil && t.Account == nil && t.fresh(t.seen.account) {
		return apply.Name(t.seen.account)
	}
	return ""
}

func (t *task) fresh(o Object) bool {
	run := o.GetAnnotations()[AnnotationRun]
	return run != "" && run != t.nonce && time.Since(o.GetCreationTimestamp().Time) < t.lockTimeout()
}

// takeOver decides to mark the account, the lock of a link, as this call's when an earlier run did not finish. If that run is
// still alive, it will not undo what this call builds on.
func (t *task) takeOver() {
	t.seen.abandoned = t.Account == nil && t.seen.account != nil && t.seen.secret == nil
}

// lostLock says whether another run has taken the link over from this one: then nothing may be undone.
func (t *task) lostLock(ctx context.Context) error {
	if t.Account != nil || t.seen.account != nil && !t.seen.abandoned {
		return nil // the account was there before: it is not what this call locked
	}
	account, err := find(ctx, t.to.objects, t.want.objects.account)
	if err != nil || account == nil {
		return nil // each undo will tell for itself
	}
	if run := account.GetAnnotations()[AnnotationRun]; run != t.nonce {
		return fmt.Errorf("another run (%s) has taken this link over", run)
	}
	return nil
}

// contended says whether another run caused a failure.
func contended(err error) bool {
	var exists *secrets.ExistsError
	return errors.As(err, &exists) || apierrors.IsAlreadyExists(err) || apierrors.IsConflict(err)
}

// plan is the part of one link.
func (t *task) plan() LinkPlan {
	l := LinkPlan{From: t.From.ID, To: t.To.ID, Findings: t.findings, Warnings: t.report.Warnings, Error: t.refused}
	if t.want != nil {
		l.Intent, l.OverGrants = &t.want.Intent, t.want.overGrants
	}
	for _, s := range t.planned {
		l.Steps = append(l.Steps, s.shown())
	}
	return l.printed()
}
