package rbac_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/internal/unmatched"
	"github.com/meshpeer/meshpeer/rbac"
)

// lintServed is what the requests of these tests act on. A group of others may have any resource, namespaced or not.
var lintServed = []struct {
	group, resource string
	scope           string // "N" namespaced, "C" not
	subs, special   []string
}{
	{"", "pods", "N", l("log", "exec", "status", "finalizers"), nil},
	{"", "secrets", "N", l("finalizers"), nil},
	{"", "serviceaccounts", "N", l("token", "finalizers"), l("impersonate")},
	{"", "replicationcontrollers", "N", l("scale", "status", "finalizers"), nil},
	{"", "nodes", "C", l("proxy", "log", "status", "finalizers"), nil},
	{"", "namespaces", "", l("status", "finalize", "finalizers"), nil},
	{"apps", "deployments", "N", l("scale", "status", "finalizers"), nil},
	{"rbac.authorization.k8s.io", "roles", "N", l("finalizers"), l("escalate", "bind")},
	{"rbac.authorization.k8s.io", "clusterroles", "C", l("finalizers"), l("escalate")},
	{"example.com", "pods", "NC", l("log", "logs", "scale", "proxy", "bogus"), others},
	{"example.com", "things", "NC", l("log", "logs", "scale", "proxy", "bogus"), others},
	{"example.com", "secret", "NC", l("log"), others},
	{"example.com", "deployments", "NC", l("log"), others},
	{"example.com", "nodes", "NC", l("proxy"), others},
	{"example.com", "namespaces", "NC", l("status"), others},
	{"example.com", "users", "NC", nil, others},
	{"example.com", "roles", "NC", nil, others},
	{"example.com", "clusterroles", "NC", nil, others},
	{"external.metrics.k8s.io", "Pod", "NC", nil, others},
}

var others = l("escalate", "bind", "impersonate")

// requests are what an API server may be asked for in the words of these tests, as its request info has them.
func requests() []rbac.Access {
	var all []rbac.Access
	add := func(namespace, verb, group, resource, sub, name string) {
		all = append(all, rbac.Access{Verb: verb, Group: group, Resource: resource, Subresource: sub, Name: name, Namespace: namespace})
	}
	for _, s := range lintServed {
		var namespaces []string
		if strings.Contains(s.scope, "N") {
			namespaces = l("ns", "")
		} else if s.scope == "C" {
			namespaces = l("")
		}
		for _, namespace := range namespaces {
			for _, verb := range l("create", "deletecollection", "list", "watch") {
				add(namespace, verb, s.group, s.resource, "", "")
			}
			for _, name := range l("n", "m*") {
				for _, verb := range l("list", "watch", "get", "update", "patch", "delete") { // a field selector, or the path
					add(namespace, verb, s.group, s.resource, "", name)
				}
				for _, sub := range s.subs {
					for _, verb := range l("get", "create", "update", "patch", "delete") {
						add(namespace, verb, s.group, s.resource, sub, name)
					}
				}
			}
		}
		for _, name := range l("", "n", "m*", "a/b") { // of custom verbs nothing is known
			for _, sub := range append(l(""), s.subs...) {
				for _, verb := range append(l("approve-it"), s.special...) {
					if s.scope != "C" {
						add("ns", verb, s.group, s.resource, sub, name)
					}
					add("", verb, s.group, s.resource, sub, name)
				}
			}
		}
	}
	for _, name := range l("", "n", "m*", "a/b") {
		add("ns", "bind", "rbac.authorization.k8s.io", "clusterroles", "", name)
		add("", "bind", "rbac.authorization.k8s.io", "clusterroles", "", name)
		add("", "impersonate", "", "users", "", name)
		add("", "impersonate", "authentication.k8s.io", "uids", "", name)
	}
	for _, verb := range l("get", "update", "patch", "delete", "watch") { // a Namespace is in itself
		for _, name := range l("n", "m*") {
			add(name, verb, "", "namespaces", "", name)
			add(name, "update", "", "namespaces", "status", name)
		}
	}
	for _, verb := range l("create", "list", "watch", "deletecollection") {
		add("", verb, "", "namespaces", "", "")
	}
	add("", "list", "", "namespaces", "", "n")
	for _, path := range l("/", "/a", "/a/b", "/api/v1", "/api/x", "/healthz") {
		for _, verb := range l("get", "post") {
			all = append(all, rbac.Access{Verb: verb, Path: path})
		}
	}
	return all
}

func (g *generator) lintRule() rbacv1.PolicyRule {
	if g.pick(5) == 0 {
		return rbacv1.PolicyRule{Verbs: g.words(1, "get", "list", "post", "*", "GET"), NonResourceURLs: g.words(1, "/a", "/a*", "*", "a", "/a/*/b", "/api/v1/pods", "/api/*", "/a?x", "", "/api/v1/pods*")}
	}
	return rbacv1.PolicyRule{
		Verbs:         g.words(1, "get", "list", "watch", "create", "delete", "deletecollection", "update", "*", "read", "escalate", "bind", "impersonate", "GET", "", "g*t", "approve-it"),
		APIGroups:     g.words(1, "", "", "apps", "*", "apps/v1", "core", "rbac.authorization.k8s.io", "example.com", "*.io"),
		Resources:     g.words(1, "pods", "secret", "Pod", "deployments", "pods/log", "pods/*", "*/scale", "*/log", "*/bogus", "*", "nodes", "nodes/proxy", "namespaces", "users", "clusterroles", "roles", "things", "pods/logs", "*/*", "pods/"),
		ResourceNames: g.words(0, "n", "", "a/b", "m*"),
	}
}

var unmatching = l("never-matches", "cluster-scoped", "create-by-name", "without-effect")

// checkUnmatched holds Lint to what it says: what it calls unmatched no request matches, and it says so of each value that
// no request matches.
func checkUnmatched(t *testing.T, rule rbacv1.PolicyRule, namespaced bool, all []rbac.Access) (dead int) {
	t.Helper()
	var allowed []rbac.Access
	for _, a := range all {
		if (!namespaced || a.Namespace != "") && rbac.Allows([]rbacv1.PolicyRule{rule}, a) {
			allowed = append(allowed, a)
		}
	}
	matched := func(part rbacv1.PolicyRule) bool {
		return slices.ContainsFunc(allowed, func(a rbac.Access) bool {
			custom := a.Verb == "approve-it" && !slices.Contains(part.Verbs, a.Verb) // a star is taken for the verbs that are known
			return !custom && rbac.Allows([]rbacv1.PolicyRule{part}, a)
		})
	}
	var told []rbacv1.PolicyRule
	for _, f := range rbac.Lint([]rbacv1.PolicyRule{rule}, rbac.LintOptions{Namespaced: namespaced}) {
		if slices.Contains(unmatching, f.Check) {
			for _, right := range f.Rights {
				require.False(t, matched(right), "%q: %s", right, f)
				require.Empty(t, rbac.Missing([]rbacv1.PolicyRule{rule}, f.Rights), "it is of the rule")
				told = append(told, right)
				dead++
			}
		}
	}
	for _, part := range unmatched.All() {
		for _, value := range *part.Of(&rule) {
			if only := part.With(rule, value); !matched(only) {
				require.Empty(t, rbac.Missing(told, []rbacv1.PolicyRule{only}), "%s %q of %q, namespaced %v, told %q", part.Name, value, rule, namespaced, told)
			}
		}
	}
	return dead
}

func TestLintAgreesWithRequests(t *testing.T) {
	all := requests()
	random := rand.New(rand.NewPCG(3, 4))
	told, silent := 0, 0
	for i := range 700 {
		g := &generator{}
		for range 40 {
			g.bytes = append(g.bytes, byte(random.Uint32()))
		}
		if checkUnmatched(t, g.lintRule(), i%2 == 0, all) > 0 {
			told++
		} else {
			silent++
		}
	}
	require.Greater(t, told, 250)
	require.Greater(t, silent, 15, "the generator must make good rules too")
}

func FuzzLint(f *testing.F) {
	all := requests()
	f.Add([]byte{1, 0, 0, 0, 0, 0, 0}, true)
	f.Add([]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, false)
	f.Fuzz(func(t *testing.T, bytes []byte, namespaced bool) {
		checkUnmatched(t, (&generator{bytes}).lintRule(), namespaced, all)
	})
}

// With and without the discovery of a real API server, each right on what it serves can be asked for; inside a namespace
// exactly those on what is namespaced.
func TestLintOfWhatIsServed(t *testing.T) {
	var lists []*metav1.APIResourceList
	for _, s := range discovery(t) {
		list := &metav1.APIResourceList{GroupVersion: strings.TrimPrefix(s.group+"/v1", "/"), APIResources: []metav1.APIResource{{Name: s.resource, Namespaced: s.namespaced}}}
		for _, sub := range s.subresources {
			list.APIResources = append(list.APIResources, metav1.APIResource{Name: s.resource + "/" + sub, Namespaced: s.namespaced})
		}
		lists = append(lists, list)
	}
	unmatched := func(f rbac.Finding) bool { return f.Check == "not-served" || slices.Contains(unmatching, f.Check) }
	for _, s := range discovery(t) {
		for _, resource := range append(l(s.resource), s.subresources...) {
			verbs := l("get", "update", "patch", "delete", "create", "list", "watch", "deletecollection")
			if resource != s.resource {
				resource, verbs = s.resource+"/"+resource, verbs[:5]
			}
			for _, o := range []rbac.LintOptions{{}, {Discovery: lists}} {
				rules := []rbacv1.PolicyRule{rule(verbs, l(s.group), l(resource))}
				require.False(t, slices.ContainsFunc(rbac.Lint(rules, o), unmatched), "%s %s", s.group, resource)
				o.Namespaced = true
				inside := s.namespaced || s.group == "" && s.resource == "namespaces"
				require.Equal(t, !inside, slices.ContainsFunc(rbac.Lint(rules, o), func(f rbac.Finding) bool {
					return f.Check == "cluster-scoped" && f.Severity == rbac.SeverityBroken && len(f.Rights[0].Verbs) == len(verbs)
				}), "%s %s", s.group, resource)
			}
		}
	}
}
