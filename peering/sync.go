package peering

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/meshpeer/meshpeer/internal/apply"
	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/probe"
)

// awaitSync waits until every istiod replica of From says of itself that it reads To, and after a rotation that it has again
// what it had.
func (t *task) awaitSync() []step { return t.await(istiod.Synced, "istiod-synced") }

// awaitGone waits until no replica knows To any more.
func (t *task) awaitGone() []step {
	if t.seen.secret == nil {
		return nil
	}
	return t.await(istiod.NotSeen, "istiod-forgot")
}

// await asks the replicas, each by itself: one that does not answer hides none of the others. Verify looks once.
func (t *task) await(want istiod.Status, check string) []step {
	return []step{{
		kind: verify, Step: Step{Change: Change{Stage: StageSync, On: t.From.ID, Object: "istiod", Action: Verified}},
		do: func(t *task, ctx context.Context, _ step) (apply.Undo, error) {
			if t.from.noIstiod != nil {
				t.report.Results = append(t.report.Results, probe.Result{
					Check: check, Target: t.From.ID.String(), Status: probe.Unknown, Err: t.from.noIstiod,
					Summary: "no istiod of " + t.From.ID.String() + " could be asked",
					Hint:    t.from.whyNoIstiod(),
				})
				return nil, nil
			}
			if want == istiod.NotSeen && t.exposed {
				return nil, nil // the Secret is still there: there is nothing to wait for
			}
			return nil, t.sync(ctx, want, check)
		},
	}}
}

// reachIstiods connects to those that will be asked, while something else is waited for.
func (t *task) reachIstiods() {
	if t.acts && t.from.watch != nil {
		t.from.watch.Connect()
	}
}

// sync waits without a slot of work, for as long as SyncTimeout allows.
func (t *task) sync(ctx context.Context, status istiod.Status, check string) error {
	start := time.Now()
	limited, cancel := context.WithTimeout(ctx, t.syncTimeout())
	defer cancel()
	var views []istiod.View
	var err error
	t.idle(func() {
		if want := t.watchFor(status); t.goal == verified {
			views, err = t.from.watch.Look(limited, want)
		} else {
			views, err = t.from.watch.Await(limited, want, func(v istiod.View) {
				if !v.Is(status) {
					t.tellWaiting(v, time.Since(start))
				}
			})
		}
	})
	if ctx.Err() != nil {
		return ctx.Err() // the caller's time, not istiod's
	}
	if err != nil || len(views) == 0 {
		t.report.Results = append(t.report.Results, probe.Result{
			Check: check, Target: t.From.ID.String(), Status: probe.Unknown, Err: err, Took: time.Since(start),
			Summary: "which istiods " + t.From.ID.String() + " has now could not be seen", Hint: "are their Pods ready, and may the caller list pods and create pods/portforward?",
		})
	}
	var failures []error
	reached := err == nil && len(views) > 0
	for _, v := range views {
		result, failure := t.judgeView(ctx, v, status)
		result.Check, result.Target, result.Took = check, v.Replica+" of "+t.From.ID.String(), time.Since(start)
		t.report.Results = append(t.report.Results, result)
		failures, reached = append(failures, failure), reached && result.Status == probe.Passed
	}
	t.confirmed = reached && status == istiod.Synced && (t.restarted || !t.needsRestart())
	return errors.Join(failures...)
}

// watchFor is what the replicas have to say.
func (t *task) watchFor(status istiod.Status) istiod.Want {
	want := istiod.Want{Cluster: t.To.ID.String(), Status: status, Since: t.changed}
	if !t.From.Hosted { // the name of the Secret is the host's choice there
		want.Secret = t.From.namespace() + "/" + t.secretName()
	}
	if status == istiod.Synced {
		want.Held, want.Gone = t.held, t.stillThere
	}
	return want
}

func (t *task) tellWaiting(v istiod.View, took time.Duration) {
	reason := fmt.Sprintf("waiting: %s is %s", t.To.ID, v.Status)
	if v.Err != nil {
		reason = "waiting: " + v.Err.Error()
	}
	t.tell(Change{Stage: StageSync, On: t.From.ID, Object: v.Replica, Reason: reason}, took, nil)
}

// judgeView is the end of a wait: a replica that answered is where it should be or at the wrong level; one that did not may well
// be at the right one.
func (t *task) judgeView(ctx context.Context, v istiod.View, want istiod.Status) (probe.Result, error) {
	switch {
	case v.Err != nil:
		return probe.Result{
			Status: probe.Unknown, Err: v.Err, Summary: v.Replica + " could not be asked",
			Hint: "is the Pod ready, and may the caller create pods/portforward?",
		}, nil
	case v.Status == want:
		return probe.Result{Status: probe.Passed, Summary: fmt.Sprintf("%s: %s", t.To.ID, v.Status)}, nil
	}
	failure := &NotSyncedError{Cluster: t.To.ID, Replica: v.Replica, Level: v.Status, Hosted: t.From.Hosted}
	return probe.Result{Status: probe.Failed, Err: failure, Summary: failure.Error(), Hint: t.diagnose(ctx, failure)}, failure
}

// diagnose says more than the level does: which right is missing, if that is the cause.
func (t *task) diagnose(ctx context.Context, e *NotSyncedError) string {
	if t.token.IsZero() || e.Level != istiod.Syncing && e.Level != istiod.TimedOut {
		return e.next()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), proofTimeout)
	defer cancel()
	needs := t.needs()
	if err := t.proveOnce(ctx, t.token, &needs); err != nil {
		return err.Error()
	}
	return "the credential and its rights are good as seen from here: is " + address(t.want.endpoint) + " reachable from istiod's pods?"
}

// superseded says whether older tokens are left, which istiods that missed the change may still use.
func (t *task) superseded() bool {
	return slices.ContainsFunc(t.seen.tokens, func(s *corev1.Secret) bool { return s.Name != t.seen.ref.Name })
}

// restart has From's istiods restarted where their version does not pick up a changed Secret by itself. They may come back under
// other names.
func (t *task) restart() []step {
	if t.RestartIstiods == nil || t.seen.stale == "" && !t.superseded() || !t.needsRestart() {
		return nil
	}
	return []step{{
		kind: verify, Step: Step{Change: Change{Stage: StageSync, On: t.From.ID, Object: "istiod", Action: Restarted, Reason: "its version misses changes of a remote secret"}},
		do: func(t *task, ctx context.Context, _ step) (apply.Undo, error) {
			var err error
			t.idle(func() { err = t.RestartIstiods(ctx, t.From) })
			t.restarted = err == nil
			if t.from.watch != nil {
				t.from.watch.Refresh()
			}
			return nil, err
		},
	}}
}

// restartAfter restarts From's istiods once more when a Secret is restored that they were restarted for: they would miss that, too,
// and the token that they still use is the next thing to be undone.
func (t *task) restartAfter(undo apply.Undo) apply.Undo {
	if undo == nil {
		return nil
	}
	return func(ctx context.Context) error {
		err := undo(ctx)
		if err != nil || !t.restarted {
			return err
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), t.syncTimeout())
		defer cancel()
		t.idle(func() { err = t.RestartIstiods(ctx, t.From) })
		return err
	}
}

// guard asks the caller before an old credential is revoked, and then the istiods again: some may have come meanwhile.
func (t *task) guard() []step {
	if t.Peering.Guard == nil || t.seen.stale == "" || t.seen.secret == nil {
		return nil
	}
	return []step{{
		kind: verify, Step: Step{Change: Change{Stage: StageSync, On: t.From.ID, Object: "guard", Action: Verified}},
		do: func(t *task, ctx context.Context, _ step) (undo apply.Undo, err error) {
			t.idle(func() { err = t.Peering.Guard(ctx, t.Link) })
			if err == nil && t.confirmed {
				t.from.watch.Refresh()
				want := t.watchFor(istiod.Synced)
				views, lost := t.from.watch.Look(ctx, want)
				t.confirmed = lost == nil && len(views) > 0 && !slices.ContainsFunc(views, func(v istiod.View) bool { return !v.Is(istiod.Synced) })
			}
			return nil, err
		},
	}}
}

// sleep ends with the pause or with ctx.
func sleep(ctx context.Context, pause time.Duration) {
	select {
	case <-time.After(pause):
	case <-ctx.Done():
	}
}

// stillThere is what of a loss still exists in To: a service that ended meanwhile was not for istiod to keep. Of gateways, and of
// services whose state the caller may not see, the worse is taken.
func (t *task) stillThere(ctx context.Context, lost *istiod.Holding) (*istiod.Holding, error) {
	var there []istiod.Service
	for _, s := range lost.Services() {
		serves, err := t.to.serves(ctx, s)
		if err != nil {
			return nil, err
		}
		if serves {
			there = append(there, s)
		}
	}
	gateways := lost.Gateways()
	if len(there) == 0 && len(gateways) == 0 {
		return nil, nil
	}
	return istiod.NewHolding(there, gateways), nil
}
