package preflight

import (
	"context"
	"fmt"

	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/meshpeer/meshpeer/internal/kube"
	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/secrets"
)

// Connect fills the seams of a Side from a rest.Config, which is copied and not changed. It does no network I/O. Warnings
// of the API server are dropped.
func Connect(id string, config *rest.Config) (Side, error) {
	if config == nil || config.Host == "" {
		return Side{}, fmt.Errorf("preflight: Connect %q: rest.Config.Host is empty: load a kubeconfig with client-go's clientcmd", id)
	}
	if _, _, err := rest.DefaultServerUrlFor(config); err != nil { // which quotes the host, with a user in it
		return Side{}, fmt.Errorf("preflight: Connect %q: rest.Config.Host %v is not the URL of an API server: write https://host:port", id, secrets.Endpoint{Server: config.Host})
	}
	config = kube.Configure(config, "meshpeer/v0 preflight", rest.NoWarnings{})
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return Side{}, fmt.Errorf("preflight: Connect %q: %w", id, err)
	}
	paths, err := kube.NewPaths(config)
	if err != nil {
		return Side{}, fmt.Errorf("preflight: Connect %q: %w", id, err)
	}
	objects := kube.NewObjects(client, "")
	return Side{
		ID: id, Reader: objects,
		May: func(ctx context.Context, a rbac.Access) (bool, error) { return may(ctx, objects, a) },
		Ask: func(ctx context.Context, path string) (Answer, error) {
			body, date, err := paths.Get(ctx, path)
			return Answer{body, date}, err
		},
	}, nil
}

// may asks the API server's authorizers; the review is answered and not stored.
func may(ctx context.Context, objects kube.Objects, a rbac.Access) (bool, error) {
	spec := authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: a.ResourceAttributes(), NonResourceAttributes: a.NonResourceAttributes()}
	o, err := objects.Create(ctx, &authorizationv1.SelfSubjectAccessReview{Spec: spec})
	if err != nil {
		return false, err
	}
	return o.(*authorizationv1.SelfSubjectAccessReview).Status.Allowed, nil
}
