package peeringtest

import (
	"context"
	"errors"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/meshpeer/meshpeer/internal/kube"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/rbac"
)

// checks is what preflight sees of a member: its objects, a caller that may do everything, and no version. Its requests take
// the time that others take, but are neither listed nor made to fail unless the test asks for it with CountChecks: they are
// no part of what a verb does.
func (s *Server) checks(id string) *preflight.Side {
	return &preflight.Side{
		ID: id, Reader: onlooker{s},
		May: func(ctx context.Context, _ rbac.Access) (bool, error) {
			err := s.outage.pass(ctx, 0)
			return err == nil, err
		},
		Ask: func(context.Context, string) (preflight.Answer, error) {
			return preflight.Answer{}, errors.New("a mesh in memory has no version")
		},
	}
}

type onlooker struct{ server *Server }

func (o onlooker) Get(ctx context.Context, like peering.Object) (peering.Object, error) {
	if o.server.CountChecks {
		return o.server.Get(ctx, like)
	}
	if err := o.server.outage.pass(ctx, 0); err != nil {
		return nil, err
	}
	o.server.mu.Lock()
	found := o.server.store.objects[key(like)]
	o.server.mu.Unlock()
	if found == nil {
		return nil, apierrors.NewNotFound(resource(like), like.GetName())
	}
	return as(found, like)
}

func (o onlooker) List(ctx context.Context, like peering.Object, selector string) ([]peering.Object, error) {
	if o.server.CountChecks {
		return o.server.List(ctx, like, selector)
	}
	if err := o.server.outage.pass(ctx, 0); err != nil {
		return nil, err
	}
	parsed, err := labels.Parse(selector)
	if err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	o.server.mu.Lock()
	found := o.server.store.matching(kube.Kind(like), like.GetNamespace(), parsed)
	o.server.mu.Unlock()
	return copies(found, like)
}
