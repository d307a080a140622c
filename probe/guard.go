package probe

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/meshpeer/meshpeer/internal/invalid"
)

// RefusedError says why a failover was not started. Nothing was changed.
type RefusedError struct {
	Target, Reason, Remedy string
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("probe: failover of %s refused: %s; %s", brief(e.Target, 100), brief(e.Reason, 250), brief(e.Remedy, 150))
}

func fieldNotSet(field, remedy string) error {
	return invalid.Field(field, "", "it is not set", remedy)
}

func (f Failover) validate() error {
	switch {
	case f.Target == "":
		return fieldNotSet("Failover.Target", "name cluster, namespace and workload")
	case f.Consent != f.Target:
		return invalid.Field(
			"Failover.Consent", f.Consent, "it does not repeat Target",
			fmt.Sprintf("set it to %q to allow that this is scaled to zero", f.Target))

	case missing(f.Local):
		return fieldNotSet("Failover.Local", "give the Scaler of the workload")
	case f.Elsewhere == nil:
		return fieldNotSet("Failover.Elsewhere", "count the ready endpoints of the other cluster")
	case missing(f.Answer):
		return fieldNotSet("Failover.Answer", "give a Prober that holds when the other cluster answers")
	}
	return nil
}

// FailoverCheck is what a [Failover] would do, and what whoever consents should know.
type FailoverCheck struct {
	Target    string   `json:"target"`
	Replicas  int      `json:"replicas"`           // what Run would take, and restore
	Ready     int      `json:"ready"`              // ready endpoints that would go
	Elsewhere int      `json:"elsewhere"`          // ready endpoints of the other cluster, which take the load
	Warnings  []string `json:"warnings,omitempty"` // a sentence each: too little capacity, a Helm release, and so on
}

// Check says what Run would do, and whether it would refuse. It changes nothing and needs no Consent: show its answer to
// whoever is to consent. It holds what was found so far, also with an error.
func (f Failover) Check(ctx context.Context) (FailoverCheck, error) {
	f.Consent = f.Target
	if err := f.validate(); err != nil {
		return FailoverCheck{Target: brief(f.Target, 200)}, err
	}
	scale, err := f.read(ctx)
	if err != nil {
		return FailoverCheck{Target: brief(f.Target, 200)}, err
	}
	return f.guard(ctx, scale)
}

func (f Failover) read(ctx context.Context) (Scale, error) {
	scale, err := f.Local.Read(ctx)
	if err != nil {
		return Scale{}, fmt.Errorf("probe: reading the scale of %s: %w", brief(f.Target, 100), cleanError(err))
	}
	return scale, nil
}

// scaleDown looks whether it may, and does. A conflict means that the object changed under our eyes: look again. It
// returns how many endpoints were ready before.
func (f Failover) scaleDown(ctx context.Context, run string, report *FailoverReport) (ready int, err error) {
	target := brief(f.Target, 100)
	for range conflictTries {
		scale, err := f.read(ctx)
		if err != nil {
			return 0, err
		}
		check, err := f.guard(ctx, scale)
		if err != nil {
			return 0, err
		}
		report.Replicas, report.Warnings = scale.Replicas, check.Warnings
		record := scaleRecord{Run: run, Replicas: scale.Replicas, At: time.Now().UTC().Truncate(time.Second)}
		err = f.Local.Write(ctx, Scale{ResourceVersion: scale.ResourceVersion, Record: record.String()})
		if err == nil {
			report.Scaled = true
			return check.Ready, nil
		}
		if !errors.Is(err, ErrConflict) {
			return 0, fmt.Errorf("probe: scaling %s to zero: %w; if the request may still arrive, call Recover later", target, cleanError(err))
		}
	}
	return 0, fmt.Errorf("probe: scaling %s to zero: %w, %d times; try again when nobody else changes it", target, ErrConflict, conflictTries)
}

const conflictTries = 5

// guard counts both sides and says why the workload must not be touched, if it must not.
func (f Failover) guard(ctx context.Context, s Scale) (FailoverCheck, error) {
	check := FailoverCheck{Target: brief(f.Target, 200), Replicas: s.Replicas}
	for _, note := range s.Notes {
		check.Warnings = append(check.Warnings, line(note))
	}
	refuse := func(reason, remedy string) (FailoverCheck, error) {
		return check, &RefusedError{f.Target, reason, remedy}
	}
	switch {
	case s.Record != "":
		return refuse("it holds the record of another run", "wait for that run, or call Recover if it is dead")
	case s.Replicas <= 0:
		return refuse("it has no replicas", "ask without a failover: there is nothing to scale")
	case len(s.Autoscalers) > 0:
		return refuse("it is scaled by "+firstOf(s.Autoscalers, 3, 80), "pause that first, or use another workload")
	case len(s.Owners) > 0:
		return refuse("it belongs to "+firstOf(s.Owners, 3, 80)+", which would scale it back", "pause that first, or use another workload")
	case len(s.Unseen) > 0 && !f.AllowUnseen:
		return refuse("who would scale it back could not be read: "+firstOf(s.Unseen, 2, 100),
			"let the caller list them, or set AllowUnseen if you know that nothing does")
	}
	for _, unseen := range s.Unseen {
		check.Warnings = append(check.Warnings, "who would scale it back could not be read: "+brief(unseen, 200))
	}
	var err error
	if check.Ready, err = f.Local.Ready(ctx); err != nil {
		return check, fmt.Errorf("probe: counting the endpoints of %s: %w", brief(f.Target, 100), cleanError(err))
	}
	if check.Ready <= 0 {
		return refuse("it has no ready endpoint", "make it ready first: there is nothing to fail over from")
	}
	if check.Elsewhere, err = f.Elsewhere(ctx); err != nil {
		return check, fmt.Errorf("probe: counting the endpoints elsewhere: %w", cleanError(err))
	}
	if check.Elsewhere <= 0 {
		return refuse("the other cluster has no ready endpoint that takes mutual TLS", "make one ready and injected there: the service would be down")
	}
	if check.Elsewhere < check.Ready {
		check.Warnings = append(check.Warnings, fmt.Sprintf(
			"%s here for %d in the other cluster: each of those would take up to %s its load; scale up there first if the service is under load",
			count(check.Ready, "endpoint"), check.Elsewhere, times(check.Ready+check.Elsewhere, check.Elsewhere)))
	}
	return check, nil
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// times is how often b goes into a, to one digit: "4 times", "1.5 times".
func times(a, b int) string {
	return strings.TrimSuffix(fmt.Sprintf("%.1f", float64(a)/float64(b)), ".0") + " times"
}
