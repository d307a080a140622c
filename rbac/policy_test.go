package rbac_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/meshpeer/meshpeer/rbac"
)

func meta(namespace, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: name}
}

func can(resource string, verbs ...string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{Verbs: verbs, APIGroups: []string{""}, Resources: []string{resource}}
}

func role(namespace, name string, rules ...rbacv1.PolicyRule) *rbacv1.Role {
	return &rbacv1.Role{ObjectMeta: meta(namespace, name), Rules: rules}
}

func clusterRole(name string, rules ...rbacv1.PolicyRule) *rbacv1.ClusterRole {
	return &rbacv1.ClusterRole{ObjectMeta: meta("", name), Rules: rules}
}

func bound(namespace, name, kind, role string, subjects ...rbacv1.Subject) runtime.Object {
	ref := rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: kind, Name: role}
	if namespace == "" {
		return &rbacv1.ClusterRoleBinding{ObjectMeta: meta("", name), RoleRef: ref, Subjects: subjects}
	}
	return &rbacv1.RoleBinding{ObjectMeta: meta(namespace, name), RoleRef: ref, Subjects: subjects}
}

func account(namespace, name string) rbacv1.Subject {
	return rbacv1.Subject{Kind: "ServiceAccount", Namespace: namespace, Name: name}
}

func group(name string) rbacv1.Subject { return rbacv1.Subject{Kind: "Group", Name: name} }

func user(name string) rbacv1.Subject { return rbacv1.Subject{Kind: "User", Name: name} }

func policyOf(t *testing.T, objects ...runtime.Object) *rbac.Policy {
	t.Helper()
	p, err := rbac.NewPolicy(objects...)
	require.NoError(t, err)
	return p
}

func shop(t *testing.T) *rbac.Policy {
	return policyOf(t,
		clusterRole("pods", can("pods", "get", "list")),
		clusterRole("health", rbacv1.PolicyRule{Verbs: []string{"get"}, NonResourceURLs: []string{"/healthz"}}),
		role("shop", "secrets", can("secrets", "get")),
		bound("shop", "cart-reads", "ClusterRole", "pods", account("", "cart")),
		bound("shop", "cart-secrets", "Role", "secrets", user("system:serviceaccount:shop:cart")),
		bound("shop", "all-health", "ClusterRole", "health", group("system:authenticated")),
		bound("", "everyone", "ClusterRole", "health", group("system:serviceaccounts:shop")),
		bound("", "nobody", "ClusterRole", "view", group("team")),
		bound("bank", "team-edits", "ClusterRole", "edit", group("team"), group("team"), user("jane")),
		&corev1.ServiceAccount{ObjectMeta: meta("shop", "cart")},
	)
}

func TestPolicyAllows(t *testing.T) {
	p := shop(t)
	cart, jane := rbac.ServiceAccount("shop", "cart"), rbac.Subject{User: "jane", Groups: []string{"team"}}
	for name, tc := range map[string]struct {
		s    rbac.Subject
		ask  string
		want string // the binding; "" is denied
	}{
		"ClusterRole in the namespace":       {cart, "list pods -n shop", "RoleBinding shop/cart-reads"},
		"not in another one":                 {cart, "list pods -n bank", ""},
		"not everywhere":                     {cart, "list pods", ""},
		"account as a user":                  {cart, "get secrets x -n shop", "RoleBinding shop/cart-secrets"},
		"path for a group of accounts":       {cart, "get /healthz", "ClusterRoleBinding everyone"},
		"no path by a RoleBinding":           {jane, "get /healthz", ""},
		"account of another namespace":       {rbac.ServiceAccount("bank", "cart"), "list pods -n shop", ""},
		"a role that is not there":           {jane, "list pods -n bank", ""},
		"masters":                            {rbac.Subject{User: "root", Groups: []string{"system:masters"}}, "delete nodes", "ObjectRef"},
		"nobody":                             {rbac.Subject{}, "list pods -n shop", ""},
		"a group of the same name as a user": {rbac.Subject{User: "team"}, "list pods -n bank", ""},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := rbac.ParseAccess(tc.ask)
			require.NoError(t, err)
			d := p.Allows(tc.s, a)
			require.Equal(t, tc.want != "", d.Allowed, d.Reason)
			require.NotEmpty(t, d.Reason)
			if tc.want != "" && tc.want != "ObjectRef" {
				require.Equal(t, tc.want, d.Binding.String())
				require.True(t, rbac.Allows([]rbacv1.PolicyRule{d.Rule}, a))
				require.Contains(t, d.Reason, tc.want)
			}
		})
	}
	require.Equal(t, map[string]int{"v1.ServiceAccount": 1}, p.Skipped())
}

func access(t *testing.T, text string) rbac.Access {
	t.Helper()
	a, err := rbac.ParseAccess(text)
	require.NoError(t, err)
	return a
}

func TestPolicySaysWhatIsUnknown(t *testing.T) {
	p := shop(t)
	jane := rbac.Subject{User: "jane", Groups: []string{"team"}}
	require.Equal(t, "no rule that User jane in groups team is known to have allows it, but "+
		"ClusterRoleBinding nobody refers to ClusterRole view, which the policy does not have; "+
		"RoleBinding bank/team-edits refers to ClusterRole edit, which the policy does not have", p.Allows(jane, access(t, "list pods -n bank")).Reason)
	require.Len(t, p.Dangling(), 2)
	require.Len(t, p.Allows(jane, access(t, "list pods -n shop")).Dangling, 1, "the other one is elsewhere")
	require.Empty(t, p.Allows(rbac.ServiceAccount("shop", "cart"), access(t, "list pods -n bank")).Dangling)
	require.Equal(t, []string{"bank", "shop"}, p.Namespaces())

	more, err := p.With(clusterRole("edit", can("pods", "list")))
	require.NoError(t, err)
	require.True(t, more.Allows(jane, access(t, "list pods -n bank")).Allowed)
	require.Equal(t, p.Skipped(), more.Skipped())
	require.Len(t, p.Dangling(), 2, "the first is as it was")
	_, err = p.With(clusterRole("pods"))
	require.ErrorContains(t, err, `ClusterRole pods: metadata.name "pods": is there twice`)
}

func TestWhoCan(t *testing.T) {
	p := shop(t)
	who := func(ask string) (lines []string) {
		for _, g := range p.WhoCan(access(t, ask)) {
			lines = append(lines, g.Binding.String()+" "+g.Subject.Kind+" "+g.Subject.Namespace+" "+g.Subject.Name+" "+rbac.Describe(g.Rules[0]))
		}
		return lines
	}
	require.Equal(t, []string{"RoleBinding shop/cart-reads ServiceAccount shop cart get,list pods"}, who("list pods -n shop"))
	require.Equal(t, []string{"ClusterRoleBinding everyone Group  system:serviceaccounts:shop get /healthz"}, who("get /healthz"))
	require.Empty(t, who("list pods"))
	require.Empty(t, who("list pods -n bank"))
	g := p.Grants()
	require.Equal(t, "system:serviceaccounts:shop", g[0].Subject.Name, "what holds everywhere comes first")
	require.True(t, rbac.ServiceAccount("shop", "cart").Is(g[0].Subject))
	require.False(t, rbac.ServiceAccount("bank", "cart").Is(g[0].Subject))
	g[0].Subject.Name = "x"
	require.Equal(t, "system:serviceaccounts:shop", p.Grants()[0].Subject.Name)
	for _, g := range p.Grants() {
		if g.Subject.Kind != "ServiceAccount" {
			require.Empty(t, g.Subject.Namespace)
		}
	}
}

// A ClusterRoleBinding gives no access twice, and a path has no namespace even if somebody gives it one.
func TestPolicyRules(t *testing.T) {
	p := shop(t)
	cart := rbac.ServiceAccount("shop", "cart")
	health := rbacv1.PolicyRule{Verbs: []string{"get"}, NonResourceURLs: []string{"/healthz"}}
	require.Equal(t, []rbacv1.PolicyRule{health}, p.Rules(cart, ""))
	require.Equal(t, []rbacv1.PolicyRule{health, can("pods", "get", "list"), can("secrets", "get")}, p.Rules(cart, "shop"))
	require.Equal(t, []rbacv1.PolicyRule{health}, p.Rules(cart, "bank"))
	other := rbac.Subject{User: "x"}
	require.False(t, p.Allows(other, rbac.Access{Verb: "get", Path: "/healthz", Namespace: "shop"}).Allowed)
	require.Empty(t, p.Rules(rbac.Anonymous(), "shop"), "who is not authenticated is in no group of those who are")
	require.Empty(t, p.Rules(rbac.Subject{Groups: []string{"system:unauthenticated"}}, "shop"))
}

func TestSubject(t *testing.T) {
	for want, s := range map[string]rbac.Subject{
		"ServiceAccount a/b":           rbac.ServiceAccount("a", "b"),
		"User system:serviceaccount:a": {User: "system:serviceaccount:a"},
		"User system:anonymous":        rbac.Anonymous(),
		"Group a":                      {Groups: []string{"a"}},
		"Groups a, b":                  {Groups: []string{"a", "b"}},
		"User jane in groups a, system:authenticated": {User: "jane", Groups: []string{"a", "system:authenticated"}},
	} {
		require.Equal(t, want, s.String())
	}
	require.Equal(t, []string{"x", "system:serviceaccounts", "system:serviceaccounts:a", "system:authenticated"}, rbac.Subject{User: "system:serviceaccount:a:b", Groups: []string{"x"}}.AllGroups())
	require.Equal(t, []string{"system:unauthenticated"}, rbac.Anonymous().AllGroups())
	require.Equal(t, []string{"system:authenticated"}, rbac.Subject{Groups: []string{"system:authenticated"}}.AllGroups())
}

func TestPolicyAggregates(t *testing.T) {
	selects := func(name string, selectors ...metav1.LabelSelector) *rbacv1.ClusterRole {
		return &rbacv1.ClusterRole{ObjectMeta: meta("", name), AggregationRule: &rbacv1.AggregationRule{ClusterRoleSelectors: selectors}, Rules: []rbacv1.PolicyRule{can("nodes", "delete")}}
	}
	labelled := func(r *rbacv1.ClusterRole, key string) *rbacv1.ClusterRole {
		r.Labels = map[string]string{key: "true"}
		return r
	}
	expression := metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "a", Operator: metav1.LabelSelectorOpExists}}}
	inner := labelled(selects("inner", metav1.LabelSelector{MatchLabels: map[string]string{"b": "true"}}), "a")
	objects := []runtime.Object{
		selects("outer", expression), inner, labelled(clusterRole("pods", can("pods", "get")), "b"), labelled(clusterRole("pods-again", can("pods", "get")), "a"), clusterRole("other", can("secrets", "get")),
		bound("", "b", "ClusterRole", "outer", user("jane")),
	}
	p := policyOf(t, objects...)
	require.Equal(t, []rbacv1.PolicyRule{can("pods", "get")}, p.Grants()[0].Rules)

	inner.ResourceVersion = "7" // as an API server returned it
	require.Equal(t, []rbacv1.PolicyRule{can("nodes", "delete"), can("pods", "get")}, policyOf(t, objects...).Grants()[0].Rules)
}

// What an API server would refuse to store is refused, with the field.
func TestNewPolicyRefuses(t *testing.T) {
	rule := func(r rbacv1.PolicyRule) runtime.Object { return clusterRole("a", r) }
	urls := rbacv1.PolicyRule{Verbs: []string{"get"}, NonResourceURLs: []string{"/a"}}
	both := can("pods", "get")
	both.NonResourceURLs = urls.NonResourceURLs
	ref := func(r rbacv1.RoleRef) runtime.Object {
		return &rbacv1.RoleBinding{ObjectMeta: meta("n", "b"), RoleRef: r}
	}
	for want, o := range map[string]runtime.Object{
		"object 1: is nil": nil,
		"1: is nil":        (*rbacv1.Role)(nil),
		"ClusterRole : metadata.name: is not a name":    clusterRole(""),
		`Role n/a/b: metadata.name "a/b"`:               role("n", "a/b"),
		"Role a: metadata.namespace: is empty":          role("", "a"),
		`metadata.namespace "A": is not the name`:       role("A", "a"),
		"rules[0].verbs: is empty":                      rule(rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"pods"}}),
		"rules[0].apiGroups: is empty":                  rule(rbacv1.PolicyRule{Verbs: []string{"get"}, Resources: []string{"pods"}}),
		"rules[0].resources: is empty":                  rule(rbacv1.PolicyRule{Verbs: []string{"get"}, APIGroups: []string{""}}),
		`rules[0].nonResourceURLs "/a": is beside`:      rule(both),
		`rules[0].nonResourceURLs "/a": is in a Role`:   role("n", "a", urls),
		"clusterRoleSelectors: is empty":                &rbacv1.ClusterRole{ObjectMeta: meta("", "a"), AggregationRule: &rbacv1.AggregationRule{}},
		"clusterRoleSelectors[0]: values: Invalid":      &rbacv1.ClusterRole{ObjectMeta: meta("", "a"), AggregationRule: &rbacv1.AggregationRule{ClusterRoleSelectors: []metav1.LabelSelector{{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "a", Operator: "In"}}}}}},
		`roleRef.kind "Role": is not what a Cluster`:    bound("", "b", "Role", "a"),
		`roleRef.kind "User": is not what a RoleB`:      bound("n", "b", "User", "a"),
		"roleRef.name: is empty":                        bound("n", "b", "Role", ""),
		`roleRef.name "a/b": is not a name`:             bound("n", "b", "Role", "a/b"),
		`roleRef.apiGroup "x": is not a group of roles`: ref(rbacv1.RoleRef{APIGroup: "x", Kind: "Role", Name: "a"}),
		`subjects[0].kind "Pod": is not a kind`:         bound("n", "b", "Role", "a", rbacv1.Subject{Kind: "Pod", Name: "x"}),
		"subjects[1].name: is empty":                    bound("n", "b", "Role", "a", user("x"), user("")),
		"subjects[0].apiGroup \"v1\": is not the group": bound("n", "b", "Role", "a", rbacv1.Subject{Kind: "User", APIGroup: "v1", Name: "x"}),
		"subjects[0].namespace: is empty":               bound("", "b", "ClusterRole", "a", account("", "x")),
		`subjects[0].name "X": is not the name of a`:    bound("n", "b", "Role", "a", account("n", "X")),
		"RoleBinding b: metadata.namespace: is empty":   &rbacv1.RoleBinding{ObjectMeta: meta("", "b")},
		"items[1]: ClusterRole a: rules[0].verbs":       &rbacv1.ClusterRoleList{Items: []rbacv1.ClusterRole{*clusterRole("b"), *clusterRole("a", rbacv1.PolicyRule{})}},
	} {
		p, err := rbac.NewPolicy(o)
		require.Nil(t, p, want)
		require.ErrorContains(t, err, want)
	}
	for _, pair := range [][2]runtime.Object{
		{role("n", "a"), role("n", "a")}, {bound("n", "a", "Role", "a"), bound("n", "a", "Role", "b")}, {bound("", "a", "ClusterRole", "a"), bound("", "a", "ClusterRole", "b")},
	} {
		_, err := rbac.NewPolicy(pair[:]...)
		require.ErrorContains(t, err, "is there twice")
	}
	policyOf(t, role("n", "a"), role("m", "a"), clusterRole("a"), bound("n", "a", "Role", "a"), bound("m", "a", "Role", "a"))
}

// Lists that a client returned count as their items, a namespace that a cluster-scoped object cannot have is dropped, and
// the objects given are left alone.
func TestNewPolicyTakesLists(t *testing.T) {
	r, b := role("n", "a", can("pods", "get")), bound("n", "b", "Role", "a", account("", "x")).(*rbacv1.RoleBinding)
	cr := clusterRole("c", can("nodes", "get"))
	cr.Namespace = "n"
	crb := bound("", "b", "ClusterRole", "c", account("n", "x")).(*rbacv1.ClusterRoleBinding)
	crb.Namespace = "n"
	p := policyOf(t, &rbacv1.RoleList{Items: []rbacv1.Role{*r}}, &rbacv1.ClusterRoleList{Items: []rbacv1.ClusterRole{*cr}},
		&rbacv1.RoleBindingList{Items: []rbacv1.RoleBinding{*b}}, &rbacv1.ClusterRoleBindingList{Items: []rbacv1.ClusterRoleBinding{*crb}},
		&metav1.PartialObjectMetadata{TypeMeta: metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"}})
	require.Equal(t, map[string]int{"apps/v1 Deployment": 1}, p.Skipped())
	x := rbac.ServiceAccount("n", "x")
	require.True(t, p.Allows(x, access(t, "get pods a -n n")).Allowed)
	require.True(t, p.Allows(x, access(t, "get nodes a")).Allowed)
	require.Empty(t, b.Subjects[0].Namespace)
	require.Equal(t, "n", cr.Namespace)
	kinds := []string{}
	for _, o := range p.Objects() {
		kinds = append(kinds, o.GetObjectKind().GroupVersionKind().Kind)
	}
	require.Equal(t, []string{"ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"}, kinds)
}

func TestKnown(t *testing.T) {
	for _, ask := range []string{"get pods", "get pods/log", "get deployments.apps/scale", "list virtualservices.networking.istio.io"} {
		require.True(t, access(t, ask).Known(), ask)
	}
	for _, ask := range []string{"list widgets.example.com", "get /healthz", "list metrics.custom.metrics.k8s.io"} {
		require.False(t, access(t, ask).Known(), ask)
	}
	require.True(t, rbac.Access{Verb: "get", Resource: "pods/log"}.Known())
	require.False(t, rbac.Access{Verb: "get", Resource: "pods/logs"}.Known())
	require.False(t, rbac.Access{Verb: "get", Path: "/a", Resource: "pods"}.Known())
}
