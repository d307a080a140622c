package conformance

import (
	"context"
	"fmt"
	"reflect"

	"github.com/meshpeer/meshpeer/peering"
)

// untouched looks whether what is given to objects stays as it is: links share what they have in common, such as the rules of
// their roles.
type untouched struct {
	peering.Objects
	faults *[]error
}

// watch returns a look at o for later.
func (u untouched) watch(call string, o peering.Object) func() {
	before := o.DeepCopyObject()
	return func() {
		if !reflect.DeepEqual(before, o) {
			*u.faults = append(*u.faults, fmt.Errorf("%s changed the %T that it was given: work on a copy", call, o))
		}
	}
}

func (u untouched) Get(ctx context.Context, o peering.Object) (peering.Object, error) {
	defer u.watch("Get", o)()
	return u.Objects.Get(ctx, o)
}

func (u untouched) List(ctx context.Context, like peering.Object, selector string) ([]peering.Object, error) {
	defer u.watch("List", like)()
	return u.Objects.List(ctx, like, selector)
}

func (u untouched) Create(ctx context.Context, o peering.Object) (peering.Object, error) {
	defer u.watch("Create", o)()
	return u.Objects.Create(ctx, o)
}

func (u untouched) Update(ctx context.Context, o peering.Object) (peering.Object, error) {
	defer u.watch("Update", o)()
	return u.Objects.Update(ctx, o)
}

func (u untouched) Delete(ctx context.Context, o peering.Object) error {
	defer u.watch("Delete", o)()
	return u.Objects.Delete(ctx, o)
}
