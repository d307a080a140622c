package probe

import (
	"context"
	"crypto/rand"
	"errors"
	"time"
)

// Failover proves that the other cluster answers when the client's own has nobody left: it scales the local workload to
// zero, asks, and gives back what it took. Prefer a service whose pods are only in the other cluster, where one exists.
//
// It refuses ([*RefusedError]) where something would fight it or nobody would answer, see [Failover.Run]. The count is kept
// on the object itself, in the same patch that scales it; it is given back on success, failure, cancellation and panic.
// Should the process die, [Recover] gives it back.
type Failover struct {
	// Target names the local workload in full, e.g. "cluster-1 default/httpbin". Consent must repeat it.
	Target, Consent string

	Local Scaler // the workload that is scaled to zero
	// Elsewhere counts the endpoints of the service in the other cluster that are ready and take mutual TLS: without
	// a sidecar they are left out across networks (istio/istio pilot/pkg/xds/endpoints/ep_filters.go).
	Elsewhere func(ctx context.Context) (int, error)
	// Answer holds when the other cluster answers, e.g. a [Who] or a [Ladder]. It is repeated until it does.
	Answer Prober

	// Poll says how to wait for the pods to go, and then for the answer. Its Timeout bounds the two together, and so how
	// long the workload is at zero: 0 means 2 minutes. Its Max is the resolution of the times reported: 0 means 1 s.
	Poll Poll
	// Restore bounds giving back, 0 means 2 minutes. It runs whether or not ctx has ended.
	Restore time.Duration
}

// FailoverReport says what a [Failover] did. It is filled as far as it came, also beside an error.
type FailoverReport struct {
	Target     string        `json:"target"`
	Replicas   int           `json:"replicas"`                        // before, and to be given back
	Scaled     bool          `json:"scaled"`                          // the workload was at zero
	Restored   bool          `json:"restored"`                        // the count was given back
	Drained    time.Duration `json:"drainedNanoseconds,omitempty"`    // from scaling until no local endpoint was ready
	FailedOver time.Duration `json:"failedOverNanoseconds,omitempty"` // from scaling until the other cluster answered
	Back       time.Duration `json:"backNanoseconds,omitempty"`       // from giving back until as many were ready as before; 0 if not seen
	Answer     Result        `json:"answer"`                          // of the prober, Unknown if local endpoints came back meanwhile
}

// Run runs it. It refuses if Consent does not repeat Target; the workload is at zero already, has an autoscaler or an
// owner, holds the record of another run, or has no ready endpoint; or the other cluster has none. An Answer that does not
// hold is a result, no error. The error has a [*NotRestoredError] if the count was not given back, a [*ScaleChangedError]
// if somebody else scaled the workload meanwhile, and ctx's own if that ended.
func (f Failover) Run(ctx context.Context) (report FailoverReport, err error) {
	report.Target = f.Target
	report.Answer = Result{Check: "failover", Target: f.Target, Status: Skipped, Summary: "nothing was scaled"}
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
	f.observe(ctx, time.Now(), &report)
	return report, context.Cause(ctx)
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
			Check: "failover", Target: f.Target, Status: Unknown, Took: time.Since(scaled), Err: errors.Join(drained, unread),
			Summary: "local endpoints stayed ready", Hint: "allow more time in Poll.Timeout, or see why pods of the workload do not end",
		}
		return
	}
	report.Drained = time.Since(scaled)
	answer := retry{f.Answer, poll}.Probe(ctx)
	took := time.Since(scaled)
	if n, err := f.Local.Ready(ctx); holds(answer.Status) && (err != nil || n > 0) {
		answer.Status, answer.Err = Unknown, err
		answer.Summary += "; but local endpoints may have answered: some were ready again, or could not be read"
		answer.Hint = "find out who else scales or selects the workload's pods, and try again"
	}
	report.Answer = answer
	if answer.Status == Passed || answer.Status == Warned {
		report.FailedOver = took
	}
}
