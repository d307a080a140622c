package members_test

import (
	"context"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/istiod"
)

// both are the istiods of two control planes in one namespace.
type both [2]peering.SyncReader

func (b both) Replicas(ctx context.Context) (all []istiod.Replica, err error) {
	for _, one := range b {
		some, err := one.Replicas(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}
