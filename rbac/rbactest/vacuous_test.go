package rbactest_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/rbac/rbactest"
)

var secretRules = []rbacv1.PolicyRule{{Verbs: []string{"*"}, APIGroups: []string{"", "apps"}, Resources: []string{"secrets", "deployments", "pods/log"}}, {Verbs: []string{"get"}, NonResourceURLs: []string{"/metrics"}}}

// The rules grant what each of these was meant to say. Neither assertion may pass.
func TestImpossibleAccessesEndTheTest(t *testing.T) {
	for _, a := range []rbac.Access{
		{},
		{Verb: "get", Resource: "secret"},
		{Verb: "get", Resource: "Secrets"},
		{Verb: "GET", Resource: "secrets"},
		{Verb: "", Resource: "secrets"},
		{Verb: "read", Resource: "secrets"},
		{Verb: "get", Group: "core", Resource: "secrets"},
		{Verb: "get", Group: "v1", Resource: "secrets"},
		{Verb: "get", Group: "apps/v1", Resource: "deployments"},
		{Verb: "get", Resource: "deployments.apps"},
		{Verb: "get", Group: "apps", Resource: "deployment"},
		{Verb: "get", Resource: "pods/logs"},
		{Verb: "get", Path: "metrics"},
		{Verb: "get", Path: "/metrics?x=1"},
		{Verb: "get", Path: "/metrics", Resource: "secrets"},
		{Verb: "GET", Path: "/metrics"},
	} {
		for name, assert := range map[string]func(rbactest.TB, []rbacv1.PolicyRule, ...rbac.Access){"Denies": rbactest.Denies, "Allows": rbactest.Allows} {
			tb := &fakeTB{}
			assert(tb, secretRules, rbac.Access{Verb: "get", Resource: "secrets", Name: "x"}, a)
			require.Len(t, tb.fatals, 1, "%s %q", name, a)
			require.Contains(t, tb.fatals[0], a.Validate().Error()[:20])
			require.Empty(t, tb.errors)
		}
	}
}

func TestSubresourceInResource(t *testing.T) {
	tb := &fakeTB{}
	rbactest.Allows(tb, secretRules, rbac.Access{Verb: "get", Resource: "pods/log"})
	require.Equal(t, &fakeTB{}, tb)
	rbactest.Denies(tb, secretRules, rbac.Access{Verb: "get", Resource: "pods/log"})
	require.Len(t, tb.errors, 1)
}

func TestNothingToLookAtEndsTheTest(t *testing.T) {
	pods := rbac.Access{Verb: "list", Resource: "pods"}
	for name, assert := range map[string]func(rbactest.TB){
		"Allows without access":       func(tb rbactest.TB) { rbactest.Allows(tb, secretRules) },
		"Denies without access":       func(tb rbactest.TB) { rbactest.Denies(tb, secretRules) },
		"Denies without rules":        func(tb rbactest.TB) { rbactest.Denies(tb, nil, pods) },
		"Denies with hollow rules":    func(tb rbactest.TB) { rbactest.Denies(tb, []rbacv1.PolicyRule{{Verbs: []string{"get"}}}, pods) },
		"NoWiderThan without rules":   func(tb rbactest.TB) { rbactest.NoWiderThan(tb, nil, secretRules) },
		"NoWiderThan, nothing at all": func(tb rbactest.TB) { rbactest.NoWiderThan(tb, nil, nil) },
		"NoWiderThan, aggregated":     func(tb rbactest.TB) { rbactest.NoWiderThan(tb, aggregated("x").Rules, secretRules) },
		"Golden without reader":       func(tb rbactest.TB) { rbactest.Golden(tb, "x.yaml", nil) },
		"Golden of an empty reader":   func(tb rbactest.TB) { rbactest.Golden(tb, "x.yaml", &rbac.Reader{}) },
		"an access that is none":      func(tb rbactest.TB) { rbactest.Access(tb, "get secret") },
	} {
		tb := &fakeTB{}
		assert(tb)
		require.Len(t, tb.fatals, 1, name)
		require.Empty(t, tb.errors, name)
	}
}

func aggregated(label string) *rbacv1.ClusterRole {
	return &rbacv1.ClusterRole{
		ObjectMeta:      metav1.ObjectMeta{Name: "all-" + label},
		AggregationRule: &rbacv1.AggregationRule{ClusterRoleSelectors: []metav1.LabelSelector{{MatchLabels: map[string]string{label: "true"}}}},
	}
}

func labelled(name, label string, rules ...rbacv1.PolicyRule) *rbacv1.ClusterRole {
	return &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{label: "true"}}, Rules: rules}
}

func TestRulesOf(t *testing.T) {
	get := rbacv1.PolicyRule{Verbs: []string{"get"}, APIGroups: []string{""}, Resources: []string{"pods"}}
	list := rbacv1.PolicyRule{Verbs: []string{"list"}, APIGroups: []string{""}, Resources: []string{"secrets"}}
	inner := aggregated("b")
	inner.Labels = map[string]string{"a": "true"}
	live := aggregated("a")
	live.ResourceVersion, live.Rules = "7", []rbacv1.PolicyRule{get}
	stale := aggregated("a")
	stale.Rules = []rbacv1.PolicyRule{get} // the controller would overwrite them
	binding := func(kind, name string) *rbacv1.ClusterRoleBinding {
		return &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "b"}, RoleRef: rbacv1.RoleRef{Kind: kind, Name: name}}
	}
	role := &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: "n", Name: "r"}, Rules: []rbacv1.PolicyRule{list}}
	roleBinding := &rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Namespace: "n", Name: "b"}, RoleRef: rbacv1.RoleRef{Kind: "Role", Name: "r"}}
	elsewhere := roleBinding.DeepCopy()
	elsewhere.Namespace = "other"

	for name, tc := range map[string]struct {
		object runtime.Object
		roles  []runtime.Object
		want   []rbacv1.PolicyRule
	}{
		"role":               {role, nil, []rbacv1.PolicyRule{list}},
		"cluster role":       {labelled("x", "a", get), nil, []rbacv1.PolicyRule{get}},
		"aggregated":         {aggregated("a"), []runtime.Object{labelled("2", "a", list), labelled("1", "a", get), labelled("3", "c", list)}, []rbacv1.PolicyRule{get, list}},
		"aggregated twice":   {aggregated("a"), []runtime.Object{inner, labelled("1", "b", list)}, []rbacv1.PolicyRule{list}},
		"aggregating itself": {inner, []runtime.Object{inner, labelled("1", "b", get)}, []rbacv1.PolicyRule{get}},
		"live":               {live, nil, []rbacv1.PolicyRule{get}},
		"manifest with old":  {stale, []runtime.Object{labelled("1", "a", list)}, []rbacv1.PolicyRule{list}},
		"binding":            {binding("ClusterRole", "x"), []runtime.Object{labelled("x", "a", get)}, []rbacv1.PolicyRule{get}},
		"role binding":       {roleBinding, []runtime.Object{role}, []rbacv1.PolicyRule{list}},
	} {
		t.Run(name, func(t *testing.T) {
			tb := &fakeTB{}
			require.Equal(t, tc.want, rbactest.RulesOf(tb, tc.object, tc.roles...))
			require.Equal(t, &fakeTB{}, tb)
		})
	}

	for name, tc := range map[string]struct {
		object runtime.Object
		roles  []runtime.Object
		want   string
	}{
		"nothing":              {nil, nil, "the object is nil"},
		"nil role":             {(*rbacv1.Role)(nil), nil, "the object is nil"},
		"nil cluster role":     {(*rbacv1.ClusterRole)(nil), nil, "the object is nil"},
		"nil binding":          {(*rbacv1.ClusterRoleBinding)(nil), nil, "the object is nil"},
		"nil role binding":     {(*rbacv1.RoleBinding)(nil), nil, "the object is nil"},
		"empty role":           {&rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: "r"}}, nil, `Role "r" grants nothing`},
		"aggregated alone":     {aggregated("a"), nil, "is aggregated"},
		"aggregated, no match": {aggregated("a"), []runtime.Object{labelled("1", "b", get)}, "give the ClusterRoles that it is aggregated from"},
		"manifest with rules":  {stale, nil, "is aggregated"},
		"no roleRef":           {&rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "b"}}, []runtime.Object{role}, `ClusterRoleBinding "b" has no roleRef`},
		"roleRef to a Role":    {binding("Role", "r"), []runtime.Object{role}, "which it may not"},
		"role not given":       {binding("ClusterRole", "x"), nil, `ClusterRole "x", which ClusterRoleBinding "b" refers to, is not among the roles given`},
		"role elsewhere":       {elsewhere, []runtime.Object{role}, "is not among the roles given"},
		"something else":       {&rbacv1.RoleList{}, nil, "is not a role or a binding"},
	} {
		t.Run(name, func(t *testing.T) {
			tb := &fakeTB{}
			require.Nil(t, rbactest.RulesOf(tb, tc.object, tc.roles...))
			require.Len(t, tb.fatals, 1)
			require.Contains(t, tb.fatals[0], tc.want)
			_, err := rbac.RulesOf(tc.object, tc.roles...)
			require.ErrorIs(t, err, rbac.ErrNoRules)
		})
	}
}
