package rbac_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/meshpeer/meshpeer/internal/golden"
	"github.com/meshpeer/meshpeer/rbac"
)

type finding struct{ check, field, remedy string }

func short(findings []rbac.Finding) []finding {
	var all []finding
	for _, f := range findings {
		all = append(all, finding{f.Check, f.Field, f.Remedy})
	}
	return all
}

func TestLintRules(t *testing.T) {
	get := l("get")
	for name, tc := range map[string]struct {
		rule rbacv1.PolicyRule
		o    rbac.LintOptions
		want []finding
	}{
		"good":                   {rule(l("get", "list", "watch"), l("", "apps"), l("pods", "deployments", "pods/log")), rbac.LintOptions{}, nil},
		"group with a version":   {rule(get, l("apps/v1"), l("deployments")), rbac.LintOptions{}, []finding{{"never-matches", "rules[0].apiGroups[0]", `write "apps"`}}},
		"core":                   {rule(get, l("core"), l("pods")), rbac.LintOptions{}, []finding{{"never-matches", "rules[0].apiGroups[0]", `the core group, of pods and secrets, is "": write ""`}}},
		"star behind a resource": {rule(get, l(""), l("pods", "pods/*")), rbac.LintOptions{}, []finding{{"never-matches", "rules[0].resources[1]", `list the resources; for one subresource of all write "*/<subresource>"`}}},
		"star in a group":        {rule(get, l("*.istio.io"), l("gateways")), rbac.LintOptions{}, []finding{{"never-matches", "rules[0].apiGroups[0]", "list the groups"}}},
		"star in a verb":         {rule(l("g*"), l(""), l("pods")), rbac.LintOptions{}, []finding{{"never-matches", "rules[0].verbs[0]", "list the verbs"}}},
		"slash at the end":       {rule(get, l(""), l("pods/")), rbac.LintOptions{}, []finding{{"never-matches", "rules[0].resources[0]", "name the subresource behind it, or drop it"}}},
		"subresource of nothing": {rule(get, l(""), l("*/logs")), rbac.LintOptions{}, []finding{{"never-matches", "rules[0].resources[0]", "name resources with their subresources"}}},
		"kind":                   {rule(get, l(""), l("Pod")), rbac.LintOptions{}, []finding{{"never-matches", "rules[0].resources[0]", `write "pods"`}}},
		"misspelt subresource":   {rule(get, l(""), l("pods/logs")), rbac.LintOptions{}, []finding{{"never-matches", "rules[0].resources[0]", `write "pods/log"`}}},
		"wrong group":            {rule(get, l(""), l("pods", "deployments")), rbac.LintOptions{}, []finding{{"never-matches", "rules[0].resources[1]", `write resource "deployments" in group "apps"`}}},
		"the nearest spelling":   {rule(get, l("", "apps"), l("deployment")), rbac.LintOptions{}, []finding{{"never-matches", "rules[0].resources[0]", `write "deployments"`}}},
		"group of none":          {rule(get, l("", "apps"), l("pods")), rbac.LintOptions{}, []finding{{"without-effect", "rules[0].apiGroups[1]", `remove "apps"`}}},
		"verb of none":           {rule(l("get", "read"), l(""), l("pods")), rbac.LintOptions{}, []finding{{"never-matches", "rules[0].verbs[1]", `write "get"`}}},
		"capital verb":           {rule(l("GET"), l(""), l("pods")), rbac.LintOptions{}, []finding{{"never-matches", "rules[0].verbs[0]", `write "get"`}}},
		"empty verb":             {rule(l(""), l(""), l("")), rbac.LintOptions{}, []finding{{"never-matches", "rules[0].verbs[0]", "remove the rule"}}},
		"list of a subresource":  {rule(l("get", "list"), l(""), l("pods/log")), rbac.LintOptions{}, []finding{{"without-effect", "rules[0].verbs[1]", "remove it"}}},
		"create by name":         {rule(l("create"), l(""), l("configmaps"), "a"), rbac.LintOptions{}, []finding{{"create-by-name", "rules[0].verbs[0]", "grant it in a rule without resourceNames"}}},
		"create beside":          {rule(l("create", "get"), l(""), l("configmaps", "services/proxy"), "a"), rbac.LintOptions{}, []finding{{"create-by-name", "rules[0].verbs[0]", "grant it in a rule without resourceNames"}}},
		"token by name":          {rule(l("create"), l(""), l("serviceaccounts/token"), "a"), rbac.LintOptions{}, nil},
		"list by name":           {rule(l("list", "get"), l(""), l("configmaps"), "a"), rbac.LintOptions{}, []finding{{"list-by-name", "rules[0].resourceNames", "keep it for informers of one object; for get by name add the verb get"}}},
		"namespace in a name":    {rule(get, l(""), l("configmaps"), "a/b", "c"), rbac.LintOptions{}, []finding{{"never-matches", "rules[0].resourceNames[0]", "write the name without its kind and namespace, or leave resourceNames out for all"}}},
		"pattern in a name":      {rule(get, l(""), l("configmaps"), "a-*"), rbac.LintOptions{}, []finding{{"name-pattern", "rules[0].resourceNames[0]", "list the names, or leave resourceNames out for all"}}},
		"pattern of a signer":    {rule(l("attest"), l("certificates.k8s.io"), l("signers"), "example.com/*"), rbac.LintOptions{}, nil},
		"audience":               {rule(l("request-serviceaccounts-token-audience"), l(""), l("https://a.b/")), rbac.LintOptions{Discovery: []*metav1.APIResourceList{}}, nil},
		"bad URLs":               {urls("get", "/healthz", "a", "/a?x", "/a/*/b", "/api/v1/pods", ""), rbac.LintOptions{}, []finding{{"never-matches", "rules[0].nonResourceURLs[1]", `write "/a"`}, {"never-matches", "rules[0].nonResourceURLs[2]", `write "/a"`}, {"never-matches", "rules[0].nonResourceURLs[3]", "end the URL in the star, or list the paths"}, {"never-matches", "rules[0].nonResourceURLs[4]", "write a rule for its group and resource"}, {"never-matches", "rules[0].nonResourceURLs[5]", `write "/..." or "*"`}}},
		"URLs":                   {urls("get", "/.*", "/api/*", "/a**"), rbac.LintOptions{}, nil},
		"verb on a URL":          {urls("list", "/a"), rbac.LintOptions{}, []finding{{"never-matches", "rules[0].verbs[0]", `write "get"`}}},
		"URL in a namespace":     {urls("get", "/a"), rbac.LintOptions{Namespaced: true}, []finding{{"cluster-scoped", "rules[0].nonResourceURLs", "grant it with a ClusterRole and a ClusterRoleBinding"}}},
		"node in a namespace":    {rule(get, l(""), l("nodes", "pods", "namespaces")), rbac.LintOptions{Namespaced: true}, []finding{{"cluster-scoped", "rules[0].resources[0]", "grant it with a ClusterRole and a ClusterRoleBinding"}}},
		"bound in a namespace":   {rule(l("bind"), l("rbac.authorization.k8s.io"), l("clusterroles"), "view"), rbac.LintOptions{Namespaced: true}, nil},
		"used in a namespace":    {rule(l("use"), l("policy"), l("podsecuritypolicies"), "a"), rbac.LintOptions{Namespaced: true}, nil},
		"every policy":           {rule(l("*"), l("policy"), l("podsecuritypolicies"), "a"), rbac.LintOptions{Namespaced: true}, []finding{{"star", "rules[0]", "list what is needed"}}},
		"use of nothing":         {rule(l("use"), l("storage.k8s.io"), l("storageclasses")), rbac.LintOptions{Namespaced: true}, []finding{{"cluster-scoped", "rules[0].resources[0]", "grant it with a ClusterRole and a ClusterRoleBinding"}}},
		"no verbs":               {rbacv1.PolicyRule{APIGroups: l(""), Resources: l("pods")}, rbac.LintOptions{}, []finding{{"refused", "rules[0].verbs", "add verbs, or remove the rule"}}},
		"no groups":              {rbacv1.PolicyRule{Verbs: get, Resources: l("pods")}, rbac.LintOptions{}, []finding{{"refused", "rules[0].apiGroups", `write "" for the core group`}}},
		"no resources":           {rbacv1.PolicyRule{Verbs: get, APIGroups: l("*")}, rbac.LintOptions{}, []finding{{"refused", "rules[0].resources", "add resources, or remove the rule"}}},
		"both kinds":             {rbacv1.PolicyRule{Verbs: get, APIGroups: l(""), Resources: l("pods"), NonResourceURLs: l("/a")}, rbac.LintOptions{}, []finding{{"refused", "rules[0]", "write one rule for each"}}},
		"twice and a star":       {rule(l("get", "get"), l("", "*"), l("pods")), rbac.LintOptions{}, []finding{{"star", "rules[0]", "list what is needed"}, {"covered", "rules[0].verbs[1]", "remove it"}, {"covered", "rules[0].apiGroups[0]", "remove it"}}},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, tc.want, short(rbac.Lint([]rbacv1.PolicyRule{tc.rule}, tc.o)))
		})
	}
}

func TestLintCovered(t *testing.T) {
	narrow, wide, half := rule(l("list"), l(""), l("configmaps"), "a"), rule(l("get", "list"), l(""), l("configmaps")), rule(l("get"), l(""), l("configmaps"))
	why := func(rules ...rbacv1.PolicyRule) (all []string) {
		for _, f := range rbac.Lint(rules, rbac.LintOptions{}) {
			if f.Check == "covered" {
				all = append(all, f.Field+": "+f.Why)
			}
		}
		return all
	}
	require.Empty(t, why(narrow, half))
	require.Equal(t, []string{"rules[0]: rules[1] grants all of it"}, why(narrow, wide))
	require.Equal(t, []string{"rules[1]: rules[0] grants all of it"}, why(wide, wide), "of equal ones the later")
	list := rule(l("list"), l(""), l("configmaps"))
	require.Equal(t, []string{"rules[0]: rules[2] grants all of it", "rules[1]: rules[2] grants all of it"}, why(half, list, wide))
	across := rule(l("get", "list"), l(""), l("configmaps", "endpoints"))
	require.Equal(t, []string{"rules[1]: other rules together grant all of it"}, why(rule(l("get"), l(""), l("configmaps", "endpoints", "pods")), across, rule(l("list"), l(""), l("configmaps", "endpoints", "pods"))))
	require.Empty(t, why(rbacv1.PolicyRule{Verbs: l("get")}, wide), "it grants nothing, which is another fault")
}

// Each danger is found by itself, and not under a name that limits it.
func TestLintDangers(t *testing.T) {
	const group = "rbac.authorization.k8s.io"
	for _, tc := range []struct {
		rule  rbacv1.PolicyRule
		check string
		named string // "" is none, so that resourceNames limit it
	}{
		{rule(l("escalate"), l(group), l("roles")), "escalate", ""},
		{rule(l("bind"), l(group), l("clusterroles")), "bind", "cluster-admin"},
		{rule(l("impersonate"), l(""), l("groups")), "impersonate", "system:masters"},
		{rule(l("get"), l(""), l("nodes/proxy")), "nodes-proxy", "any"},
		{rule(l("create"), l(""), l("pods/exec")), "pods-exec", ""},
		{rule(l("get"), l(""), l("pods/attach")), "pods-exec", ""},
		{rule(l("patch"), l(""), l("pods/ephemeralcontainers")), "pods-exec", ""},
		{rule(l("create"), l(""), l("pods/portforward")), "pods-portforward", ""},
		{rule(l("create"), l(""), l("pods")), "pods-create", ""},
		{rule(l("patch"), l("apps"), l("deployments")), "pods-create", ""},
		{rule(l("list"), l(""), l("secrets")), "secrets-read", ""},
		{rule(l("create"), l(""), l("serviceaccounts/token")), "token-create", ""},
		{rule(l("update"), l("certificates.k8s.io"), l("certificatesigningrequests/approval")), "csr-approve", ""},
		{rule(l("approve"), l("certificates.k8s.io"), l("signers")), "csr-approve", "kubernetes.io/kube-apiserver-client"},
		{rule(l("update"), l("admissionregistration.k8s.io"), l("validatingwebhookconfigurations")), "webhooks-write", ""},
		{rule(l("create"), l(""), l("persistentvolumes")), "persistentvolumes-create", ""},
		{rule(l("patch"), l(""), l("namespaces")), "namespaces-write", "any"},
	} {
		checks := func(r rbacv1.PolicyRule) (all []string) {
			for _, f := range rbac.Lint([]rbacv1.PolicyRule{r}, rbac.LintOptions{}) {
				if f.Severity == rbac.SeverityDanger || f.Check == "pods-portforward" || f.Check == "namespaces-write" {
					all = append(all, f.Check)
					require.Empty(t, rbac.Missing([]rbacv1.PolicyRule{r}, f.Rights), "rights of the rule")
					require.NotEmpty(t, f.Rights)
				}
			}
			return all
		}
		require.Equal(t, []string{tc.check}, checks(tc.rule))
		starred := tc.rule
		starred.Verbs, starred.Resources = l("*"), append(l("configmaps"), starred.Resources...)
		require.Contains(t, checks(starred), tc.check)
		named := tc.rule
		named.ResourceNames = l("limited", tc.named)
		if tc.named != "" {
			require.Equal(t, []string{tc.check}, checks(named))
		}
		if named.ResourceNames = l("limited"); tc.named != "any" {
			require.Empty(t, checks(named), tc.check)
		}
	}
	all := rbac.Lint([]rbacv1.PolicyRule{rule(l("*"), l("*"), l("*"))}, rbac.LintOptions{})
	require.Equal(t, []finding{{"all-rights", "rules[0]", "list what is needed"}}, short(all), "one finding, not one for each danger")
	inside := rbac.Lint([]rbacv1.PolicyRule{rule(l("create"), l(""), l("persistentvolumes", "pods"))}, rbac.LintOptions{Namespaced: true})
	require.Equal(t, []finding{{"cluster-scoped", "rules[0].resources[0]", "grant it with a ClusterRole and a ClusterRoleBinding"}, {"pods-create", "rules[0]", "keep what is more trusted in other namespaces, and enforce a Pod Security Standard"}}, short(inside), "what no request matches is no danger")
}

func TestLintDiscovery(t *testing.T) {
	list := func(version string, resources ...metav1.APIResource) *metav1.APIResourceList {
		return &metav1.APIResourceList{GroupVersion: version, APIResources: resources}
	}
	lists := []*metav1.APIResourceList{
		nil,
		list("v1", metav1.APIResource{Name: "pods", Namespaced: true}, metav1.APIResource{Name: "pods/log", Namespaced: true}, metav1.APIResource{Name: "nodes"}),
		list("example.com/v1", metav1.APIResource{Name: "Odd", Namespaced: true}, metav1.APIResource{Name: "things"}, metav1.APIResource{Name: "things/scale"}),
		list("netwroking.k8s.io/v1", metav1.APIResource{Name: "ingresses", Namespaced: true}),
	}
	served := []rbacv1.PolicyRule{
		rule(l("get"), l(""), l("pods", "pods/log", "nodes/stats", "*/finalizers")), rule(l("get"), l("example.com"), l("Odd", "things/scale", "things/finalizers")),
		rule(l("get"), l("netwroking.k8s.io"), l("ingresses")), rule(l("impersonate"), l(""), l("users"), "a"), rule(l("use-it"), l("example.com"), l("things")),
	}
	require.Empty(t, short(rbac.Lint(served, rbac.LintOptions{Discovery: lists})))
	require.NotEmpty(t, rbac.Lint(served, rbac.LintOptions{}), "the misspelt group and the odd resource")

	absent := []rbacv1.PolicyRule{rule(l("get"), l(""), l("pods", "configmaps", "pods/status")), rule(l("get"), l("gone.com"), l("*")), rule(l("get"), l("example.com"), l("*/bogus"))}
	require.Equal(t, []finding{
		{"not-served", "rules[0].resources[1]", "take it and its group from kubectl api-resources, or remove it"},
		{"not-served", "rules[1].resources[0]", "take it and its group from kubectl api-resources, or remove it"},
		{"never-matches", "rules[2].resources[0]", "name resources with their subresources"},
	}, slices.DeleteFunc(short(rbac.Lint(absent, rbac.LintOptions{Discovery: lists})), func(f finding) bool { return f.check == "star" }))

	namespaced := rbac.Lint([]rbacv1.PolicyRule{rule(l("get"), l("example.com"), l("things", "Odd"))}, rbac.LintOptions{Discovery: lists, Namespaced: true})
	require.Equal(t, []finding{{"cluster-scoped", "rules[0].resources[0]", "grant it with a ClusterRole and a ClusterRoleBinding"}}, short(namespaced))

	preferred := []*metav1.APIResourceList{list("v1", metav1.APIResource{Name: "pods", Namespaced: true})} // without subresources
	require.Empty(t, rbac.Lint([]rbacv1.PolicyRule{rule(l("get"), l(""), l("pods/whatever"))}, rbac.LintOptions{Discovery: preferred}))
}

// What the charts of Istio render, and our own profiles, say what they mean.
func TestLintOfCharts(t *testing.T) {
	for _, reader := range chartReaders(t) {
		for _, f := range rbac.Lint(reader.ClusterRole.Rules, rbac.LintOptions{}) {
			require.NotEqual(t, rbac.SeverityBroken, f.Severity, "%s: %s", reader.Minor, f)
		}
	}
	minimal := render(t, rbac.Options{Profile: rbac.Minimal})
	require.Equal(t, []finding{{"secrets-read", "rules[1]", "name the Secrets with resourceNames"}}, short(rbac.Lint(minimal.ClusterRole.Rules, rbac.LintOptions{})))
	require.Equal(t, []finding{{"list-by-name", "rules[0].resourceNames", "keep it for informers of one object; for get by name add the verb get"}}, short(rbac.Lint(minimal.Role.Rules, rbac.LintOptions{Namespaced: true})))
}

// The JSON form, for programs that read it.
func TestFindingJSON(t *testing.T) {
	findings := rbac.Lint([]rbacv1.PolicyRule{rule(l("list", "\x1b[31m"), l("", "apps/v1"), l("secrets")), urls("get", "/a")}, rbac.LintOptions{Namespaced: true})
	out, err := json.MarshalIndent(findings, "", "  ")
	require.NoError(t, err)
	golden.Equal(t, "lint/findings.json", append(out, '\n'))
	var back []rbac.Finding
	require.NoError(t, json.Unmarshal(out, &back))
	require.Equal(t, findings, back)
	var text bytes.Buffer
	require.NoError(t, rbac.WriteFindings(&text, findings))
	golden.Equal(t, "lint/findings.txt", text.Bytes())
	require.ErrorContains(t, rbac.WriteFindings(failing{}, findings), "rbac: write findings: full")
	require.NoError(t, rbac.WriteFindings(&text, nil))
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("full") }

func TestLintPolicy(t *testing.T) {
	selecting := func(label string, rules ...rbacv1.PolicyRule) *rbacv1.ClusterRole {
		r := clusterRole("all-"+label, rules...)
		r.AggregationRule = &rbacv1.AggregationRule{ClusterRoleSelectors: []metav1.LabelSelector{{MatchLabels: map[string]string{label: "true"}}}}
		return r
	}
	labelled := clusterRole("part", rule(l("get"), l(""), l("nodes")))
	labelled.Labels = map[string]string{"a": "true"}
	nodes := rule(l("get"), l(""), l("nodes"))
	pods := rule(l("get"), l(""), l("pods"))
	for name, tc := range map[string]struct {
		objects []runtime.Object
		want    []string
	}{
		"a Role for nodes":                {[]runtime.Object{role("n", "r", nodes)}, l("broken cluster-scoped Role n/r rules[0].resources[0]")},
		"bound in namespaces only":        {[]runtime.Object{clusterRole("r", nodes), bound("n", "b", "ClusterRole", "r", user("jane"))}, l("caution cluster-scoped ClusterRole r rules[0].resources[0]")},
		"bound everywhere too":            {[]runtime.Object{clusterRole("r", nodes), bound("n", "b", "ClusterRole", "r", user("jane")), bound("", "b", "ClusterRole", "r", user("jane"))}, nil},
		"bound nowhere":                   {[]runtime.Object{clusterRole("r", nodes)}, nil},
		"part of an aggregated one":       {[]runtime.Object{labelled, selecting("a"), bound("n", "b", "ClusterRole", "part", user("jane"))}, nil},
		"aggregates nothing":              {[]runtime.Object{labelled, selecting("b", pods)}, l("caution aggregates-nothing ClusterRole all-b aggregationRule", "broken overwritten ClusterRole all-b rules")},
		"without credentials":             {[]runtime.Object{clusterRole("r", pods), bound("", "b", "ClusterRole", "r", group("system:unauthenticated"))}, l("danger anonymous ClusterRoleBinding b subjects")},
		"the user without":                {[]runtime.Object{clusterRole("r", pods), bound("n", "b", "ClusterRole", "r", user("system:anonymous"))}, l("danger anonymous RoleBinding n/b subjects")},
		"what Kubernetes shows to all":    {[]runtime.Object{clusterRole("r", urls("get", "/healthz", "/version")), bound("", "b", "ClusterRole", "r", group("system:unauthenticated"), group("system:authenticated"))}, nil},
		"URLs without a namespace":        {[]runtime.Object{clusterRole("r", urls("get", "/metrics")), bound("n", "b", "ClusterRole", "r", group("system:unauthenticated"))}, l("caution cluster-scoped ClusterRole r rules[0].nonResourceURLs")},
		"everybody":                       {[]runtime.Object{clusterRole("r", pods), bound("", "b", "ClusterRole", "r", group("system:authenticated")), bound("", "c", "ClusterRole", "r", group("system:serviceaccounts"))}, l("caution everybody ClusterRoleBinding b subjects", "caution everybody ClusterRoleBinding c subjects")},
		"accounts of a namespace":         {[]runtime.Object{clusterRole("r", pods), bound("", "b", "ClusterRole", "r", group("system:serviceaccounts:n"))}, nil},
		"no role":                         {[]runtime.Object{bound("", "b", "ClusterRole", "view", user("jane")), bound("n", "b", "Role", "r", user("jane"))}, l("caution dangling ClusterRoleBinding b roleRef", "caution dangling RoleBinding n/b roleRef")},
		"no subjects":                     {[]runtime.Object{clusterRole("r", pods), bound("", "b", "ClusterRole", "r")}, l("notice nobody ClusterRoleBinding b subjects")},
		"subjects that nobody is":         {[]runtime.Object{clusterRole("r", pods), bound("", "b", "ClusterRole", "r", user("system:authenticated"), user("system:serviceaccounts:n"), user("system:serviceaccount:n"), group("system:serviceaccount:n:a"))}, l("broken nobody ClusterRoleBinding b subjects[0].name", "broken nobody ClusterRoleBinding b subjects[1].name", "broken nobody ClusterRoleBinding b subjects[2].name", "broken nobody ClusterRoleBinding b subjects[3].name")},
		"a service account by its user":   {[]runtime.Object{clusterRole("r", pods), bound("", "b", "ClusterRole", "r", user("system:serviceaccount:n:a"), user("system:kube-scheduler"))}, nil},
		"a role on its own, as Lint does": {[]runtime.Object{clusterRole("r", rule(l("get"), l("apps/v1"), l("deployments")))}, l("broken never-matches ClusterRole r rules[0].apiGroups[0]")},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, f := range policyOf(t, tc.objects...).Lint(rbac.LintOptions{}) {
				got = append(got, string(f.Severity)+" "+f.Check+" "+f.Object+" "+f.Field)
			}
			require.Equal(t, tc.want, got)
		})
	}
}
