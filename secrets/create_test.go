package secrets_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/secrets"
)

// both runs a test for each source that creates an object.
func both(t *testing.T, s secrets.SecretClient, test func(*testing.T, secrets.TokenSource)) {
	unused := accounts(func(context.Context, string, *authenticationv1.TokenRequest) (*authenticationv1.TokenRequest, error) {
		return nil, errors.New("must not be called")
	})
	t.Run("durable", func(t *testing.T) { test(t, secrets.Durable{Secrets: s}) })
	t.Run("bound", func(t *testing.T) { test(t, secrets.Bound{Secrets: s, Accounts: unused}) })
}

func TestCreateIsTheLock(t *testing.T) {
	s := &store{}
	s.put(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: tokenName}})
	both(t, s, func(t *testing.T, source secrets.TokenSource) {
		_, err := source.Token(t.Context(), request())
		var exists *secrets.ExistsError
		require.ErrorAs(t, err, &exists)
		require.Equal(t, "istio-system", exists.Namespace)
		require.Equal(t, tokenName, exists.Name)
		require.True(t, apierrors.IsAlreadyExists(err))
		require.EqualError(t, err, "secrets: Secret istio-system/"+tokenName+" exists already; its labels name the owner; resume from it or delete it")
		require.Equal(t, []string{tokenName}, s.names(), "somebody else's object stays")
	})
}

func TestCreateFails(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
		hint string
	}{
		{"no namespace", apierrors.NewNotFound(secretsResource, "istio-system"), "create the namespace first"},
		{"forbidden", forbidden(), "permission to create, get and delete Secrets in namespace istio-system"},
		{"unauthorized", apierrors.NewUnauthorized("no"), "permission to create"},
		{"network", errors.New("connection reset"), "the Secret may be there"},
	} {
		t.Run(c.name, func(t *testing.T) {
			both(t, &store{createErr: c.err}, func(t *testing.T, source secrets.TokenSource) {
				_, err := source.Token(t.Context(), request())
				require.ErrorIs(t, err, c.err)
				require.ErrorContains(t, err, c.hint)
				var none *secrets.NoTokenError
				require.ErrorAs(t, err, &none)
				require.Equal(t, secrets.ReasonRefused, none.Reason)
			})
		})
	}
}

func TestCreateInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	both(t, &store{}, func(t *testing.T, source secrets.TokenSource) {
		_, err := source.Token(ctx, request())
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorContains(t, err, "(interrupted)")
	})
}

func TestRequestRefused(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(*secrets.Request)
		want  string
	}{
		{"namespace", func(r *secrets.Request) { r.Namespace = "A" }, `Request.Namespace "A"`},
		{"account", func(r *secrets.Request) { r.ServiceAccount, r.Name = "A", "a" }, `Request.ServiceAccount "A"`},
		{"name", func(r *secrets.Request) { r.Name = "A" }, `Request.Name "A"`},
		{"generation", func(r *secrets.Request) { r.Generation = -1 }, `Request.Generation "-1"`},
		{"label", func(r *secrets.Request) { r.Labels = map[string]string{"a": "b c"} }, `Request.Labels[a] "b c"`},
		{"annotation", func(r *secrets.Request) { r.Annotations = map[string]string{"": ""} }, `Request.Annotations[]`},
		{"label of istiod", func(r *secrets.Request) { r.Labels = map[string]string{secrets.LabelMultiCluster: "true"} }, "read the token's object as a remote secret"},
	} {
		t.Run(c.name, func(t *testing.T) {
			req := request()
			c.spoil(&req)
			s := &store{}
			both(t, s, func(t *testing.T, source secrets.TokenSource) {
				_, err := source.Token(t.Context(), req)
				require.ErrorContains(t, err, c.want)
				_, err = source.(secrets.Resumer).Resume(t.Context(), req, &corev1.Secret{})
				require.ErrorContains(t, err, c.want)
				require.Empty(t, s.names())
			})
		})
	}
}

func TestSourcesWithoutClients(t *testing.T) {
	for _, source := range []interface {
		secrets.TokenSource
		secrets.Resumer
	}{secrets.Durable{}, secrets.Bound{}, secrets.Bound{Secrets: &store{}}} {
		_, err := source.Token(t.Context(), request())
		require.ErrorContains(t, err, "is nil; set it to the")
		_, err = source.Resume(t.Context(), request(), nil)
		require.ErrorAs(t, err, new(*secrets.FieldError))
	}
}
