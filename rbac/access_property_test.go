package rbac_test

import (
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/meshpeer/meshpeer/rbac"
)

// served is one line of testdata/discovery.txt: a resource as the discovery documents of Kubernetes 1.36 have it.
type served struct {
	group, resource, kind, singular string
	namespaced                      bool
	short, subresources             []string
}

func discovery(t testing.TB) []served {
	t.Helper()
	data, err := os.ReadFile("testdata/discovery.txt")
	require.NoError(t, err)
	list := func(field string) []string {
		return strings.FieldsFunc(field, func(r rune) bool { return r == ',' || r == '-' })
	}
	var all []served
	for line := range strings.Lines(string(data)) {
		f := strings.Fields(line)
		require.Len(t, f, 7, line)
		all = append(all, served{group: strings.Trim(f[0], "-"), resource: f[1], kind: f[2], singular: f[3], namespaced: f[4] == "namespaced", short: list(f[5]), subresources: list(f[6])})
	}
	require.Equal(t, 76, len(all))
	return all
}

// anyRequest is an access as the API server makes it of an HTTP request for something that it serves.
func (s served) anyRequest(random *rand.Rand) rbac.Access {
	a := rbac.Access{Group: s.group, Resource: s.resource}
	if s.namespaced && random.IntN(4) > 0 {
		a.Namespace = "team-a"
	}
	switch named := random.IntN(3); {
	case named > 0 && len(s.subresources) > 0 && random.IntN(2) == 0:
		a.Subresource, a.Name = s.subresources[random.IntN(len(s.subresources))], "x.y-1"
		a.Verb = []string{"get", "create", "update", "patch", "delete"}[random.IntN(5)]
	case named > 0:
		a.Name = "system:x.y-1"
		a.Verb = []string{"get", "update", "patch", "delete", "list", "watch"}[random.IntN(6)]
	default:
		a.Verb = []string{"list", "watch", "create", "deletecollection"}[random.IntN(4)]
	}
	return a
}

// misspell changes one field into what people write in its place, and returns the field.
func (s served) misspell(a rbac.Access, random *rand.Rand) (rbac.Access, string) {
	switch random.IntN(12) {
	case 0:
		a.Resource = s.singular
		if s.singular == s.resource {
			a.Resource = s.kind
		}
	case 1:
		a.Resource = s.kind
	case 2:
		a.Resource = strings.ToUpper(a.Resource[:1]) + a.Resource[1:]
	case 3:
		if len(s.short) == 0 {
			return a, ""
		}
		a.Resource = s.short[0]
	case 4:
		a.Verb = strings.ToUpper(a.Verb)
		return a, "Access.Verb"
	case 5:
		a.Verb = " " + a.Verb
		return a, "Access.Verb"
	case 6:
		a.Verb = "read"
		return a, "Access.Verb"
	case 7:
		if a.Group == "" {
			a.Group = "core"
		} else {
			a.Group += "/v1"
		}
		return a, "Access.Group"
	case 8:
		if a.Group == "" {
			return a, ""
		}
		a.Group, a.Resource = "", a.Resource+"."+a.Group
	case 9:
		a.Path = "/healthz"
		return a, "Access.Group Access.Resource Access.Subresource Access.Namespace Access.Name Access.Verb"
	case 10:
		a.Resource = "*"
	default:
		at := random.IntN(len(a.Resource)-1) + 1
		a.Resource = a.Resource[:at] + "x" + a.Resource[at:]
	}
	return a, "Access.Resource"
}

// Whatever an API server can be asked passes, and reads back from its text; what people write in its place does not.
func TestValidateKnowsWhatIsServed(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for _, s := range discovery(t) {
		for range 50 {
			a := s.anyRequest(random)
			require.NoError(t, a.Validate(), a)
			again, err := rbac.ParseAccess(a.String())
			require.NoError(t, err)
			require.Equal(t, a, again)

			wrong, field := s.misspell(a, random)
			if field == "" {
				continue
			}
			err = wrong.Validate()
			var fault *rbac.FieldError
			require.ErrorAs(t, err, &fault, "%q", wrong)
			require.Contains(t, field, fault.Field, "%v", err)
		}
	}
}

// The remedy of a misspelt resource is the resource.
func TestValidateNamesWhatWasMeant(t *testing.T) {
	for _, s := range discovery(t) {
		for _, word := range append([]string{s.singular, s.kind, strings.ToUpper(s.resource)}, s.short...) {
			if word == s.resource {
				continue
			}
			err := rbac.Access{Verb: "list", Group: s.group, Resource: word}.Validate()
			require.ErrorContains(t, err, `write "`+s.resource+`"`, word)
		}
	}
}

// oracle decides by comparing every combination that a rule spells out with the request, as the documentation of
// PolicyRule has it.
func oracle(rules []rbacv1.PolicyRule, a rbac.Access) bool {
	resource := a.Resource
	if a.Subresource != "" {
		resource += "/" + a.Subresource
	}
	_, subresource, _ := strings.Cut(resource, "/")
	for _, rule := range rules {
		for _, verb := range rule.Verbs {
			if verb != "*" && verb != a.Verb {
				continue
			}
			for _, url := range rule.NonResourceURLs {
				prefix, star := strings.CutSuffix(url, "*")
				if a.Path != "" && (url == a.Path || star && strings.HasPrefix(a.Path, strings.TrimRight(prefix, "*"))) {
					return true
				}
			}
			for _, group := range rule.APIGroups {
				for _, r := range rule.Resources {
					names := map[string]bool{}
					for _, name := range rule.ResourceNames {
						names[name] = true
					}
					if a.Path == "" && (group == "*" || group == a.Group) &&
						(r == "*" || r == resource || subresource != "" && r == "*/"+subresource) &&
						(len(names) == 0 || names[a.Name]) {
						return true
					}
				}
			}
		}
	}
	return false
}

func TestAllowsAgreesWithTheOracle(t *testing.T) {
	all := accesses()
	random := rand.New(rand.NewPCG(5, 6))
	allowed := 0
	for range 100 {
		g := &generator{}
		for range 60 {
			g.bytes = append(g.bytes, byte(random.Uint32()))
		}
		rules := g.rules()
		for _, a := range all {
			want := oracle(rules, a)
			require.Equal(t, want, rbac.Allows(rules, a), "%v under %v", a, rules)
			if want {
				allowed++
			}
			if a.Subresource != "" { // the other way to write it
				a.Resource, a.Subresource = a.Resource+"/"+a.Subresource, ""
				require.Equal(t, want, rbac.Allows(rules, a), "%v under %v", a, rules)
			}
		}
	}
	require.Greater(t, allowed, 300)
}
