package rbac_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/meshpeer/meshpeer/internal/golden"
	"github.com/meshpeer/meshpeer/rbac"
)

func text(t *testing.T, d rbac.Difference) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, d.WriteText(&b))
	return b.String()
}

func TestDiff(t *testing.T) {
	type rules = []rbacv1.PolicyRule
	for name, tc := range map[string]struct {
		before, after rules
		want          string
	}{
		"nothing":         {nil, nil, "no difference\n"},
		"the same rights": {rules{can("pods", "get", "list")}, rules{can("pods", "list"), can("pods", "get")}, "no difference\n"},
		"won and lost":    {rules{can("pods", "get", "list")}, rules{can("pods", "get"), can("configmaps", "watch", "list")}, "+ list,watch configmaps\n- list pods\n"},
		"danger":          {nil, rules{can("secrets", "list"), urls("get", "/metrics")}, "+ list secrets (danger: secrets-read)\n+ get /metrics\n"},
		"everything":      {nil, rules{rule(l("*"), l("*"), l("*"))}, "+ * *.* (danger: all-rights)\n"},
		"narrowed":        {rules{can("secrets", "get")}, rules{rule(l("get"), l(""), l("secrets"), "b", "a")}, "- get secrets\n"},
		"another name":    {rules{rule(l("get"), l(""), l("secrets"), "a")}, rules{rule(l("get"), l(""), l("secrets"), "b", "a")}, "+ get secrets named b\n"},
		"text of others":  {nil, rules{rule(l("get"), l(""), l("a\nb"))}, "+ get a\\nb\n"},
	} {
		t.Run(name, func(t *testing.T) {
			d := rbac.Diff(tc.before, tc.after)
			require.Equal(t, tc.want, text(t, d))
			require.Equal(t, tc.want == "no difference\n", d.Empty())
			require.Equal(t, tc.want[0] == '+', d.Widens())
		})
	}
}

// The comparison keeps its promises for any rules, and does not look at their order.
func TestDiffAgreesWithMissing(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	differ := 0
	for range 80 {
		g := &generator{}
		for range 120 {
			g.bytes = append(g.bytes, byte(random.Uint32()))
		}
		before, after := g.rules(), g.rules()
		d := rbac.Diff(before, after)
		require.Equal(t, len(rbac.Missing(before, after))+len(rbac.Missing(after, before)) == 0, d.Empty())
		won, lost := rightsOf(d)
		require.Empty(t, rbac.Diff(rbac.Missing(before, after), won).Changes, "won is what is missing")
		require.Empty(t, rbac.Diff(rbac.Missing(after, before), lost).Changes, "lost is what is missing then")
		require.False(t, rbac.Diff(slices.Concat(before, won), after).Widens(), "with what was won, nothing is left to win")
		require.Equal(t, d.Empty(), rbac.Diff(after, before).Empty())
		reordered := slices.Clone(after)
		slices.Reverse(reordered)
		require.Equal(t, d, rbac.Diff(before, reordered))
		if !d.Empty() {
			differ++
		}
	}
	require.Greater(t, differ, 40)
}

func rightsOf(d rbac.Difference) (won, lost []rbacv1.PolicyRule) {
	for _, c := range d.Changes {
		for _, r := range c.Won {
			won = append(won, r.PolicyRule)
		}
		for _, r := range c.Lost {
			lost = append(lost, r.PolicyRule)
		}
	}
	return won, lost
}

func TestDiffPolicies(t *testing.T) {
	pods, secrets, health := clusterRole("pods", can("pods", "list")), clusterRole("secrets", can("secrets", "get")), clusterRole("health", urls("get", "/healthz"))
	local := func(name, role string, subjects ...rbacv1.Subject) runtime.Object {
		return bound("shop", name, "ClusterRole", role, subjects...)
	}
	global := func(name, role string, subjects ...rbacv1.Subject) runtime.Object {
		return bound("", name, "ClusterRole", role, subjects...)
	}
	cart, jane := account("shop", "cart"), user("jane")
	for name, tc := range map[string]struct {
		before, after []runtime.Object
		want          string
	}{
		"nothing":               {nil, nil, "no difference\n"},
		"another binding":       {[]runtime.Object{pods, local("a", "pods", jane)}, []runtime.Object{pods, local("b", "pods", jane)}, "no difference\n"},
		"another role":          {[]runtime.Object{pods, local("a", "pods", jane)}, []runtime.Object{role("shop", "r", can("pods", "list")), bound("shop", "a", "Role", "r", jane)}, "no difference\n"},
		"won in a namespace":    {[]runtime.Object{secrets}, []runtime.Object{secrets, local("a", "secrets", cart)}, "ServiceAccount shop/cart, in namespace shop:\n+ get secrets (danger: secrets-read)\n"},
		"widened":               {[]runtime.Object{pods, local("a", "pods", jane)}, []runtime.Object{pods, global("a", "pods", jane)}, "User jane, everywhere:\n+ list pods\n"},
		"narrowed":              {[]runtime.Object{pods, global("a", "pods", jane)}, []runtime.Object{pods, local("a", "pods", jane)}, "User jane, everywhere:\n- list pods (kept in namespace shop)\n"},
		"taken":                 {[]runtime.Object{pods, global("a", "pods", jane), local("a", "pods", jane)}, []runtime.Object{pods}, "User jane, everywhere:\n- list pods\n"},
		"from one to all":       {[]runtime.Object{pods, local("a", "pods", cart)}, []runtime.Object{pods, local("a", "pods", group("system:serviceaccounts:shop"))}, "Group system:serviceaccounts:shop, in namespace shop:\n+ list pods\n"},
		"from all to one":       {[]runtime.Object{pods, local("a", "pods", group("system:serviceaccounts:shop"))}, []runtime.Object{pods, local("a", "pods", cart)}, "Group system:serviceaccounts:shop, in namespace shop:\n- list pods\n"},
		"to another":            {[]runtime.Object{pods, local("a", "pods", cart)}, []runtime.Object{pods, local("a", "pods", jane)}, "ServiceAccount shop/cart, in namespace shop:\n- list pods\nUser jane, in namespace shop:\n+ list pods\n"},
		"an account as a user":  {[]runtime.Object{pods, local("a", "pods", cart)}, []runtime.Object{pods, local("a", "pods", user("system:serviceaccount:shop:cart"))}, "no difference\n"},
		"paths have none":       {[]runtime.Object{health}, []runtime.Object{health, local("a", "health", jane)}, "no difference\n"},
		"paths everywhere":      {[]runtime.Object{health, global("a", "health", jane)}, []runtime.Object{health, local("a", "health", jane)}, "User jane, everywhere:\n- get /healthz\n"},
		"a role that is absent": {[]runtime.Object{}, []runtime.Object{local("a", "view", jane), local("b", "view", jane)}, "User jane, in namespace shop:\n+ whatever ClusterRole view grants, which the policy does not have\n"},
		"absent here and there": {[]runtime.Object{global("a", "view", jane)}, []runtime.Object{local("b", "view", jane)}, "User jane, everywhere:\n- whatever ClusterRole view grants, which the policy does not have\n"},
		"absent in both":        {[]runtime.Object{local("a", "view", jane)}, []runtime.Object{local("b", "view", jane)}, "no difference\n"},
		"no danger in a namespace": {
			[]runtime.Object{clusterRole("v", can("persistentvolumes", "create"))},
			[]runtime.Object{clusterRole("v", can("persistentvolumes", "create")), local("a", "v", jane)},
			"User jane, in namespace shop:\n+ create persistentvolumes\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			before, after := policyOf(t, tc.before...), policyOf(t, tc.after...)
			d := rbac.DiffPolicies(before, after)
			require.Equal(t, tc.want, text(t, d))
			back := rbac.DiffPolicies(after, before)
			require.Equal(t, d.Empty(), back.Empty())
			if !d.Widens() && !d.Empty() {
				require.True(t, back.Widens())
			}
		})
	}
}

// Of two policies, what a subject may do in one and not in the other is won or lost, by himself or by one of his groups;
// and whatever is won or lost is so for the subject that it names.
func TestDiffPoliciesAgreesWithAllows(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	subjects := []rbacv1.Subject{account("a", "x"), user("jane"), group("system:authenticated"), group("system:serviceaccounts:a")}
	var asked []rbac.Access
	for _, a := range accesses() {
		if a.Verb != "*" && a.Path == "" && (a.Name == "" || a.Name == "n") {
			asked = append(asked, a)
		}
	}
	policy := func() *rbac.Policy {
		g := &generator{}
		for range 120 {
			g.bytes = append(g.bytes, byte(random.Uint32()))
		}
		var objects []runtime.Object
		for i, namespace := range l("", "a", "b") {
			name := "r" + namespace
			rules := slices.DeleteFunc(g.rules(), func(r rbacv1.PolicyRule) bool { return len(r.NonResourceURLs) > 0 })
			objects = append(objects, clusterRole(name, rules...), bound(namespace, name, "ClusterRole", name, subjects[(i+g.pick(4))%4], subjects[g.pick(4)]))
		}
		return policyOf(t, objects...)
	}
	may := func(p *rbac.Policy, s rbac.Subject, a rbac.Access) bool { return p.Allows(s, a).Allowed }
	people := map[string]rbac.Subject{}
	for _, s := range []rbac.Subject{rbac.ServiceAccount("a", "x"), {User: "jane"}, {Groups: l("system:authenticated")}, {Groups: l("system:serviceaccounts:a")}} {
		people[s.String()] = s
	}
	for range 25 {
		before, after := policy(), policy()
		d := rbac.DiffPolicies(before, after)
		told := func(s rbac.Subject, a rbac.Access, of func(rbac.Change) []rbac.ChangedRights) bool {
			return slices.ContainsFunc(d.Changes, func(c rbac.Change) bool {
				who := people[c.Subject]
				his := c.Subject == s.String() || who.User == "" && slices.Contains(s.AllGroups(), who.Groups[0])
				return his && (c.Namespace == "" || c.Namespace == a.Namespace) && slices.ContainsFunc(of(c), func(r rbac.ChangedRights) bool {
					return rbac.Allows([]rbacv1.PolicyRule{r.PolicyRule}, a)
				})
			})
		}
		won := func(c rbac.Change) []rbac.ChangedRights { return c.Won }
		lost := func(c rbac.Change) []rbac.ChangedRights { return c.Lost }
		for _, s := range people {
			for _, a := range asked {
				for _, a.Namespace = range l("", "a", "b", "c") {
					switch old, now := may(before, s, a), may(after, s, a); {
					case !old && now:
						require.True(t, told(s, a, won), "%s %s", s, a)
					case old && !now:
						require.True(t, told(s, a, lost), "%s %s", s, a)
					}
				}
			}
		}
		for _, c := range d.Changes {
			for _, r := range c.Won {
				rights := []rbacv1.PolicyRule{r.PolicyRule}
				require.NotEmpty(t, rbac.Missing(before.Rules(people[c.Subject], c.Namespace), rights))
				require.Empty(t, rbac.Missing(after.Rules(people[c.Subject], c.Namespace), rights))
			}
			for _, r := range c.Lost {
				rights := []rbacv1.PolicyRule{r.PolicyRule}
				require.NotEmpty(t, rbac.Missing(after.Rules(people[c.Subject], c.Namespace), rights))
				require.Empty(t, rbac.Missing(before.Rules(people[c.Subject], c.Namespace), rights))
			}
		}
	}
}

// The JSON form, for programs that read it.
func TestDifferenceJSON(t *testing.T) {
	before := policyOf(t, clusterRole("pods", can("pods", "get", "list")), bound("", "a", "ClusterRole", "pods", user("jane")), bound("", "v", "ClusterRole", "view", user("jane")))
	after := policyOf(t, clusterRole("pods", can("pods", "list"), can("secrets", "list")), bound("shop", "a", "ClusterRole", "pods", user("jane"), account("", "cart")), bound("shop", "e", "ClusterRole", "edit", user("jane")))
	d := rbac.DiffPolicies(before, after)
	out, err := json.MarshalIndent(d, "", "  ")
	require.NoError(t, err)
	golden.Equal(t, "diff/policies.json", append(out, '\n'))
	golden.Equal(t, "diff/policies.txt", []byte(text(t, d)))
	var back rbac.Difference
	require.NoError(t, json.Unmarshal(out, &back))
	require.Equal(t, d, back)
	require.ErrorContains(t, d.WriteText(failing{}), "rbac: write difference: full")
}
