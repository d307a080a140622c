package unmatched_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/meshpeer/meshpeer/internal/unmatched"
)

func l(values ...string) []string { return values }

// judge knows one letter of each part as good by itself, and that "v2" fits "g2" only, and no name.
func judge(values []string) (faults []unmatched.Fault) {
	for i, part := range unmatched.OnResources()[:3] {
		if bad := values[i]; bad[:1] == "x" {
			faults = append(faults, unmatched.Fault{Part: part.Name, Value: bad, Remedy: bad})
		}
	}
	if len(faults) == 0 && values[0] == "v2" && values[1] != "g2" {
		faults = append(faults, unmatched.Fault{Part: "apiGroups", Value: values[1], Remedy: "mend " + values[2]})
	}
	if len(values) == 4 && values[0] == "v2" && values[2] == "r" {
		faults = append(faults, unmatched.Fault{Part: "verbs", Value: "v2", Pair: true})
	}
	if len(values) == 4 && values[3] == "x" {
		faults = append(faults, unmatched.Fault{Part: "resourceNames", Value: "x"})
	}
	return faults
}

func TestFind(t *testing.T) {
	for name, tc := range map[string]struct {
		verbs, groups, resources, names []string
		want                            []string
	}{
		"good":                        {l("v"), l("g"), l("r"), nil, nil},
		"bad verb":                    {l("v", "x", "x"), l("g"), l("r"), nil, l("verbs[1] x: {[x x] [g] [r]}")},
		"bad verb and resource":       {l("x"), l("g"), l("x", "r"), nil, l("verbs[0] x: {[x] [g] [x r]}", "resources[0] x: {[x] [g] [x]}")},
		"all bad":                     {l("x"), l("x"), l("x"), nil, l("verbs[0] x: {[x] [x] [x]}", "apiGroups[0] x: {[x] [x] [x]}", "resources[0] x: {[x] [x] [x]}")},
		"bad pair beside a bad one":   {l("v", "v2"), l("g2"), l("r", "x"), l("a"), l("resources[1] x: {[v v2] [g2] [x] [a]}", "verbs[1] v2: {[v2] [g2] [r x] [a]}")},
		"bad in this company":         {l("v", "v2"), l("g"), l("r"), nil, l("verbs[1] v2, in company: {[v2] [g] [r]}")},
		"of use in other company":     {l("v", "v2"), l("g", "g2"), l("r"), nil, nil},
		"the least to mend":           {l("v2"), l("g"), l("rr", "r"), nil, l("apiGroups[0] g, by mend r: {[v2] [g] [rr r]}")},
		"bad name":                    {l("v"), l("g"), l("r"), l("a", "x"), l("resourceNames[1] x: {[v] [g] [r] [x]}")},
		"bad pair beside good ones":   {l("v", "v2"), l("g2"), l("r", "r2"), l("a"), l("verbs[1] v2: {[v2] [g2] [r] [a]}")},
		"bad pair, and all that is":   {l("v2"), l("g2"), l("r"), l("a", "b"), l("verbs[0] v2: {[v2] [g2] [r] [a b]}")},
		"a rule that lacks resources": {l("x"), l("g"), nil, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			rule := rbacv1.PolicyRule{Verbs: tc.verbs, APIGroups: tc.groups, Resources: tc.resources, ResourceNames: tc.names, NonResourceURLs: l("/")}
			before := rule.DeepCopy()
			var got []string
			for _, r := range unmatched.Find(rule, unmatched.OnResources(), judge) {
				text := fmt.Sprintf("%s[%d] %s", r.Part.Name, r.Index, r.Value)
				if r.Company {
					text += ", in company"
				}
				if r.Fault.Remedy != "" && r.Fault.Remedy[0] == 'm' && !r.Company {
					text += ", by " + r.Fault.Remedy
				}
				lists := slices.DeleteFunc([][]string{r.Rule.Verbs, r.Rule.APIGroups, r.Rule.Resources, r.Rule.ResourceNames, r.Rule.NonResourceURLs}, func(l []string) bool { return len(l) == 0 })
				got = append(got, text+": {"+fmt.Sprint(lists)[1:len(fmt.Sprint(lists))-1]+"}")
			}
			require.Equal(t, tc.want, got)
			require.Equal(t, *before, rule)
		})
	}
}

func TestPartWith(t *testing.T) {
	rule := rbacv1.PolicyRule{Verbs: l("a", "b"), Resources: l("r")}
	require.Equal(t, rbacv1.PolicyRule{Verbs: l("b"), Resources: l("r")}, unmatched.All()[0].With(rule, "b"))
	require.Equal(t, l("a", "b"), rule.Verbs)
}
