package probe

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// NotRestoredError says that a workload is still as a failover left it, or may be.
type NotRestoredError struct {
	Target   string
	Replicas int // what it had
	Err      error
}

func (e *NotRestoredError) Error() string {
	return fmt.Sprintf("probe: %s was not given back its %d replicas: %v; call Recover, or scale it by hand and delete its annotation %s",
		e.Target, e.Replicas, e.Err, RecordAnnotation)
}

// Unwrap returns why.
func (e *NotRestoredError) Unwrap() error { return e.Err }

// ScaleChangedError says that somebody else scaled a workload that a failover had at zero. Their count was left alone; the
// record was taken away.
type ScaleChangedError struct {
	Target    string
	Had, Have int // before the failover, and now
}

func (e *ScaleChangedError) Error() string {
	return fmt.Sprintf("probe: %s was scaled to %d by somebody else while it was at zero; it had %d, see that this is what you want",
		e.Target, e.Have, e.Had)
}

// giveBack restores on a context of its own, and waits for the pods if the caller still does. Replicas in the report
// mean that scaling was tried: the reply may have been lost, so the object says whether it was done.
func (f Failover) giveBack(ctx context.Context, run string, ready int, report *FailoverReport) error {
	if report.Replicas == 0 {
		return nil
	}
	limit := f.Restore
	if limit <= 0 {
		limit = 2 * time.Minute
	}
	detached, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	poll := f.Poll
	poll.Timeout = -1 // detached's
	var found restored
	var last error
	err := poll.until(detached, func(ctx context.Context) bool {
		found, last = restore(ctx, f.Local, f.Target, run)
		_, changed := errors.AsType[*ScaleChangedError](last)
		return last == nil || changed
	})
	switch {
	case err != nil:
		return &NotRestoredError{f.Target, report.Replicas, errors.Join(err, last)}
	case last != nil:
		return last
	case found.record.Run != "":
		report.Scaled, report.Restored = true, true
	case !report.Scaled:
		return nil // it never was at zero
	case found.scale.Replicas == report.Replicas: // the reply to giving back was lost, or somebody called Recover
		report.Restored = true
	case found.scale.Replicas == 0:
		return &NotRestoredError{f.Target, report.Replicas, errors.New("its record is gone")}
	default:
		return &ScaleChangedError{f.Target, report.Replicas, found.scale.Replicas}
	}
	start := time.Now()
	if poll.until(detached, func(context.Context) bool {
		n, err := f.Local.Ready(detached)
		return err == nil && n >= ready || ctx.Err() != nil
	}) == nil && ctx.Err() == nil {
		report.Back = time.Since(start)
	}
	return nil
}
