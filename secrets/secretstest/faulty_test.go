package secretstest_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
	"github.com/meshpeer/meshpeer/secrets"
	"github.com/meshpeer/meshpeer/secrets/secretstest"
)

const system = "istio-system"

// client breaks promises of the SecretClient behind it.
type client struct {
	secrets.SecretClient
	create func(context.Context, *corev1.Secret) (*corev1.Secret, error)
	get    func(ctx context.Context, name string) (*corev1.Secret, error)
	delete func(ctx context.Context, name string, o metav1.DeleteOptions) error
}

func (c client) Create(ctx context.Context, s *corev1.Secret, o metav1.CreateOptions) (*corev1.Secret, error) {
	if c.create != nil {
		return c.create(ctx, s)
	}
	return c.SecretClient.Create(ctx, s, o)
}

func (c client) Get(ctx context.Context, name string, o metav1.GetOptions) (*corev1.Secret, error) {
	if c.get != nil {
		return c.get(ctx, name)
	}
	return c.SecretClient.Get(ctx, name, o)
}

func (c client) Delete(ctx context.Context, name string, o metav1.DeleteOptions) error {
	if c.delete != nil {
		return c.delete(ctx, name, o)
	}
	return c.SecretClient.Delete(ctx, name, o)
}

// creator is a function as a TokenCreator.
type creator func(ctx context.Context, account string, r *authenticationv1.TokenRequest) (*authenticationv1.TokenRequest, error)

func (c creator) CreateToken(ctx context.Context, account string, r *authenticationv1.TokenRequest, _ metav1.CreateOptions) (*authenticationv1.TokenRequest, error) {
	return c(ctx, account, r)
}

// source is a Revoker of two functions.
type source struct {
	token  func(context.Context, secrets.Request) (secrets.Token, error)
	revoke func(context.Context, secrets.Ref) error
}

func (s source) Token(ctx context.Context, r secrets.Request) (secrets.Token, error) {
	return s.token(ctx, r)
}

func (s source) Revoke(ctx context.Context, ref secrets.Ref) error { return s.revoke(ctx, ref) }

// cluster is one with an account.
func cluster(t *testing.T) (*peeringtest.Member, secretstest.Account) {
	t.Helper()
	m := peeringtest.NewMesh("east").Member("east")
	made, err := m.Create(t.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: "reader"}})
	require.NoError(t, err)
	return m, secretstest.Account{
		Request: secrets.Request{Namespace: system, ServiceAccount: "reader", ServiceAccountUID: string(made.GetUID())},
		Authenticate: func(ctx context.Context, token secrets.Token) (string, error) {
			objects, err := m.As(m.Cluster.Endpoint, token)
			if err != nil {
				return "", err
			}
			o, err := objects.Create(ctx, &authenticationv1.SelfSubjectReview{})
			if err != nil {
				return "", err
			}
			return o.(*authenticationv1.SelfSubjectReview).Status.UserInfo.Username, nil
		},
	}
}

func bound(c *peering.Cluster) secrets.Bound {
	return secrets.Bound{Secrets: c.Secrets(system), Accounts: c.Accounts(system)}
}
