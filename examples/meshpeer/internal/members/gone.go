package members

import (
	"context"

	"github.com/meshpeer/meshpeer/peering"
)

// gone is the API server of a cluster that the user has given up.
type gone struct{}

func (gone) Get(context.Context, peering.Object) (peering.Object, error) { return nil, unreachable() }

func (gone) List(context.Context, peering.Object, string) ([]peering.Object, error) {
	return nil, unreachable()
}

func (gone) Create(context.Context, peering.Object) (peering.Object, error) {
	return nil, unreachable()
}

func (gone) Update(context.Context, peering.Object) (peering.Object, error) {
	return nil, unreachable()
}

func (gone) Delete(context.Context, peering.Object) error { return unreachable() }
