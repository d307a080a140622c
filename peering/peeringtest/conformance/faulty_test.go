package conformance_test

import (
	"context"

	"github.com/meshpeer/meshpeer/peering"
)

// faulty breaks promises of the Objects behind it.
type faulty struct {
	peering.Objects
	get    func(context.Context, peering.Object) (peering.Object, error)
	list   func(context.Context, peering.Object, string) ([]peering.Object, error)
	create func(context.Context, peering.Object) (peering.Object, error)
	update func(context.Context, peering.Object) (peering.Object, error)
	delete func(context.Context, peering.Object) error
}

func (f faulty) Get(ctx context.Context, o peering.Object) (peering.Object, error) {
	if f.get != nil {
		return f.get(ctx, o)
	}
	return f.Objects.Get(ctx, o)
}

func (f faulty) List(ctx context.Context, like peering.Object, selector string) ([]peering.Object, error) {
	if f.list != nil {
		return f.list(ctx, like, selector)
	}
	return f.Objects.List(ctx, like, selector)
}

func (f faulty) Create(ctx context.Context, o peering.Object) (peering.Object, error) {
	if f.create != nil {
		return f.create(ctx, o)
	}
	return f.Objects.Create(ctx, o)
}

func (f faulty) Update(ctx context.Context, o peering.Object) (peering.Object, error) {
	if f.update != nil {
		return f.update(ctx, o)
	}
	return f.Objects.Update(ctx, o)
}

func (f faulty) Delete(ctx context.Context, o peering.Object) error {
	if f.delete != nil {
		return f.delete(ctx, o)
	}
	return f.Objects.Delete(ctx, o)
}

func clone(o peering.Object) peering.Object { return o.DeepCopyObject().(peering.Object) }
