package rbac_test

import (
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/meshpeer/meshpeer/rbac"
)

// generator makes rules out of bytes. Its words are few, so that rules often
// overlap; when the bytes run out it takes the first word.
type generator struct{ bytes []byte }

func (g *generator) pick(n int) int {
	if len(g.bytes) == 0 {
		return 0
	}
	b := g.bytes[0]
	g.bytes = g.bytes[1:]
	return int(b) % n
}

func (g *generator) words(least int, of ...string) []string {
	var words []string
	for range least + g.pick(3) {
		words = append(words, of[g.pick(len(of))])
	}
	return words
}

// rules returns up to three rules that the API server would store.
func (g *generator) rules() []rbacv1.PolicyRule {
	var rules []rbacv1.PolicyRule
	for range g.pick(4) {
		rule := rbacv1.PolicyRule{Verbs: g.words(1, "get", "list", "*")}
		if g.pick(4) == 0 {
			rule.NonResourceURLs = g.words(1, "/a", "/a/b", "/a*", "/a/*", "/a**", "*")
		} else {
			rule.APIGroups = g.words(1, "", "apps", "*")
			rule.Resources = g.words(1, "pods", "nodes", "pods/log", "*/log", "pods/*", "*")
			rule.ResourceNames = g.words(0, "n", "m")
		}
		rules = append(rules, rule)
	}
	return rules
}

// accesses are all requests in the generator's words and in one fresh word for
// each of them, which only a star can allow: enough to tell any two lists of
// its rules apart.
func accesses() []rbac.Access {
	var all []rbac.Access
	for _, verb := range []string{"get", "list", "fresh", "*"} {
		for _, path := range []string{"/a", "/a/b", "/a/", "/afresh", "/a/fresh", "/a*", "/fresh", "*"} {
			all = append(all, rbac.Access{Verb: verb, Path: path})
		}
		for _, group := range []string{"", "apps", "fresh"} {
			for _, resource := range []string{"pods", "nodes", "fresh"} {
				for _, subresource := range []string{"", "log", "fresh", "*"} {
					for _, name := range []string{"", "n", "m", "fresh"} {
						all = append(all, rbac.Access{Verb: verb, Group: group, Resource: resource, Subresource: subresource, Name: name})
					}
				}
			}
		}
	}
	return all
}
