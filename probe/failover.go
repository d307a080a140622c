package probe

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"
)

// Failover proves that the other cluster answers when the client's own has no pods left: it scales the local workload to
// zero, asks, and restores it. Prefer a service whose pods are only in the other cluster, where one exists.
//
// It refuses ([*RefusedError]) if something would scale the workload back or nobody would answer, see [Failover.Run], and
// ends at once ([*AbortedError]) when the other cluster can no longer answer. The count is kept on the object itself, in
// the same patch that scales it; it is restored on success, failure, abort, cancellation and panic. If the process dies,
// [Recover] restores it.
type Failover struct {
	// Target names the local workload in full, e.g. "cluster-1 default/httpbin". Consent must repeat it.
	Target, Consent string

	Local Scaler // the workload that is scaled to zero
	// Elsewhere counts the endpoints of the service in the other cluster that are ready and take mutual TLS: without
	// a sidecar they are left out across networks (istio/istio pilot/pkg/xds/endpoints/ep_filters.go). It is called again
	// and again while the workload is at zero, at the same time as Answer.
	Elsewhere func(ctx context.Context) (int, error)
	// Answer holds when the other cluster answers, e.g. a [Who] or a [Ladder]. It is repeated until it does.
	Answer Prober

	// AllowUnseen starts although it could not be read who would scale the workload back, see [Scale.Unseen].
	AllowUnseen bool
	// Blind is how long Elsewhere may be unreadable while the workload is at zero: 0 means 10 s.
	Blind time.Duration

	// Poll says how to wait for the pods to go, and then for the answer. Its Timeout bounds the two together, and so how
	// long the workload is at zero: 0 means 2 minutes. Its Max is the resolution of the times reported, and how often
	// Elsewhere is counted: 0 means 1 s.
	Poll Poll
	// Restore bounds restoring, 0 means 2 minutes. It runs whether or not ctx has ended.
	Restore time.Duration
}

// FailoverReport says what a [Failover] did. It holds what was found so far, also with an error.
type FailoverReport struct {
	Target     string        `json:"target"`
	Replicas   int           `json:"replicas"`                        // before, and to be restored
	Scaled     bool          `json:"scaled"`                          // the workload was at zero
	Restored   bool          `json:"restored"`                        // the count was restored
	Drained    time.Duration `json:"drainedNanoseconds,omitempty"`    // from scaling until no local endpoint was ready
	FailedOver time.Duration `json:"failedOverNanoseconds,omitempty"` // from scaling until the other cluster answered
	Back       time.Duration `json:"backNanoseconds,omitempty"`       // from restoring until as many were ready as before; 0 if not seen
	Answer     Result        `json:"answer"`                          // of the prober; Unknown if local endpoints came back before it
	Warnings   []string      `json:"warnings,omitempty"`              // as Check gives them
}

// AbortedError says that a failover ended early, because the other cluster could no longer answer. The workload is restored
// unless there is a [*NotRestoredError] too.
type AbortedError struct {
	Target, Reason string
	Err            error // why the other cluster could not be read; nil if it had no endpoint
}

func (e *AbortedError) Error() string {
	text := fmt.Sprintf("probe: failover of %s aborted: %s", brief(e.Target, 100), brief(e.Reason, 200))
	if e.Err != nil {
		text += ": " + brief(e.Err.Error(), 150)
	}
	return text
}

// Unwrap returns Err.
func (e *AbortedError) Unwrap() error { return e.Err }

// Run runs it. It refuses if Consent does not repeat Target; the workload is at zero already, has an autoscaler or an
// owner, holds the record of another run, or has no ready endpoint; the other cluster has none; or any of these could not
// be read. An Answer that does not hold is a result, not an error. The error has an [*AbortedError] if the other cluster
// could no longer answer, a [*NotRestoredError] if the count was not restored, a [*ScaleChangedError] if somebody else
// scaled the workload while it was at zero, and ctx's own if that ended.
func (f Failover) Run(ctx context.Context) (report FailoverReport, err error) {
	report.Target = brief(f.Target, 200)
	report.Answer = Result{Check: "failover", Target: f.Target, Status: Skipped, Summary: "nothing was scaled"}.Clean()
	if err := f.validate(); err != nil {
		return report, err
	}
	run := rand.Text()
	ready := 0
	defer func() { // a panic passes through here too
		err = errors.Join(err, f.giveBack(ctx, run, ready, &report))
	}()
	if ready, err = f.scaleDown(ctx, run, &report); err != nil {
		return report, err
	}
	return report, f.watched(ctx, func(ctx context.Context) { f.observe(ctx, time.Now(), &report) }, &report)
}

// watched runs observe under a context that ends when the other cluster can no longer answer, and returns why it ended.
func (f Failover) watched(ctx context.Context, observe func(context.Context), report *FailoverReport) error {
	watched, abort := context.WithCancelCause(ctx)
	defer abort(nil)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		f.watch(watched, abort)
	}()
	observe(watched)
	cause := context.Cause(watched)
	abort(nil)
	<-ended
	if aborted, ok := errors.AsType[*AbortedError](cause); ok && ctx.Err() == nil {
		report.Answer = Result{
			Check: "failover", Target: f.Target, Status: Unknown, Took: report.Answer.Took, Err: aborted,
			Summary: "aborted: " + aborted.Reason, Hint: "make the other cluster's endpoints stay ready, then try again",
		}.Clean()
		report.FailedOver = 0
		return aborted
	}
	return context.Cause(ctx)
}

// watch counts the other cluster's endpoints until ctx ends, and aborts when none is left or they cannot be read for long.
func (f Failover) watch(ctx context.Context, abort context.CancelCauseFunc) {
	blind := f.Blind
	if blind <= 0 {
		blind = 10 * time.Second
	}
	every := f.Poll.Max
	if every <= 0 {
		every = time.Second
	}
	type reading struct {
		n   int
		err error
	}
	readings := make(chan reading, 1)
	read := func() {
		var r reading
		defer func() {
			if v := recover(); v != nil {
				r = reading{0, fmt.Errorf("probe: Failover.Elsewhere panicked with a %T", v)}
			}
			readings <- r
		}()
		r.n, r.err = f.Elsewhere(ctx)
	}
	seen := time.NewTimer(blind) // since the last good reading
	defer seen.Stop()
	var last error
	go read()
	for {
		select {
		case <-ctx.Done():
			return
		case <-seen.C:
			abort(&AbortedError{f.Target, fmt.Sprintf("the other cluster's endpoints could not be read for %s", blind), cleanError(last)})
			return
		case r := <-readings:
			switch last = r.err; {
			case last == nil && r.n <= 0:
				abort(&AbortedError{f.Target, "the other cluster has no ready endpoint left that takes mutual TLS", nil})
				return
			case last == nil:
				seen.Reset(blind)
			}
			if sleep(ctx, min(every, blind/2)) != nil {
				return
			}
			go read()
		}
	}
}

// observe waits until nobody is left, and then for the answer.
func (f Failover) observe(ctx context.Context, scaled time.Time, report *FailoverReport) {
	poll := f.Poll
	if poll.Timeout == 0 {
		poll.Timeout = 2 * time.Minute
	}
	if poll.Timeout > 0 {
		limited, cancel := context.WithTimeout(ctx, poll.Timeout)
		defer cancel()
		ctx = limited
	}
	poll.Timeout = -1
	if poll.Max == 0 {
		poll.Max = time.Second // times are reported: do not look away for long
	}
	var unread error
	drained := poll.until(ctx, func(ctx context.Context) bool {
		n, err := f.Local.Ready(ctx)
		unread = err
		return err == nil && n == 0
	})
	if drained != nil {
		report.Answer = Result{
			Check: "failover", Target: f.Target, Status: Unknown, Took: time.Since(scaled), Err: both(drained, unread),
			Summary: "local endpoints stayed ready", Hint: "allow more time in Poll.Timeout, or see why the workload's pods do not terminate",
		}.Clean()
		return
	}
	report.Drained = time.Since(scaled)
	answer := retry{f.Answer, poll}.Probe(ctx)
	took := time.Since(scaled)
	if n, err := f.Local.Ready(ctx); answer.Status.Holds() && (err != nil || n > 0) {
		answer.Status, answer.Err = Unknown, err
		answer.Summary += "; but local endpoints may have answered: some were ready again, or could not be read"
		answer.Hint = "find out who else scales or selects the workload's pods, and try again"
	}
	report.Answer = answer.Clean()
	if answer.Status == Passed || answer.Status == Warned {
		report.FailedOver = took
	}
}
