package config_test

import (
	"context"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/meshpeer/meshpeer/internal/kube"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/rbac/rbactest"
	"github.com/meshpeer/meshpeer/secrets"
)

// controller is whom both sets of rights are bound to, in the management cluster and in members.
var controller = rbac.ServiceAccount("meshpeer-system", "meshpeer-controller")

// guard decides what the controller asks of an API server in memory as RBAC would.
type guard struct {
	t        *testing.T
	used     *rbac.Policy // what requests are decided by
	held     *rbac.Policy // what may be granted: that, and more
	enforced *rbactest.Enforcer
}

func newGuard(t *testing.T, tb rbactest.TB, used, held *rbac.Policy) guard {
	return guard{t, used, held, rbactest.EnforcePolicy(tb, used, controller)}
}

// unused are the rights that no request needed.
func (g guard) unused() (all []string) {
	for _, u := range g.enforced.Unused() {
		all = append(all, u.String())
	}
	return all
}

// ask asks the Enforcer as an HTTP request would.
func (g guard) ask(a rbac.Access) error {
	method := map[string]string{
		"create": http.MethodPost, "get": http.MethodGet, "list": http.MethodGet, "update": http.MethodPut, "patch": http.MethodPatch, "delete": http.MethodDelete,
	}[a.Verb]
	require.NotEmpty(g.t, method, a.Verb)
	path := "/api/v1"
	if a.Group != "" {
		path = "/apis/" + a.Group + "/v1"
	}
	if a.Namespace != "" && a.Resource != "namespaces" {
		path += "/namespaces/" + a.Namespace
	}
	path += "/" + a.Resource
	if a.Name != "" && (a.Verb != "create" || a.Subresource != "") && a.Verb != "list" {
		path += "/" + a.Name
	}
	if a.Subresource != "" {
		path += "/" + a.Subresource
	}
	res, err := g.enforced.Wrap(fine{}).RoundTrip(&http.Request{Method: method, URL: &url.URL{Scheme: "https", Host: "localhost", Path: path}, Header: http.Header{}})
	require.NoError(g.t, err)
	require.NoError(g.t, res.Body.Close())
	if res.StatusCode == http.StatusForbidden {
		return apierrors.NewForbidden(schema.GroupResource{Group: a.Group, Resource: a.Resource}, a.Name, nil)
	}
	return nil
}

// fine is an API server that takes whatever it is asked.
type fine struct{}

func (fine) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Request: req}, nil
}

// silent is a test that does not mind what is refused.
type silent struct{}

func (silent) Helper()               {}
func (silent) Errorf(string, ...any) {}
func (silent) Fatalf(string, ...any) {}

// member is a cluster in memory as the controller may use it.
func (g guard) member(c *peering.Cluster) *peering.Cluster {
	limited := *c
	limited.Objects = guarded{g, c.Objects}
	limited.Accounts = func(namespace string) secrets.TokenCreator { return tokens{g, namespace, c.Accounts(namespace)} }
	if c.Istiods != nil {
		limited.Istiods = istiods{g, c.Istiods}
	}
	checks := *c.Checks
	checks.Reader = onlooker{guarded{g, c.Objects}}
	checks.May = func(_ context.Context, a rbac.Access) (bool, error) {
		return g.held.Allows(controller, a).Allowed, nil
	}
	checks.Rules = nil
	limited.Checks = &checks
	return &limited
}

// guarded are the objects of a member.
type guarded struct {
	guard
	next peering.Objects
}

func access(verb string, o peering.Object) rbac.Access {
	return rbac.Access{Verb: verb, Group: kube.Group(o), Resource: kube.Resource(o), Namespace: o.GetNamespace(), Name: o.GetName()}
}

func (g guarded) Get(ctx context.Context, o peering.Object) (peering.Object, error) {
	if err := g.ask(access("get", o)); err != nil {
		return nil, err
	}
	return g.next.Get(ctx, o)
}

func (g guarded) List(ctx context.Context, o peering.Object, selector string) ([]peering.Object, error) {
	if err := g.ask(access("list", o)); err != nil {
		return nil, err
	}
	return g.next.List(ctx, o, selector)
}

func (g guarded) Create(ctx context.Context, o peering.Object) (peering.Object, error) {
	if err := g.ask(access("create", o)); err != nil {
		return nil, err
	}
	if err := g.escalates(ctx, o); err != nil {
		return nil, err
	}
	return g.next.Create(ctx, o)
}

func (g guarded) Update(ctx context.Context, o peering.Object) (peering.Object, error) {
	if err := g.ask(access("update", o)); err != nil {
		return nil, err
	}
	if err := g.escalates(ctx, o); err != nil {
		return nil, err
	}
	return g.next.Update(ctx, o)
}

func (g guarded) Delete(ctx context.Context, o peering.Object) error {
	if err := g.ask(access("delete", o)); err != nil {
		return err
	}
	return g.next.Delete(ctx, o)
}

// escalates is what an API server says of a role or binding that grants what its writer has not (Kubernetes
// pkg/registry/rbac/clusterrole/policybased/storage.go and its siblings).
func (g guarded) escalates(ctx context.Context, o peering.Object) error {
	var rules []rbacv1.PolicyRule
	switch o := o.(type) {
	case *rbacv1.ClusterRole:
		rules = o.Rules
	case *rbacv1.Role:
		rules = o.Rules
	case *rbacv1.ClusterRoleBinding:
		role, err := g.next.Get(ctx, &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: o.RoleRef.Name}})
		require.NoError(g.t, err)
		rules = role.(*rbacv1.ClusterRole).Rules
	case *rbacv1.RoleBinding:
		role, err := g.next.Get(ctx, &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: o.Namespace, Name: o.RoleRef.Name}})
		require.NoError(g.t, err)
		rules = role.(*rbacv1.Role).Rules
	}
	if lacking := rbac.Missing(g.held.Rules(controller, o.GetNamespace()), rules); len(lacking) > 0 {
		g.t.Errorf("an API server refuses %s %s: the controller itself lacks %s", kube.Kind(o), o.GetName(), rbac.Describe(lacking[0]))
		return apierrors.NewForbidden(schema.GroupResource{Group: rbacv1.GroupName, Resource: kube.Resource(o)}, o.GetName(), nil)
	}
	return nil
}

// onlooker is what preflight reads with: what it may not read is unknown to it, which is no failure.
type onlooker struct{ guarded }

func (o onlooker) Get(ctx context.Context, like peering.Object) (peering.Object, error) {
	if !o.used.Allows(controller, access("get", like)).Allowed {
		return nil, apierrors.NewForbidden(schema.GroupResource{Resource: kube.Resource(like)}, like.GetName(), nil)
	}
	return o.guarded.Get(ctx, like)
}

func (o onlooker) List(ctx context.Context, like peering.Object, selector string) ([]peering.Object, error) {
	a := access("list", like)
	a.Name = ""
	if !o.used.Allows(controller, a).Allowed {
		return nil, apierrors.NewForbidden(schema.GroupResource{Resource: kube.Resource(like)}, "", nil)
	}
	return o.guarded.List(ctx, like, selector)
}

var _ preflight.Reader = onlooker{}

// tokens are TokenRequests.
type tokens struct {
	guard
	namespace string
	next      secrets.TokenCreator
}

func (k tokens) CreateToken(ctx context.Context, name string, r *authenticationv1.TokenRequest, o metav1.CreateOptions) (*authenticationv1.TokenRequest, error) {
	if err := k.ask(rbac.Access{Verb: "create", Resource: "serviceaccounts", Subresource: "token", Namespace: k.namespace, Name: name}); err != nil {
		return nil, err
	}
	return k.next.CreateToken(ctx, name, r, o)
}

// istiods are found as Pods and asked through port-forwards, which are a create, and over WebSockets a get as well.
type istiods struct {
	guard
	next peering.SyncReader
}

func (i istiods) Replicas(ctx context.Context) ([]istiod.Replica, error) {
	if err := i.ask(rbac.Access{Verb: "list", Resource: "pods", Namespace: "istio-system"}); err != nil {
		return nil, err
	}
	replicas, err := i.next.Replicas(ctx)
	for _, r := range replicas {
		for _, verb := range []string{"get", "create"} {
			if err := i.ask(rbac.Access{Verb: verb, Resource: "pods", Subresource: "portforward", Namespace: "istio-system", Name: r.Name}); err != nil {
				return nil, err
			}
		}
	}
	return replicas, err
}
