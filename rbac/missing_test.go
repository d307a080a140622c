package rbac_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/meshpeer/meshpeer/rbac"
)

func TestMissing(t *testing.T) {
	type rules = []rbacv1.PolicyRule
	read := l("get", "list", "watch")
	pods := rule(read, l(""), l("pods"))
	for _, tc := range []struct {
		name                string
		granted, want, lack rules
	}{
		{"nothing of nothing", nil, nil, nil},
		{"all", nil, rules{pods}, rules{pods}},
		{"the same", rules{pods}, rules{pods}, nil},
		{"other order", rules{rule(l("watch", "get", "list"), l(""), l("nodes", "pods"))}, rules{rule(read, l(""), l("pods", "nodes"))}, nil},
		{"spread over rules", rules{rule(l("get"), l(""), l("pods")), rule(l("list", "watch"), l(""), l("pods"))}, rules{pods}, nil},
		{"a verb", rules{rule(l("get", "watch"), l(""), l("pods"))}, rules{pods}, rules{rule(l("list"), l(""), l("pods"))}},
		{"a resource", rules{pods}, rules{rule(read, l(""), l("pods", "nodes", "secrets"))}, rules{rule(read, l(""), l("nodes", "secrets"))}},
		{"a group", rules{rule(read, l("a.io"), l("*"))}, rules{rule(read, l("a.io", "b.io"), l("*"))}, rules{rule(read, l("b.io"), l("*"))}},
		{"under star", rules{rule(l("*"), l("*"), l("*"))}, rules{pods, rule(l("*"), l("*"), l("*")), rule(l("get"), l(""), l("a/b"), "c")}, nil},
		{"a star is not a list", rules{rule(l("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"), l(""), l("pods"))}, rules{rule(l("*"), l(""), l("pods"))}, rules{rule(l("*"), l(""), l("pods"))}},
		{"stars under other stars", rules{rule(read, l("*"), l("pods")), rule(read, l(""), l("*"))}, rules{rule(read, l("*"), l("*"))}, rules{rule(read, l("*"), l("*"))}},
		{"subresource under all of its kind", rules{rule(l("get"), l("apps"), l("*/scale"))}, rules{rule(l("get"), l("apps"), l("deployments/scale", "deployments"))}, rules{rule(l("get"), l("apps"), l("deployments"))}},
		{"subresource is not under its resource", rules{pods}, rules{rule(l("get"), l(""), l("pods/log"))}, rules{rule(l("get"), l(""), l("pods/log"))}},
		{"pods/* is no wildcard", rules{rule(l("get"), l(""), l("pods/*"))}, rules{rule(l("get"), l(""), l("pods/log"))}, rules{rule(l("get"), l(""), l("pods/log"))}},
		{"name under all", rules{pods}, rules{rule(l("get"), l(""), l("pods"), "a")}, nil},
		{"all are not under names", rules{rule(read, l(""), l("pods"), "a", "b")}, rules{pods}, rules{pods}},
		{"a name", rules{rule(l("get"), l(""), l("pods"), "a")}, rules{rule(l("get"), l(""), l("pods"), "a", "b", "c")}, rules{rule(l("get"), l(""), l("pods"), "b", "c")}},
		{"URLs", rules{urls("get", "/healthz", "/api/*")}, rules{urls("get", "/healthz", "/api/v1", "/api/v1/*", "/api", "/api*", "*")}, rules{urls("get", "*")}},
		{"URL under all", rules{urls("*", "*")}, rules{urls("get", "/healthz", "/api/*")}, nil},
		{"URL under doubled star", rules{urls("get", "/a**")}, rules{urls("get", "/a*", "/a", "/ab*")}, nil},
		{"resources are not under URLs", rules{urls("*", "*")}, rules{pods}, rules{pods}},
		{"asked twice", nil, rules{pods, rule(l("get", "delete"), l(""), l("pods"))}, rules{rule(l("get", "list", "watch", "delete"), l(""), l("pods"))}},
		{"narrow beside wide", nil, rules{rule(l("get"), l("a.io"), l("x"), "n"), rule(read, l("a.io", "b.io"), l("*"))}, rules{rule(read, l("a.io", "b.io"), l("*"))}},
		{"written shorter", nil, rules{pods, rule(read, l(""), l("nodes")), urls("get", "/a"), urls("get", "/b")}, rules{rule(read, l(""), l("pods", "nodes")), urls("get", "/a", "/b")}},
		{"never written wider", nil, rules{rule(l("get"), l("a"), l("x")), rule(l("get"), l("b"), l("y"))}, rules{rule(l("get"), l("a"), l("x")), rule(l("get"), l("b"), l("y"))}},
		{"named beside all", nil, rules{rule(l("list"), l(""), l("pods")), rule(l("get"), l(""), l("pods"), "a")}, rules{rule(l("list"), l(""), l("pods")), rule(l("get"), l(""), l("pods"), "a")}},
		{"rules without effect", nil, rules{{Verbs: l("get")}, {APIGroups: l(""), Resources: l("pods")}, {}}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			require.Equal(t, tc.lack, rbac.Missing(tc.granted, tc.want))
			require.Equal(t, tc.lack, rbac.Extra(tc.want, tc.granted))
		})
	}
}

func TestMissingBetweenProfiles(t *testing.T) {
	asm := render(t, rbac.Options{}).ClusterRole.Rules
	remote := render(t, rbac.Options{Profile: rbac.RemoteControlPlane}).ClusterRole.Rules
	const admission = "admissionregistration.k8s.io"
	require.Equal(t, []rbacv1.PolicyRule{
		rule(l("get", "list", "watch", "update", "patch"), l(admission), l("mutatingwebhookconfigurations")),
		rule(l("get", "list", "watch", "update"), l(admission), l("validatingwebhookconfigurations")),
	}, rbac.Missing(asm, remote))
	require.Equal(t, []rbacv1.PolicyRule{
		rule(l("get", "watch", "list"), l("networking.x-k8s.io", "gateway.networking.k8s.io"), l("gatewayclasses")),
	}, rbac.Extra(asm, remote))

	upstream := func(version string) []rbacv1.PolicyRule {
		return render(t, rbac.Options{Profile: rbac.Upstream, IstioVersion: version}).ClusterRole.Rules
	}
	require.Equal(t, []rbacv1.PolicyRule{rule(l("get", "list", "watch"), l(""), l("configmaps"))}, rbac.Missing(upstream("1.28"), upstream("1.29")))
	require.Empty(t, rbac.Missing(upstream("1.26"), upstream("1.27")))
	require.Equal(t, []rbacv1.PolicyRule{rule(l("get", "list", "watch"), l("telemetry.istio.io", "extensions.istio.io"), l("*"))}, rbac.Missing(upstream("1.21"), upstream("1.22")))
}

// What Missing returns is the caller's to change.
func TestMissingSharesNothing(t *testing.T) {
	want := []rbacv1.PolicyRule{rule(l("get", "list"), l(""), l("pods"), "a")}
	lack := rbac.Missing(nil, want)
	lack[0].Verbs[0], lack[0].ResourceNames[0] = "changed", "changed"
	require.Equal(t, []rbacv1.PolicyRule{rule(l("get", "list"), l(""), l("pods"), "a")}, want)
}
