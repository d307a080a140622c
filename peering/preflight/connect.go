package preflight

import (
	"context"
	"fmt"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/meshpeer/meshpeer/internal/kube"
	"github.com/meshpeer/meshpeer/internal/rights"
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
		ID: id, Reader: &reader{objects, paths},
		May: func(ctx context.Context, a rbac.Access) (bool, error) { return rights.May(ctx, objects, a) },
		Rules: func(ctx context.Context, namespace string) ([]rbacv1.PolicyRule, bool, error) {
			return rights.Of(ctx, objects, namespace)
		},
		Ask: func(ctx context.Context, path string) (Answer, error) {
			body, date, err := paths.Get(ctx, path)
			return Answer{body, date}, err
		},
	}, nil
}

// reader is kube's, which asks for whole objects, but for lists of metadata.
type reader struct {
	kube.Objects
	paths kube.Paths
}

func (r *reader) List(ctx context.Context, like Object, selector string) ([]Object, error) {
	if m, only := like.(*metav1.PartialObjectMetadata); only {
		return r.paths.Metadata(ctx, m, selector)
	}
	return r.Objects.List(ctx, like, selector)
}
