package peeringtest

import (
	"context"
	"errors"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/rbac"
)

// checks is what preflight sees of a member: its objects, a caller that may do everything, and no version. Its requests are
// neither recorded nor made to fail: they are no part of what a verb does.
func (s *Server) checks(id string) *preflight.Side {
	return &preflight.Side{
		ID: id, Reader: onlooker{s},
		May: func(context.Context, rbac.Access) (bool, error) { return true, nil },
		Ask: func(context.Context, string) (preflight.Answer, error) {
			return preflight.Answer{}, errors.New("a mesh in memory has no version")
		},
	}
}

type onlooker struct{ server *Server }

func (o onlooker) Get(_ context.Context, like peering.Object) (peering.Object, error) {
	o.server.mu.Lock()
	defer o.server.mu.Unlock()
	if found := o.server.objects[key(like)]; found != nil {
		return clone(found), nil
	}
	return nil, apierrors.NewNotFound(resource(like), like.GetName())
}

func (o onlooker) List(_ context.Context, like peering.Object, selector string) (out []peering.Object, err error) {
	o.server.mu.Lock()
	defer o.server.mu.Unlock()
	return o.server.matching(like, selector)
}
