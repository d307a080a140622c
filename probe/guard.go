package probe

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/meshpeer/meshpeer/internal/invalid"
)

// RefusedError says why a failover was not begun. Nothing was changed.
type RefusedError struct {
	Target, Reason, Remedy string
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("probe: failover of %s refused: %s; %s", e.Target, e.Reason, e.Remedy)
}

func (f Failover) validate() error {
	switch {
	case f.Target == "":
		return invalid.Field("Failover.Target", "", "it is not set", "name cluster, namespace and workload")
	case f.Consent != f.Target:
		return invalid.Field(
			"Failover.Consent", f.Consent, "it does not repeat Target",
			fmt.Sprintf("set it to %q to allow that this is scaled to zero", f.Target))

	case f.Local == nil:
		return invalid.Field("Failover.Local", "", "it is not set", "give the Scaler of the workload")
	case f.Elsewhere == nil:
		return invalid.Field("Failover.Elsewhere", "", "it is not set", "count the ready endpoints of the other cluster")
	case f.Answer == nil:
		return invalid.Field("Failover.Answer", "", "it is not set", "give a Prober that holds when the other cluster answers")
	}
	return nil
}

// Check says how many replicas Run would take, and whether it would refuse. It changes nothing and needs no Consent: show
// its answer to whoever is to consent.
func (f Failover) Check(ctx context.Context) (replicas int, err error) {
	f.Consent = f.Target
	if err := f.validate(); err != nil {
		return 0, err
	}
	scale, err := f.Local.Read(ctx)
	if err != nil {
		return 0, fmt.Errorf("probe: reading the scale of %s: %w", f.Target, err)
	}
	_, err = f.guard(ctx, scale)
	return scale.Replicas, err
}

// scaleDown looks whether it may, and does. A conflict means that the object changed under our eyes: look again. It
// returns how many endpoints were ready before.
func (f Failover) scaleDown(ctx context.Context, run string, report *FailoverReport) (ready int, err error) {
	for range conflictTries {
		scale, err := f.Local.Read(ctx)
		if err != nil {
			return 0, fmt.Errorf("probe: reading the scale of %s: %w", f.Target, err)
		}
		if ready, err = f.guard(ctx, scale); err != nil {
			return 0, err
		}
		report.Replicas = scale.Replicas
		record := scaleRecord{Run: run, Replicas: scale.Replicas, At: time.Now().UTC().Truncate(time.Second)}
		err = f.Local.Write(ctx, Scale{ResourceVersion: scale.ResourceVersion, Record: record.String()})
		if err == nil {
			report.Scaled = true
			return ready, nil
		}
		if !errors.Is(err, ErrConflict) {
			return 0, fmt.Errorf("probe: scaling %s to zero: %w; if the request may still arrive, call Recover later", f.Target, err)
		}
	}
	return 0, fmt.Errorf("probe: scaling %s to zero: %w, %d times; try again when it is quiet", f.Target, ErrConflict, conflictTries)
}

const conflictTries = 5

// guard returns how many local endpoints are ready, or why the workload must not be touched.
func (f Failover) guard(ctx context.Context, s Scale) (int, error) {
	refuse := func(reason, remedy string) (int, error) { return 0, &RefusedError{f.Target, reason, remedy} }
	switch {
	case s.Record != "":
		return refuse("it holds the record of another run", "wait for that run, or call Recover if it is dead")
	case s.Replicas <= 0:
		return refuse("it has no replicas", "ask without a failover: there is nothing to scale")
	case len(s.Autoscalers) > 0:
		return refuse("it is scaled by "+strings.Join(s.Autoscalers, ", "), "pause that first, or use another workload")
	case len(s.Owners) > 0:
		return refuse("it belongs to "+strings.Join(s.Owners, ", ")+", which would scale it back", "pause that first, or use another workload")
	}
	ready, err := f.Local.Ready(ctx)
	if err != nil {
		return 0, fmt.Errorf("probe: counting the endpoints of %s: %w", f.Target, err)
	}
	if ready == 0 {
		return refuse("it has no ready endpoint", "make it ready first: there is nothing to fail over from")
	}
	elsewhere, err := f.Elsewhere(ctx)
	if err != nil {
		return 0, fmt.Errorf("probe: counting the endpoints elsewhere: %w", err)
	}
	if elsewhere == 0 {
		return refuse("the other cluster has no ready endpoint that takes mutual TLS", "make one ready and injected there: the service would be down")
	}
	return ready, nil
}
