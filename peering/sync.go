package peering

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/probe"
)

// awaitSync waits until every istiod replica of From says of itself that it reads To.
func (w *work) awaitSync() []step {
	return w.await(istiod.Synced, "istiod-synced")
}

// awaitGone waits until no replica knows To any more.
func (w *work) awaitGone() []step {
	if w.live.secret == nil {
		return nil
	}
	return w.await(istiod.NotSeen, "istiod-forgot")
}

// await polls the replicas, each on its own: one that does not answer hides none of the others.
func (w *work) await(want istiod.Status, check string) []step {
	s := step{kind: verify, Step: Step{Change: Change{Stage: StageSync, On: w.From.ID, Object: "istiod", Action: Verified}}}
	s.do = func(ctx context.Context) (func(context.Context) error, error) {
		if w.from.noIstiod != nil {
			w.report.Results = append(w.report.Results, probe.Result{
				Check: check, Target: w.From.ID.String(), Status: probe.Unknown, Err: w.from.noIstiod,
				Summary: "no istiod of " + w.From.ID.String() + " could be asked",
				Hint:    w.from.whyNoIstiod(),
			})
			return nil, nil
		}
		limited, cancel := context.WithTimeout(ctx, w.syncTimeout())
		defer cancel()
		results := make([]probe.Result, len(w.from.replicas))
		failures := make([]error, len(results))
		var wg sync.WaitGroup
		for i, r := range w.from.replicas {
			wg.Go(func() { results[i], failures[i] = w.awaitReplica(limited, r, want) })
		}
		wg.Wait()
		for i := range results {
			results[i].Check, results[i].Target = check, w.from.replicas[i].Name+" of "+w.From.ID.String()
		}
		w.report.Results = append(w.report.Results, results...)
		if ctx.Err() != nil {
			return nil, ctx.Err() // the caller's time, not istiod's
		}
		w.seen = !slices.ContainsFunc(results, func(r probe.Result) bool { return r.Status != probe.Passed }) &&
			(w.RestartIstiods != nil || !w.needsRestart())
		return nil, errors.Join(failures...)
	}
	return []step{s}
}

// awaitReplica polls one replica, quickly at first: a healthy istiod needs less than a second. Verify looks once.
func (w *work) awaitReplica(ctx context.Context, r istiod.Replica, want istiod.Status) (probe.Result, error) {
	start := time.Now()
	secret := w.From.namespace() + "/" + w.secretName()
	if w.From.Hosted {
		secret = "" // its name is the host's choice
	}
	pause := 100 * time.Millisecond
	for {
		status, err := r.Status(ctx, w.To.ID.String(), secret)
		if err == nil && status == want && want == istiod.Synced && !w.kept(ctx, r) {
			status = istiod.Degraded
		}
		if err == nil && status == want {
			return probe.Result{Status: probe.Passed, Took: time.Since(start), Summary: fmt.Sprintf("%s: %s", w.To.ID, status)}, nil
		}
		if w.goal == verified || !sleep(ctx, pause) {
			return w.notReached(ctx, r, status, err, time.Since(start))
		}
		w.tell(Change{Stage: StageSync, On: w.From.ID, Object: r.Name, Reason: waiting(w.To.ID, status, err)}, time.Since(start), nil)
		pause = min(2*pause, time.Second)
	}
}

// notReached is the end of a wait: a replica that answered is at the wrong level; one that did not may well be at the right one.
func (w *work) notReached(ctx context.Context, r istiod.Replica, status istiod.Status, err error, took time.Duration) (probe.Result, error) {
	if err != nil {
		return probe.Result{
			Status: probe.Unknown, Took: took, Err: err, Summary: r.Name + " could not be asked",
			Hint: "is the Pod ready, and may the caller create pods/portforward?",
		}, nil
	}
	failure := &NotSyncedError{Cluster: w.To.ID, Replica: r.Name, Level: status}
	return probe.Result{Status: probe.Failed, Took: took, Err: failure, Summary: failure.Error(), Hint: w.diagnose(ctx, status)}, failure
}

// sleep says whether the pause ended before ctx did.
func sleep(ctx context.Context, pause time.Duration) bool {
	select {
	case <-time.After(pause):
		return true
	case <-ctx.Done():
		return false
	}
}

func waiting(id ID, status istiod.Status, err error) string {
	if err != nil {
		return "waiting: " + err.Error()
	}
	return fmt.Sprintf("waiting: %s is %s", id, status)
}

// diagnose says more than the level does: which right is missing, if that is the cause.
func (w *work) diagnose(ctx context.Context, level istiod.Status) string {
	if w.token.IsZero() || level != istiod.Syncing && level != istiod.TimedOut {
		return level.Hint()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), proofTimeout)
	defer cancel()
	needs := w.needs()
	if err := w.proveOnce(ctx, w.token, &needs); err != nil {
		return err.Error()
	}
	return "the credential and its rights are good as seen from here: is " + address(w.endpoint) + " reachable from istiod's pods?"
}

// guard asks the caller before an old credential is revoked.
func (w *work) guard() []step {
	if w.Peering.Guard == nil || w.live.stale == "" || w.live.secret == nil {
		return nil
	}
	s := step{kind: verify, Step: Step{Change: Change{Stage: StageSync, On: w.From.ID, Object: "guard", Action: Verified}}}
	s.do = func(ctx context.Context) (func(context.Context) error, error) {
		return nil, w.Peering.Guard(ctx, w.Link)
	}
	return []step{s}
}
