package differential_test

import (
	"math/rand/v2"
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/meshpeer/meshpeer/rbac"
)

// words are few, so that generated rules often overlap and often allow. "fresh"
// occurs in accesses only: a star alone can allow it.
var (
	verbs        = []string{"get", "list", "watch", "create", "deletecollection", "*"}
	groups       = []string{"", "apps", "*"}
	resources    = []string{"pods", "deployments", "pods/log", "deployments/scale", "*/scale", "*/log", "pods/*", "*/*", "*"}
	names        = []string{"a", "b", "*"}
	urls         = []string{"/a", "/a/", "/a/b", "/a*", "/a/*", "/a**", "/*", "*", "/b"}
	plain        = []string{"pods", "deployments", "fresh", "*"}
	subresources = []string{"", "", "log", "scale", "fresh", "*"}
	paths        = []string{"/a", "/a/", "/a/b", "/a/b/c", "/ab", "/a*", "/a/*", "/b", "/", "/fresh", "*"}
)

// generator makes rules and accesses from a seed.
type generator struct{ *rand.Rand }

func newGenerator(seed uint64) generator { return generator{rand.New(rand.NewPCG(seed, 1))} }

func (g generator) one(of []string) string { return of[g.IntN(len(of))] }

// some returns least to least+2 of the words.
func (g generator) some(least int, of []string) []string {
	var words []string
	for range least + g.IntN(3) {
		words = append(words, g.one(of))
	}
	return words
}

// stored returns up to three rules such as the API server stores.
func (g generator) stored() []rbacv1.PolicyRule {
	var rules []rbacv1.PolicyRule
	for range g.IntN(4) {
		rule := rbacv1.PolicyRule{Verbs: g.some(1, verbs)}
		if g.IntN(3) == 0 {
			rule.NonResourceURLs = g.some(1, urls)
		} else {
			rule.APIGroups, rule.Resources = g.some(1, groups), g.some(1, resources)
			if g.IntN(2) == 0 {
				rule.ResourceNames = g.some(1, names)
			}
		}
		rules = append(rules, rule)
	}
	return rules
}

// loose returns up to three rules of which some lack what the API server asks for, or mix what it keeps apart.
func (g generator) loose() []rbacv1.PolicyRule {
	rules := g.stored()
	for i := range rules {
		switch g.IntN(6) {
		case 0:
			rules[i] = rbacv1.PolicyRule{
				Verbs: g.some(0, verbs), APIGroups: g.some(0, groups), Resources: g.some(0, resources),
				ResourceNames: g.some(0, names), NonResourceURLs: g.some(0, urls),
			}
		case 1:
			rules[i].Resources = append(slices.Clone(rules[i].Resources), "", "/", "*/", "pods/")
		}
	}
	return rules
}

func (g generator) access() rbac.Access {
	a := rbac.Access{Verb: g.one(append([]string{"fresh"}, verbs...))}
	if g.IntN(4) == 0 {
		a.Path = g.one(paths)
		return a
	}
	a.Group, a.Resource, a.Subresource = g.one([]string{"", "apps", "fresh", "*"}), g.one(plain), g.one(subresources)
	a.Namespace, a.Name = g.one([]string{"", "n"}), g.one([]string{"", "a", "b", "fresh", "*"})
	return a
}
