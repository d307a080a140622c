package probe_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/meshpeer/meshpeer/probe"
)

// deployment is a workload in memory: pods end two seconds after scaling to zero and are ready three seconds after scaling
// up. Each call first goes through fault, which may fail it before or after it took effect.
type deployment struct {
	mu      sync.Mutex
	scale   probe.Scale
	version int
	pods    int
	settle  time.Time // when pods follows scale.Replicas
	calls   int
	writes  []probe.Scale
	wrote   []time.Time
	fault   func(call int, method string) fault
}

// fault is what goes wrong with a call.
type fault struct {
	before, after error
	panics        bool
	then          func(d *deployment) // somebody else's doing, before the call
}

func newDeployment(replicas int) *deployment {
	return &deployment{scale: probe.Scale{Replicas: replicas}, version: 1, pods: replicas}
}

func (d *deployment) enter(method string) error {
	d.calls++
	if d.fault == nil {
		return nil
	}
	f := d.fault(d.calls, method)
	if f.then != nil {
		f.then(d)
	}
	if f.panics {
		panic("fault")
	}
	if f.before != nil {
		return f.before
	}
	if f.after != nil {
		return afterwards{f.after}
	}
	return nil
}

// afterwards is a fault of the reply only.
type afterwards struct{ error }

func (d *deployment) Read(ctx context.Context) (probe.Scale, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := errors.Join(ctx.Err(), d.enter("Read")); err != nil {
		return probe.Scale{}, err
	}
	s := d.scale
	s.ResourceVersion = strconv.Itoa(d.version)
	return s, nil
}

func (d *deployment) Write(ctx context.Context, s probe.Scale) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	err := d.enter("Write")
	var late afterwards
	if err != nil && !errors.As(err, &late) {
		return err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if s.ResourceVersion != strconv.Itoa(d.version) {
		return fmt.Errorf("409: %w", probe.ErrConflict)
	}
	d.settled()
	d.set(s.Replicas)
	d.scale.Record = s.Record
	d.writes, d.wrote = append(d.writes, s), append(d.wrote, time.Now())
	return late.error
}

// set scales as anybody might.
func (d *deployment) set(replicas int) {
	d.version++
	wait := 3 * time.Second
	if replicas == 0 {
		wait = 2 * time.Second
	}
	if replicas != d.scale.Replicas {
		d.scale.Replicas, d.settle = replicas, time.Now().Add(wait)
	}
}

func (d *deployment) settled() {
	if !d.settle.IsZero() && !time.Now().Before(d.settle) {
		d.pods, d.settle = d.scale.Replicas, time.Time{}
	}
}

func (d *deployment) Ready(ctx context.Context) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := errors.Join(ctx.Err(), d.enter("Ready")); err != nil {
		return 0, err
	}
	d.settled()
	return d.pods, nil
}

// failover is one that would go well: the other cluster answers a second after the local pods have gone.
func failover(d *deployment) probe.Failover {
	return probe.Failover{
		Target: "cluster-1 default/httpbin", Consent: "cluster-1 default/httpbin", Local: d,
		Elsewhere: func(context.Context) (int, error) { return 1, nil },
		Answer: probe.ProberFunc(func(ctx context.Context) probe.Result {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.settled()
			if d.pods > 0 || d.scale.Replicas > 0 {
				return probe.Result{Status: probe.Failed, Summary: "the local side answered"}
			}
			return probe.Result{Check: "teapot", Status: probe.Passed}
		}),
	}
}
