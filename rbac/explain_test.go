package rbac_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/meshpeer/meshpeer/internal/golden"
	"github.com/meshpeer/meshpeer/rbac"
)

func explain(t *testing.T, o rbac.Options) []rbac.Rule {
	t.Helper()
	rules, err := rbac.Explain(o)
	require.NoError(t, err)
	return rules
}

func TestExplainGolden(t *testing.T) {
	for _, profile := range []rbac.Profile{rbac.ASM, rbac.Upstream, rbac.RemoteControlPlane, rbac.Minimal} {
		t.Run(profile.String(), func(t *testing.T) {
			var text strings.Builder
			for _, rule := range explain(t, rbac.Options{Profile: profile}) {
				text.WriteString(rule.String() + "\n  [" + rule.Source + "; " + rule.Evidence + "]\n")
			}
			golden.Equal(t, "explain/"+profile.String()+".txt", []byte(text.String()))
		})
	}
}

func TestExplainIsWhatRenderGrants(t *testing.T) {
	for _, o := range []rbac.Options{
		{},
		{Profile: rbac.Upstream, IstioVersion: "1.19"},
		{Profile: rbac.Upstream, IstioVersion: "1.26"},
		{Profile: rbac.RemoteControlPlane},
		{Profile: rbac.Minimal},
		{Profile: rbac.Minimal, IstioVersion: "1.26", SystemNamespace: "mesh"},
		{Profile: rbac.Minimal, SystemNamespace: "mesh", Revisions: []string{"b", "a"}},
	} {
		rules := explain(t, o)
		reader := render(t, o)
		granted := reader.ClusterRole.Rules
		if reader.Role != nil {
			granted = slices.Concat(granted, reader.Role.Rules)
		}
		require.Len(t, rules, len(granted))
		for i, rule := range rules {
			require.Equal(t, granted[i], rule.PolicyRule)
			require.NotEmpty(t, rule.Why)
			require.Contains(t, rule.Source, "Istio ")
			require.NotEmpty(t, rule.Evidence)
			want := ""
			if i >= len(reader.ClusterRole.Rules) {
				want = reader.Role.Namespace
			}
			require.Equal(t, want, rule.Namespace)
		}
	}
}

// Whatever can read Secrets, or write what it need not, must say so.
func TestExplainNamesOverGrants(t *testing.T) {
	secrets := rbac.Access{Verb: "list", Resource: "secrets"}
	for _, o := range []rbac.Options{{}, {Profile: rbac.Upstream}, {Profile: rbac.RemoteControlPlane}, {Profile: rbac.Minimal}} {
		var secretsNamed, writesNamed int
		for _, rule := range explain(t, o) {
			rules := []rbacv1.PolicyRule{rule.PolicyRule}
			if rbac.Allows(rules, secrets) {
				require.Contains(t, rule.OverGrant, "every Secret of the cluster")
				secretsNamed++
			}
			for _, verb := range []string{"create", "update", "patch", "delete"} {
				if strings.Contains(rbac.Describe(rule.PolicyRule), verb) {
					require.NotEmpty(t, rule.OverGrant)
				}
			}
			if rbac.Allows(rules, rbac.Access{Verb: "update", Resource: "configmaps", Namespace: "kube-system", Name: "any"}) {
				require.Contains(t, rule.OverGrant, "every ConfigMap of the cluster, kube-system included")
				writesNamed++
			}
		}
		require.Equal(t, 1, secretsNamed, o.Profile)
		if o.Profile == rbac.Upstream || o.Profile == rbac.Minimal {
			require.Zero(t, writesNamed)
		} else {
			require.Equal(t, 1, writesNamed)
		}
	}
}

func TestRuleJSON(t *testing.T) {
	rule := explain(t, rbac.Options{Profile: rbac.Minimal})[0]
	data, err := json.Marshal(rule)
	require.NoError(t, err)
	require.JSONEq(t, `{"verbs":["list","watch"],"apiGroups":[""],"resources":["namespaces","nodes","pods","services"],
		"why":"`+rule.Why+`","source":"`+rule.Source+`","evidence":"`+rule.Evidence+`"}`, string(data))
	var back rbac.Rule
	require.NoError(t, json.Unmarshal(data, &back))
	require.Equal(t, rule, back)
}

func TestDescribe(t *testing.T) {
	for want, rule := range map[string]rbacv1.PolicyRule{
		"list,watch nodes, pods":                      {Verbs: []string{"list", "watch"}, APIGroups: []string{""}, Resources: []string{"nodes", "pods"}},
		"get deployments.apps/scale named a, b":       {Verbs: []string{"get"}, APIGroups: []string{"apps"}, Resources: []string{"deployments/scale"}, ResourceNames: []string{"a", "b"}},
		"* *.*":                                       {Verbs: []string{"*"}, APIGroups: []string{"*"}, Resources: []string{"*"}},
		"get /healthz, /metrics":                      {Verbs: []string{"get"}, NonResourceURLs: []string{"/healthz", "/metrics"}},
		"list gateways.networking.x-k8s.io, gateways": {Verbs: []string{"list"}, APIGroups: []string{"networking.x-k8s.io", ""}, Resources: []string{"gateways"}},
	} {
		require.Equal(t, want, rbac.Describe(rule))
	}
}
