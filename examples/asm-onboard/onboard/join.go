package onboard

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/meshpeer/meshpeer/examples/asm-onboard/asmapi"
)

// join asks for every missing cluster once.
func (r *run) join(ctx context.Context) error {
	return each(r.missing(), func(m Member) error {
		change := Change{Step: "join", Cluster: m.ID.String(), What: "add to mesh " + r.Mesh.Instance}
		if !r.write {
			r.result.Changes = append(r.result.Changes, change)
			return nil
		}
		add := asmapi.AddCluster{Mesh: r.Mesh.Instance, Cluster: m.ID.String(), DiscoveryOnly: m.DiscoveryOnly, IgnoreNamespaceCheck: m.IgnoreNamespaceCheck}
		if m.Kubeconfig != "" {
			var err error
			if add.Kubeconfig, err = r.keys.of(ctx, m); err != nil {
				return err
			}
		}
		if err := r.addOnce(ctx, add); err != nil {
			return err
		}
		change.Done, r.joined[m.ID] = true, true
		r.result.Changes = append(r.result.Changes, change)
		r.Log.Info("added", "cluster", m.ID)
		return nil
	})
}

const again = 3 // times that a cluster is asked for after a 5xx of which nothing is seen

// addOnce adds a cluster. After a reply that does not tell, it looks: a cluster that is there was added, by us or by somebody
// else. A request that ASM answered with 5xx, and of which nothing is seen, is sent again; one without an answer never is,
// because it may still be on its way.
func (r *run) addOnce(ctx context.Context, add asmapi.AddCluster) error {
	for attempt := 1; ; attempt++ {
		err := r.API.AddClusterIntoServiceMesh(ctx, add)
		limit, looks := time.Duration(0), 4
		switch asmapi.KindOf(err) {
		case asmapi.Unavailable:
		case asmapi.Refused: // perhaps because it is there
			looks = 1
		case asmapi.NoReply:
			limit = r.Timeout
		default:
			return err
		}
		r.Log.Warn("looking whether it was added", "cluster", add.Cluster, "error", err)
		there, unseen := r.appears(ctx, add.Cluster, limit, looks)
		switch kind := asmapi.KindOf(err); {
		case there:
			return nil
		case kind == asmapi.Refused:
			return err
		case unseen != nil:
			return &Error{
				Err:  fmt.Errorf("whether ASM added it is unknown: %w; and looking failed: %w", err, unseen),
				Hint: "run it again: it looks before it asks",
			}
		case kind == asmapi.NoReply || attempt > again:
			return &Error{
				Err:  fmt.Errorf("whether ASM added it is unknown, it is not seen: %w", err),
				Hint: "look at the ASM console; then run it again: it looks before it asks",
			}
		}
	}
}

// appears looks for a cluster among the members.
func (r *run) appears(ctx context.Context, id string, limit time.Duration, looks int) (there bool, err error) {
	err = r.poll(ctx, limit, looks, func() (bool, error) {
		all, err := r.API.DescribeClustersInServiceMesh(ctx, r.Mesh.Instance)
		there = slices.ContainsFunc(all, func(m asmapi.Member) bool { return m.ClusterID == id })
		return there, err
	})
	return there, err
}
