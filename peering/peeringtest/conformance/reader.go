package conformance

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/internal/suite"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/secrets"
	"github.com/meshpeer/meshpeer/secrets/secretstest"
)

const (
	authenticated = "system:authenticated"
	accounts      = "system:serviceaccounts"
)

// lag is how long answers may lag behind writes: authorizers watch their objects, and a token that was good is remembered for 10
// seconds (Kubernetes pkg/kubeapiserver/options/authentication.go, TokenSuccessCacheTTL).
const lag = 30 * time.Second

// reader is an account that is asked for.
type reader struct {
	objects   peering.Objects // with its token
	token     secrets.Token
	account   peering.Object
	namespace string
	name      string
	parts     []peering.Object // the account, bindings, roles, token
}

func (r reader) user() string { return "system:serviceaccount:" + r.namespace + ":" + r.name }

// newReader makes an account with roles, bindings and a token. remove takes away what was made, whatever came of it.
func newReader(ctx context.Context, c *peering.Cluster, namespace string, n int) (r reader, remove func(), err error) {
	r = reader{namespace: namespace, name: "conformance-reader-" + strconv.Itoa(n)}
	r.parts = readerParts(namespace, r.name)
	remove = func() {
		for _, o := range slices.Backward(r.parts) {
			_ = c.Objects.Delete(context.WithoutCancel(ctx), o)
		}
	}
	for i, o := range r.parts {
		created, err := c.Objects.Create(ctx, o)
		if err != nil {
			return r, remove, fmt.Errorf("Create of %T: %w", o, err)
		}
		if i == 0 {
			r.account = created
		}
	}
	if err := suite.Await(ctx, lag, func() error { return r.fill(ctx, c) }); err != nil {
		return r, remove, err
	}
	r.objects, err = c.As(c.Endpoint, r.token)
	return r, remove, err
}

// readerParts are the account, its bindings, its roles and its token; one binding is to a group of the account's.
func readerParts(namespace, name string) []peering.Object {
	local, wide := metav1.ObjectMeta{Namespace: namespace, Name: name}, metav1.ObjectMeta{Name: name}
	token := local
	token.Annotations = map[string]string{corev1.ServiceAccountNameKey: name}
	return []peering.Object{
		&corev1.ServiceAccount{ObjectMeta: local},
		&rbacv1.ClusterRoleBinding{
			ObjectMeta: wide, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name},
			Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: namespace, Name: name}},
		},
		&rbacv1.RoleBinding{
			ObjectMeta: local, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: name},
			Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.GroupKind, Name: accounts + ":" + namespace}},
		},
		&rbacv1.ClusterRole{ObjectMeta: wide, Rules: []rbacv1.PolicyRule{
			{APIGroups: []string{"discovery.k8s.io"}, Resources: []string{"endpointslices"}, Verbs: []string{"list", "watch"}},
			{NonResourceURLs: []string{"/" + name}, Verbs: []string{"get"}},
		}},
		&rbacv1.Role{ObjectMeta: local, Rules: []rbacv1.PolicyRule{
			{APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: []string{"get"}, ResourceNames: []string{name}},
		}},
		&corev1.Secret{ObjectMeta: token, Type: corev1.SecretTypeServiceAccountToken},
	}
}

// fill reads what the token controller wrote.
func (r *reader) fill(ctx context.Context, c *peering.Cluster) error {
	filled, err := c.Objects.Get(ctx, r.parts[len(r.parts)-1])
	if err != nil {
		return err
	}
	value := filled.(*corev1.Secret).Data[corev1.ServiceAccountTokenKey]
	if len(value) == 0 {
		return errors.New("the token Secret stays empty: is there a token controller?")
	}
	r.token = secrets.NewToken(string(value), time.Time{})
	return nil
}

// Account makes a ServiceAccount of its own in c for the suites of package secretstest: tokens are tried by Cluster.As at
// Cluster.Endpoint. It is deleted when the test is over.
func Account(t *testing.T, c *peering.Cluster, namespace string) secretstest.Account {
	t.Helper()
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "conformance-" + strings.ToLower(rand.Text())}}
	created, err := c.Objects.Create(t.Context(), account)
	if err != nil {
		t.Fatalf("conformance: an account for the suite: %v", err)
	}
	t.Cleanup(func() {
		if err := c.Objects.Delete(context.Background(), account); err != nil {
			t.Errorf("conformance: the account of the suite stays: %v", err)
		}
	})
	return secretstest.Account{
		Request:      secrets.Request{Namespace: namespace, ServiceAccount: account.Name, ServiceAccountUID: string(created.GetUID())},
		Authenticate: func(ctx context.Context, token secrets.Token) (string, error) { return userOf(ctx, c, token) },
	}
}

// userOf is whom a token speaks for.
func userOf(ctx context.Context, c *peering.Cluster, token secrets.Token) (string, error) {
	objects, err := c.As(c.Endpoint, token)
	if err != nil {
		return "", err
	}
	who, err := whoIs(ctx, objects)
	return who.Username, err
}

func whoIs(ctx context.Context, objects peering.Objects) (who authenticationv1.UserInfo, err error) {
	o, err := objects.Create(ctx, &authenticationv1.SelfSubjectReview{})
	if err != nil {
		return who, err
	}
	review, ok := o.(*authenticationv1.SelfSubjectReview)
	if !ok {
		return who, fmt.Errorf("a SelfSubjectReview is answered with %T", o)
	}
	return review.Status.UserInfo, nil
}
