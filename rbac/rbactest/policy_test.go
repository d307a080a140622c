package rbactest_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/rbac/rbactest"
)

const shopManifest = `
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: cart}
rules:
- {apiGroups: [""], resources: [pods], verbs: [get, list]}
- {apiGroups: [""], resources: [secrets], resourceNames: [cart-key], verbs: [get]}
- {apiGroups: [shop.example.com], resources: [orders], verbs: [get]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: cart}
roleRef: {kind: Role, name: cart}
subjects: [{kind: ServiceAccount, name: cart}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: metrics}
rules:
- {nonResourceURLs: [/stats], verbs: [get]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: metrics}
roleRef: {kind: ClusterRole, name: metrics}
subjects: [{kind: Group, name: monitoring}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: auditors, namespace: bank}
roleRef: {kind: ClusterRole, name: view}
subjects: [{kind: User, name: audrey}]
`

var (
	cart   = rbac.ServiceAccount("shop", "cart")
	prom   = rbac.Subject{User: "prom", Groups: []string{"monitoring"}}
	audrey = rbac.Subject{User: "audrey"}
)

func shop(t *testing.T) *rbac.Policy {
	t.Helper()
	file := filepath.Join(t.TempDir(), "shop.yaml")
	require.NoError(t, os.WriteFile(file, []byte(shopManifest), 0o600))
	return rbactest.LoadIn(t, "shop", file)
}

func TestLoadEndsTheTest(t *testing.T) {
	write := func(text string) string {
		file := filepath.Join(t.TempDir(), "a.yaml")
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		return file
	}
	for want, file := range map[string]string{
		"rbactest: open ":                              "no-such-file",
		"hold no role and no binding":                  write("apiVersion: v1\nkind: ConfigMap\n"),
		"a.yaml, document 1 (line 2): Role cart: meta": write(shopManifest),
	} {
		tb := &fakeTB{}
		require.Nil(t, rbactest.Load(tb, file))
		require.Len(t, tb.fatals, 1)
		require.Contains(t, tb.fatals[0], want)
	}
}

func TestCan(t *testing.T) {
	p := shop(t)
	tb := &fakeTB{}
	rbactest.Can(tb, p, cart, rbactest.Access(t, "list pods -n shop"), rbactest.Access(t, "get secrets cart-key -n shop"))
	rbactest.Can(tb, p, prom, rbactest.Access(t, "get /stats"))
	require.Equal(t, &fakeTB{}, tb)

	for ask, want := range map[string]string{
		"watch pods -n shop": "rbactest: ServiceAccount shop/cart cannot watch pods in namespace shop: no rule that ServiceAccount shop/cart has allows it\n" +
			"nearest: Role shop/cart, whose rules[0] is: get,list pods, bound by RoleBinding shop/cart, but it lacks the verb watch\n" +
			"add a rule: watch pods",
		"list pods":                "but it holds in namespace shop\n",
		"get secrets x -n shop":    "but it is for cart-key only\n",
		"get orders -n shop":       "Access.Resource",
		"get pods/log -n shop":     "but it lacks the resource pods/log\n",
		"get /stats":               "bound by ClusterRoleBinding metrics, but it is bound to Group monitoring\n",
		"get pods.metrics.k8s.io":  `but it holds in namespace shop, and it lacks the group "metrics.k8s.io"`,
		"delete nodes":             "has allows it\nadd a rule: delete nodes",
		"get /metrics":             "has allows it\nadd a rule: get /metrics",
		"create orders.example.io": "has allows it\nadd a rule",
	} {
		tb := &fakeTB{}
		a, err := rbac.ParseAccess(ask)
		if err != nil {
			require.Contains(t, err.Error(), want)
			continue
		}
		rbactest.Can(tb, p, cart, a)
		require.Len(t, tb.errors, 1, ask)
		require.Contains(t, tb.errors[0], want, ask)
		require.Empty(t, tb.fatals)
	}
}

func TestCannot(t *testing.T) {
	p := shop(t)
	tb := &fakeTB{}
	for _, ask := range []string{"list secrets -n shop", "create pods", "get secrets x -n shop", "delete orders.shop.example.com", "get /metrics", "get /stats", "list pods -n bank", "list pods -n kube-system"} {
		rbactest.Cannot(tb, p, cart, rbactest.Access(t, ask))
	}
	rbactest.Cannot(tb, p, rbac.Anonymous(), rbactest.Access(t, "get /stats"))
	rbactest.Cannot(tb, p, rbac.Subject{User: "stranger", Groups: []string{"system:authenticated"}}, rbactest.Access(t, "get pods"))
	require.Equal(t, &fakeTB{}, tb)

	for ask, want := range map[string]string{
		"list pods -n shop": "rbactest: ServiceAccount shop/cart can list pods in namespace shop: RoleBinding shop/cart binds ServiceAccount shop/cart to Role shop/cart, " +
			"whose rules[0] allows it: get,list pods\nremove or narrow that rule, or the binding",
		"list pods":                     "can list pods in namespace shop: ",
		"get secrets":                   "can get secrets named cart-key in namespace shop: ",
		"get secrets -n shop":           "can get secrets named cart-key in namespace shop: ",
		"list pods -n shp":              "rbactest: that ServiceAccount shop/cart cannot list pods in namespace shp proves nothing: namespace shp occurs nowhere in the policy; correct it, or drop it",
		"list order.shop.example.com":   "list order.shop.example.com is in no rule of the policy, nor is it a known resource",
		"get orders.shop.example.com/x": "get orders.shop.example.com/x is in no rule",
		"get /sttas":                    "no rule allows the path to anybody",
	} {
		tb := &fakeTB{}
		rbactest.Cannot(tb, p, cart, rbactest.Access(t, ask))
		require.Len(t, tb.errors, 1, ask)
		require.Contains(t, tb.errors[0], want, ask)
		require.Empty(t, tb.fatals)
	}

	tb = &fakeTB{}
	rbactest.Cannot(tb, p, audrey, rbactest.Access(t, "delete pods -n bank"))
	require.Len(t, tb.errors, 1)
	require.Contains(t, tb.errors[0], "whether User audrey can delete pods in namespace bank is unknown: ")
	require.Contains(t, tb.errors[0], "RoleBinding bank/auditors refers to ClusterRole view, which the policy does not have\nload the role too")
}

// A Namespace is in itself: a RoleBinding may let its subjects read it, and the request names it.
func TestCannotReadItsNamespace(t *testing.T) {
	p, err := rbac.NewPolicy(labelled("reads", "x", can("namespaces", "get"), can("nodes", "get")), roleBinding("shop", "reads"))
	require.NoError(t, err)
	tb := &fakeTB{}
	rbactest.Cannot(tb, p, cart, rbactest.Access(t, "get nodes"), rbactest.Access(t, "list namespaces"))
	require.Equal(t, &fakeTB{}, tb, "nodes are in no namespace")
	rbactest.Cannot(tb, p, cart, rbactest.Access(t, "get namespaces"))
	require.Len(t, tb.errors, 1)
	require.Contains(t, tb.errors[0], "can get namespaces named shop in namespace shop")
}

func TestStrangersEndTheTest(t *testing.T) {
	p := shop(t)
	empty, err := rbac.NewPolicy()
	require.NoError(t, err)
	pods := rbactest.Access(t, "get pods")
	for want, assert := range map[string]func(rbactest.TB){
		"no binding names ServiceAccount shop/crt, and to deny a stranger proves nothing\nbound are: Group monitoring, ServiceAccount shop/cart, User audrey\n":                        func(tb rbactest.TB) { rbactest.Cannot(tb, p, rbac.ServiceAccount("shop", "crt"), pods) },
		`name the groups that he is in: rbac.Subject{User: "system:serviceaccount:shop:crt", Groups: ["system:serviceaccounts" "system:serviceaccounts:shop" "system:authenticated"]}`: func(tb rbactest.TB) { rbactest.Can(tb, p, rbac.ServiceAccount("shop", "crt"), pods) },
		"no binding names Group monitors":                          func(tb rbactest.TB) { rbactest.NoEscalation(tb, p, rbac.Subject{Groups: []string{"monitors"}}) },
		"the subject is empty":                                     func(tb rbactest.TB) { rbactest.Cannot(tb, p, rbac.Subject{}, pods) },
		"the policy has no role and no binding: what":              func(tb rbactest.TB) { rbactest.Cannot(tb, empty, cart, pods) },
		"the policy has no role":                                   func(tb rbactest.TB) { rbactest.Can(tb, nil, cart, pods) },
		"Cannot has no access to look at":                          func(tb rbactest.TB) { rbactest.Cannot(tb, p, cart) },
		"Can has no access to look at":                             func(tb rbactest.TB) { rbactest.Can(tb, p, cart) },
		`write "secrets"`:                                          func(tb rbactest.TB) { rbactest.Cannot(tb, p, cart, rbac.Access{Verb: "get", Resource: "secret"}) },
		`NoEscalation knows no way "x": use one of escalate, bind`: func(tb rbactest.TB) { rbactest.NoEscalation(tb, p, cart, "x") },
		"has no subjects or no rows":                               func(tb rbactest.TB) { rbactest.Matrix{}.Check(tb, p) },
		"no binding names User x": func(tb rbactest.TB) {
			rbactest.Matrix{Subjects: map[string]rbac.Subject{"x": {User: "x"}}, Rows: []rbactest.Row{{Access: "get pods", Denied: "x"}}}.Check(tb, p)
		},
	} {
		tb := &fakeTB{}
		assert(tb)
		require.Len(t, tb.fatals, 1, want)
		require.Contains(t, tb.fatals[0], want)
		require.Empty(t, tb.errors)
	}
}

func table() rbactest.Matrix {
	return rbactest.Matrix{
		Subjects: map[string]rbac.Subject{"cart": cart, "prom": prom},
		Rows: []rbactest.Row{
			{Access: "list pods -n shop", Allowed: "cart", Denied: "prom"},
			{Access: "get /stats", Allowed: "prom", Denied: "cart"},
			{Access: "delete pods", Denied: "cart prom"},
		},
	}
}

func TestMatrix(t *testing.T) {
	p := shop(t)
	tb := &fakeTB{}
	table().Check(tb, p)
	require.Equal(t, &fakeTB{}, tb)

	wrong := table()
	wrong.Rows[0] = rbactest.Row{Access: "list pods -n shop", Allowed: "prom", Denied: "cart"}
	wrong.Rows[2].Access = "delete pods -n shp"
	wrong.Check(tb, p)
	require.Len(t, tb.errors, 4)
	require.Contains(t, tb.errors[0], `rbactest: row "list pods -n shop", cart: ServiceAccount shop/cart can list pods`)
	require.Contains(t, tb.errors[1], `rbactest: row "list pods -n shop", prom: User prom in groups monitoring cannot list pods`)
	require.Contains(t, tb.errors[2], "the denial proves nothing: namespace shp")

	unreadable := table()
	unreadable.Rows = []rbactest.Row{
		{Access: "list pods", Allowed: "cart"},
		{Access: "list pods", Allowed: "cart prom", Denied: "prom"},
		{Access: "list pod", Allowed: "cart prom"},
		{Access: "get nodes", Allowed: "cart prom x"},
	}
	tb = &fakeTB{}
	unreadable.Check(tb, p)
	require.Equal(t, []string{strings.Join([]string{
		`rbactest: row "list pods" lists prom in neither: put it into Allowed or into Denied`,
		`row "list pods" is there twice: join them`,
		`row "list pods" lists prom in both: put it into Allowed or into Denied`,
		`row "list pod": Access.Resource "pod": is not the plural of a resource in the core group; write "pods"`,
		`row "get nodes": x is not one of the subjects cart, prom`,
	}, "\n")}, tb.fatals)
	tb = &fakeTB{}
	unreadable.Live(t.Context(), tb, nil)
	require.Len(t, tb.fatals, 1)
}

// server answers reviews as the policy does, but for what it is told to say.
type server struct {
	p     *rbac.Policy
	say   func(*authorizationv1.SubjectAccessReview) error
	asked []*authorizationv1.SubjectAccessReview
}

func (s *server) Create(_ context.Context, r *authorizationv1.SubjectAccessReview, _ metav1.CreateOptions) (*authorizationv1.SubjectAccessReview, error) {
	s.asked = append(s.asked, r.DeepCopy())
	a := rbac.FromResourceAttributes(r.Spec.ResourceAttributes)
	if r.Spec.NonResourceAttributes != nil {
		a = rbac.FromNonResourceAttributes(r.Spec.NonResourceAttributes)
	}
	d := s.p.Allows(rbac.Subject{User: r.Spec.User, Groups: r.Spec.Groups}, a)
	r.Status.Allowed, r.Status.Reason = d.Allowed, d.Reason
	return r, s.say(r)
}

func TestLive(t *testing.T) {
	live := func(say func(*authorizationv1.SubjectAccessReview) error) (*fakeTB, *server) {
		tb, s := &fakeTB{}, &server{p: shop(t), say: say}
		table().Live(t.Context(), tb, s)
		return tb, s
	}
	tb, s := live(func(*authorizationv1.SubjectAccessReview) error { return nil })
	require.Equal(t, &fakeTB{}, tb)
	require.Len(t, s.asked, 6)
	require.Equal(t, []string{"system:serviceaccounts", "system:serviceaccounts:shop", "system:authenticated"}, s.asked[0].Spec.Groups)
	require.Equal(t, "shop", s.asked[0].Spec.ResourceAttributes.Namespace)
	require.Equal(t, "/stats", s.asked[2].Spec.NonResourceAttributes.Path)

	tb, _ = live(func(r *authorizationv1.SubjectAccessReview) error {
		r.Status.Allowed, r.Status.Reason = !r.Status.Allowed, ""
		return nil
	})
	require.Len(t, tb.errors, 6)
	require.Equal(t, `rbactest: row "list pods -n shop", cart: the table says ServiceAccount shop/cart can list pods in namespace shop, the API server says that it cannot (no reason given)`, tb.errors[0])

	tb, _ = live(func(r *authorizationv1.SubjectAccessReview) error {
		r.Status.EvaluationError = "webhook down"
		return nil
	})
	require.Len(t, tb.errors, 4, "what is allowed is allowed")
	require.Contains(t, tb.errors[0], "the API server is not sure: webhook down")

	tb, s = live(func(*authorizationv1.SubjectAccessReview) error { return errors.New("forbidden") })
	require.Len(t, tb.fatals, 1)
	require.Contains(t, tb.fatals[0], "does not say: forbidden\nask as somebody who may create subjectaccessreviews")
	require.Len(t, s.asked, 1)

	tb = &fakeTB{}
	table().Live(t.Context(), tb, silent{})
	require.Len(t, tb.fatals, 1)
	require.Contains(t, tb.fatals[0], "the answer is empty")
}

type silent struct{}

func (silent) Create(context.Context, *authorizationv1.SubjectAccessReview, metav1.CreateOptions) (*authorizationv1.SubjectAccessReview, error) {
	return nil, nil
}
