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
	return fmt.Sprintf("probe: %s still lacks its %d replicas: %s; call Recover, or scale it by hand and delete its annotation %s",
		brief(e.Target, 100), e.Replicas, brief(fmt.Sprint(e.Err), 200), RecordAnnotation)
}

// Unwrap returns why.
func (e *NotRestoredError) Unwrap() error { return e.Err }

// ScaleChangedError says that somebody else scaled a workload, to a count other than the one it had, while a failover
// had it at zero. Their count was left alone; the record was removed.
type ScaleChangedError struct {
	Target    string
	Had, Have int // before the failover, and now
}

func (e *ScaleChangedError) Error() string {
	return fmt.Sprintf("probe: somebody else scaled %s to %d while it was at zero; it had %d: see that this is what you want",
		brief(e.Target, 100), e.Have, e.Had)
}

// restored is what was found when restoring.
type restored struct {
	scale  Scale       // before
	record scaleRecord // zero if there was none of the run
}

// restore sets the count that the record of the run says, "" being any run, if the scale is still zero, and removes the
// record. Where somebody restored that count already, only the record is removed. Without such a record there is nothing
// to do. A conflict is an error like any other: the caller looks again.
func restore(ctx context.Context, local Scaler, target, run string) (restored, error) {
	scale, err := local.Read(ctx)
	if err != nil || scale.Record == "" {
		return restored{scale: scale}, err
	}
	record, err := parseScaleRecord(scale.Record)
	if run != "" && (err != nil || record.Run != run) {
		return restored{scale: scale}, nil
	}
	if err != nil {
		return restored{scale: scale}, err
	}
	found := restored{scale, record}
	back := Scale{Replicas: record.Replicas, ResourceVersion: scale.ResourceVersion}
	if scale.Replicas != 0 {
		back.Replicas = scale.Replicas
	}
	if err := local.Write(ctx, back); err != nil {
		return found, err
	}
	if back.Replicas != record.Replicas {
		return found, &ScaleChangedError{target, record.Replicas, scale.Replicas}
	}
	return found, nil
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
		found, last = f.restoreOwn(ctx, run)
		_, changed := errors.AsType[*ScaleChangedError](last)
		return last == nil || changed
	})
	switch {
	case err != nil:
		return &NotRestoredError{f.Target, report.Replicas, both(err, last)}
	case last != nil:
		return last
	case found.record.Run != "":
		report.Scaled, report.Restored = true, true
	case !report.Scaled:
		return nil // it never was at zero
	case found.scale.Replicas == report.Replicas: // the reply to restoring was lost, or somebody called Recover
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

// restoreOwn is restore for the record of this run. A Scaler that panics is asked again as one that fails is: the workload is
// at zero.
func (f Failover) restoreOwn(ctx context.Context, run string) (found restored, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("probe: Failover.Local panicked with a %T", v)
		}
	}()
	return restore(ctx, f.Local, f.Target, run)
}

// Recovery is what [Recover] did.
type Recovery struct {
	Found    bool      `json:"found"`    // there was a record of a failover
	Replicas int       `json:"replicas"` // what the workload had before it, and has again unless there is an error
	At       time.Time `json:"at"`       // when it was scaled to zero
}

// Recover restores the replicas of a workload that a failover scaled to zero and did not restore, because its process
// died. Target names the workload in errors. Without a record it does nothing. If the workload is no longer at zero its
// scale is left alone and only the record is removed; the error is a [*ScaleChangedError] if the count is not the one it
// had. Do not call it while a failover is running: it would end that failover.
func Recover(ctx context.Context, target string, local Scaler) (Recovery, error) {
	if missing(local) {
		return Recovery{}, fieldNotSet("local", "give the Scaler of the workload")
	}
	var recovery Recovery
	for range conflictTries {
		found, err := restore(ctx, local, target, "")
		recovery = Recovery{found.record.Run != "", found.record.Replicas, found.record.At}
		_, changed := errors.AsType[*ScaleChangedError](err)
		switch {
		case errors.Is(err, ErrConflict):
			continue
		case err == nil, changed:
			return recovery, err
		case recovery.Found:
			return recovery, &NotRestoredError{target, recovery.Replicas, cleanError(err)}
		default:
			return recovery, fmt.Errorf("probe: recovering %s: %w", brief(target, 100), cleanError(err))
		}
	}
	return recovery, &NotRestoredError{target, recovery.Replicas, fmt.Errorf("%w, %d times; try again when nobody else changes it", ErrConflict, conflictTries)}
}
