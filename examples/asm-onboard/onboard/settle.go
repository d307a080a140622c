package onboard

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/probe"

	"github.com/meshpeer/meshpeer/examples/asm-onboard/asmapi"
)

// settle waits until ASM says of every wanted cluster that it runs, and has no complaint. A plan looks once.
func (r *run) settle(ctx context.Context) error {
	limit := r.Timeout
	if !r.write {
		limit = 0
	}
	var slow *asmapi.Member
	told := ""
	err := r.poll(ctx, limit, 1, func() (bool, error) {
		all, err := r.API.DescribeClustersInServiceMesh(ctx, r.Mesh.Instance)
		if err != nil {
			return false, err
		}
		if slow, err = r.slow(all); slow != nil && told != slow.ClusterID+slow.State {
			told = slow.ClusterID + slow.State
			r.Log.Info("waiting", "cluster", slow.ClusterID, "state", asmapi.Clean(slow.State))
		}
		return slow == nil, err
	})
	switch {
	case err != nil || slow == nil:
		return err
	case !r.write:
		r.found("asm-member", preflight.Warns, probe.Unknown, slow.ClusterID,
			fmt.Sprintf("ASM says that it is %q", asmapi.Clean(slow.State)), "plan again when it is running")
		return nil
	}
	return &Error{
		Cluster: slow.ClusterID, Err: fmt.Errorf("ASM still says %q after %s, and no reason", asmapi.Clean(slow.State), r.Timeout),
		Hint: "see the cluster in the ASM console; run this again: it goes on waiting",
	}
}

// slow is the first of the clusters that were added and do not run yet; nil if all do. State alone is not enough: a cluster may
// be called running and have an ErrorMessage.
func (r *run) slow(all []asmapi.Member) (*asmapi.Member, error) {
	var first *asmapi.Member
	for _, m := range r.Mesh.Clusters {
		if !r.joined[m.ID] {
			continue // planned only
		}
		found := asmapi.Member{ClusterID: m.ID.String(), State: "not listed"}
		if i := slices.IndexFunc(all, func(c asmapi.Member) bool { return c.ClusterID == m.ID.String() }); i >= 0 {
			found = all[i]
		}
		if found.ErrorMessage != "" || found.State == asmapi.StateFailed {
			return nil, &Error{
				Cluster: found.ClusterID, Err: fmt.Errorf("ASM says that it is %q, with the message %q", asmapi.Clean(found.State), asmapi.Clean(found.ErrorMessage)),
				Hint: "see the cluster in the ASM console; run this again when the message is gone",
			}
		}
		if found.State != asmapi.StateRunning && first == nil {
			first = &found
		}
	}
	return first, nil
}

// poll looks until done, an error, or the end of ctx; or until the limit, but so many times at least. That is no error.
func (r *run) poll(ctx context.Context, limit time.Duration, least int, look func() (done bool, err error)) error {
	deadline := r.Now().Add(limit)
	for n := 1; ; n++ {
		done, err := look()
		if done || err != nil || n >= least && !r.Now().Before(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(r.Every):
		}
	}
}
