package probe

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Recovery is what [Recover] did.
type Recovery struct {
	Found    bool      `json:"found"`    // there was a record of a failover
	Replicas int       `json:"replicas"` // what the workload had before it, and has again
	At       time.Time `json:"at"`       // when it was scaled to zero
}

// Recover gives a workload back the replicas that a failover took whose process died. Target names it in errors. Without a
// record nothing is done. If the workload is no longer at zero its scale is left alone, only the record is taken away,
// and the error is a [*ScaleChangedError]. Call it when no failover is under way: it would end that.
func Recover(ctx context.Context, target string, local Scaler) (Recovery, error) {
	for range conflictTries {
		found, err := restore(ctx, local, target, "")
		recovery := Recovery{found.record.Run != "", found.record.Replicas, found.record.At}
		_, changed := errors.AsType[*ScaleChangedError](err)
		switch {
		case errors.Is(err, ErrConflict):
			continue
		case err == nil, changed:
			return recovery, err
		case recovery.Found:
			return recovery, &NotRestoredError{target, recovery.Replicas, err}
		default:
			return recovery, fmt.Errorf("probe: recovering %s: %w", target, err)
		}
	}
	return Recovery{}, fmt.Errorf("probe: recovering %s: %w, %d times; try again when it is quiet", target, ErrConflict, conflictTries)
}
