package onboard

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/probe"

	"github.com/meshpeer/meshpeer/examples/asm-onboard/asmapi"
)

// settle waits until ASM says of every wanted cluster that it runs, and has no complaint. State alone is not enough: a cluster
// may be called running and have an ErrorMessage.
func (r *run) settle(ctx context.Context) error {
	said := map[string]string{}
	var waiting peering.ID
	var state string
	limit := r.Timeout
	if !r.write {
		limit = 0 // a plan looks once
	}
	err := r.poll(ctx, limit, func() (bool, error) {
		all, err := r.API.DescribeClustersInServiceMesh(ctx, r.Mesh.Instance)
		if err != nil {
			return false, err
		}
		waiting = peering.ID{}
		for _, m := range r.Mesh.Clusters {
			if !r.joined[m.ID] {
				continue // planned only
			}
			i := slices.IndexFunc(all, func(found asmapi.Member) bool { return found.ClusterID == m.ID.String() })
			found := asmapi.Member{State: "not listed"}
			if i >= 0 {
				found = all[i]
			}
			if found.ErrorMessage != "" || found.State == asmapi.StateFailed {
				return false, of(m.ID, &Error{
					Err:  fmt.Errorf("ASM says that it is %q, with the message %q", asmapi.Clean(found.State), asmapi.Clean(found.ErrorMessage)),
					Hint: "see the cluster in the ASM console; run this again when the message is gone",
				})
			}
			if found.State == asmapi.StateRunning {
				continue
			}
			if waiting, state = m.ID, asmapi.Clean(found.State); said[m.ID.String()] != state {
				said[m.ID.String()] = state
				r.Log.Info("waiting", "cluster", m.ID, "state", state)
			}
		}
		return waiting == peering.ID{}, nil
	})
	switch {
	case err != nil || waiting == peering.ID{}:
		return err
	case !r.write:
		r.found("asm-member", preflight.Warns, probe.Unknown, waiting.String(), fmt.Sprintf("ASM says that it is %q", state), "plan again when it is running")
		return nil
	}
	return of(waiting, &Error{Err: fmt.Errorf("ASM still says %q after %s, and no reason", state, r.Timeout), Hint: "see the cluster in the ASM console; run this again: it goes on waiting"})
}

// poll looks until done, an error, the limit or the end of ctx; it looks once at least. The limit alone is no error.
func (r *run) poll(ctx context.Context, limit time.Duration, look func() (done bool, err error)) error {
	deadline := r.Now().Add(limit)
	for {
		done, err := look()
		if done || err != nil || !r.Now().Before(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(r.Every):
		}
	}
}
