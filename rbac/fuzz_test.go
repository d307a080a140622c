package rbac_test

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/meshpeer/meshpeer/rbac"
)

// checkComparison holds Missing to its promise: it is empty exactly if granted
// allows every access that want allows, and it closes the gap with nothing else.
func checkComparison(t *testing.T, granted, want []rbacv1.PolicyRule, all []rbac.Access) {
	t.Helper()
	missing := rbac.Missing(granted, want)
	both := slices.Concat(granted, missing)
	gap := false
	for _, a := range all {
		if !rbac.Allows(want, a) {
			continue
		}
		if !rbac.Allows(granted, a) {
			gap = true
			require.True(t, rbac.Allows(missing, a), "%s: granted %v want %v missing %v", a, granted, want, missing)
		}
	}
	require.Equal(t, gap, len(missing) > 0, "granted %v want %v missing %v", granted, want, missing)
	checkAlgebra(t, granted, want, missing, both)
}

func checkAlgebra(t *testing.T, granted, want, missing, both []rbacv1.PolicyRule) {
	t.Helper()
	require.Empty(t, rbac.Missing(both, want))
	require.Empty(t, rbac.Missing(want, missing), "no more than was wanted")
	require.Empty(t, rbac.Missing(want, want))
	require.Equal(t, missing, rbac.Extra(want, granted))
	require.Equal(t, missing, rbac.Missing(granted, missing), "nothing of it is granted, and it is as short as can be")
	require.Equal(t, missing, rbac.Missing(granted, want))
}

func FuzzMissing(f *testing.F) {
	f.Add([]byte{}, []byte{})
	f.Add([]byte{1, 0, 2, 1, 0, 0, 1, 0, 5, 0}, []byte{2, 1, 0, 1, 1, 1, 0, 1, 2, 3, 1, 0})
	f.Add([]byte("\x03\x01\x00\x01\x00\x02\x01\x00\x01"), []byte("\x03\x02\x02\x02\x02\x02\x02\x02\x02"))
	all := accesses()
	f.Fuzz(func(t *testing.T, granted, want []byte) {
		g, w := &generator{granted}, &generator{want}
		checkComparison(t, g.rules(), w.rules(), all)
	})
}

func TestMissingAgreesWithAllows(t *testing.T) {
	all := accesses()
	random := rand.New(rand.NewPCG(1, 2))
	nonEmpty := 0
	for range 600 {
		g := &generator{}
		for range 120 {
			g.bytes = append(g.bytes, byte(random.Uint32()))
		}
		granted, want := g.rules(), g.rules()
		checkComparison(t, granted, want, all)
		checkComparison(t, slices.Concat(granted, want), want, all)
		if len(granted) > 0 && len(rbac.Missing(granted, want)) > 0 {
			nonEmpty++
		}
	}
	require.Greater(t, nonEmpty, 150, "the generator must make rules that differ")
}

// Words of any form, in rules that no API server would store.
func FuzzMissingWords(f *testing.F) {
	f.Add("get", "apps", "pods/log", "n", "/a*")
	f.Add("*", "*", "*/", "", "***")
	f.Add("", "", "/", "*", "")
	f.Fuzz(func(t *testing.T, verb, group, resource, name, url string) {
		odd := rbacv1.PolicyRule{Verbs: l(verb, "*"), APIGroups: l(group), Resources: l(resource, "a/"+resource, "*/"+resource), ResourceNames: l(name, "*"), NonResourceURLs: l(url, url+"*", url+"**")}
		plain := rbacv1.PolicyRule{Verbs: l(verb, "get"), APIGroups: l(group, "*"), Resources: l(resource, "pods"), NonResourceURLs: l(url, "/a")}
		for _, pair := range [][2][]rbacv1.PolicyRule{{{odd}, {plain}}, {{plain}, {odd}}, {nil, {odd, plain}}} {
			granted, want := pair[0], pair[1]
			missing := rbac.Missing(granted, want)
			checkAlgebra(t, granted, want, missing, slices.Concat(granted, missing))
		}
		for _, a := range []rbac.Access{{Verb: verb, Group: group, Resource: resource, Name: name}, {Verb: verb, Path: url}} {
			rbac.Allows([]rbacv1.PolicyRule{odd, plain}, a)
			_ = a.String()
		}
		_ = rbac.Describe(odd)
	})
}

// Render refuses or renders what the YAML stream can hold; it never panics.
func FuzzRender(f *testing.F) {
	f.Add("asm", "1.27", "istio-system", "", "reader", "", "team", "mesh")
	f.Add("minimal", "v1.31.0-rc.1", "a", "canary", "b.c", "d", "example.com/x", "")
	f.Add("", "", "", "", "", "del\x7f", "a", "a")
	f.Add("", "", "", "", "", "\xff", "a", "a")
	f.Fuzz(func(t *testing.T, profile, version, namespace, revision, account, name, key, value string) {
		o := rbac.Options{
			Profile: rbac.Profile(profile), IstioVersion: version, Namespace: namespace, Revision: revision, ServiceAccount: account, Name: name,
			Labels: map[string]string{key: value}, Annotations: map[string]string{key: value},
		}
		reader, err := rbac.Render(o)
		rules, explainErr := rbac.Explain(o)
		require.Equal(t, err, explainErr)
		if err != nil {
			require.Nil(t, reader)
			return
		}
		granted := reader.ClusterRole.Rules
		if reader.Role != nil {
			granted = slices.Concat(granted, reader.Role.Rules)
		}
		require.Len(t, rules, len(granted))
		var first, second bytes.Buffer
		require.NoError(t, reader.WriteYAML(&first))
		again, err := rbac.Render(o)
		require.NoError(t, err)
		require.NoError(t, again.WriteYAML(&second))
		require.Equal(t, first.String(), second.String())
		require.Equal(t, value, reader.ClusterRole.Labels[key])
	})
}
