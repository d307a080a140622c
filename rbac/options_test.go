package rbac_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/internal/printable"
	"github.com/meshpeer/meshpeer/rbac"
)

func TestInvalidOptions(t *testing.T) {
	labels := func(key, value string) rbac.Options {
		return rbac.Options{Profile: rbac.Upstream, Labels: map[string]string{key: value}}
	}
	for name, tc := range map[string]struct {
		o     rbac.Options
		field string
		value string
		text  string
	}{
		"profile":              {rbac.Options{Profile: "full"}, "Options.Profile", "full", "asm, upstream, remote-control-plane, minimal"},
		"namespace":            {rbac.Options{Namespace: "Istio.System"}, "Options.Namespace", "Istio.System", "RFC 1123 label"},
		"service account":      {rbac.Options{ServiceAccount: "a_b"}, "Options.ServiceAccount", "a_b", "RFC 1123 subdomain"},
		"revision":             {rbac.Options{Revision: "1.31"}, "Options.Revision", "1.31", "must not contain dots"},
		"long revision":        {rbac.Options{Revision: strings.Repeat("a", 64)}, "Options.Revision", strings.Repeat("a", 64), "63"},
		"name":                 {rbac.Options{Name: "a/b"}, "Options.Name", "a/b", "may not contain '/'"},
		"system name":          {rbac.Options{Name: "system:reader"}, "Options.Name", "system:reader", "choose another name"},
		"built-in admin":       {rbac.Options{Name: "admin"}, "Options.Name", "admin", "Kubernetes installs"},
		"built-in root":        {rbac.Options{Name: "cluster-admin"}, "Options.Name", "cluster-admin", "overwrite"},
		"built-in edit":        {rbac.Options{Name: "edit", Profile: rbac.Minimal}, "Options.Name", "edit", "overwrite"},
		"built-in view":        {rbac.Options{Name: "view", Profile: rbac.Upstream}, "Options.Name", "view", "choose another name"},
		"built-in Role":        {rbac.Options{Name: "extension-apiserver-authentication-reader", Profile: rbac.Minimal, SystemNamespace: "kube-system"}, "Options.Name", "extension-apiserver-authentication-reader", "choose another name"},
		"istiod's role":        {rbac.Options{Name: "istiod-clusterrole-istio-system"}, "Options.Name", "istiod-clusterrole-istio-system", "Istio installs for istiod"},
		"istiod's Role":        {rbac.Options{Name: "istiod", Profile: rbac.Minimal}, "Options.Name", "istiod", "Istio installs for istiod"},
		"the plugin's role":    {rbac.Options{Name: "istio-cni-repair-role"}, "Options.Name", "istio-cni-repair-role", "istio-cni"},
		"ztunnel's role":       {rbac.Options{Name: "ztunnel"}, "Options.Name", "ztunnel", "choose another name"},
		"everybody's account":  {rbac.Options{ServiceAccount: "default"}, "Options.ServiceAccount", "default", "an account of its own"},
		"system namespace":     {rbac.Options{SystemNamespace: "a.b"}, "Options.SystemNamespace", "a.b", "must not contain dots"},
		"one of the revisions": {rbac.Options{Revisions: []string{"", "1.31"}}, "Options.Revisions[1]", "1.31", "must not contain dots"},
		"control in name":      {rbac.Options{Name: "a\x7f"}, "Options.Name", "a\x7f", "control character"},
		"annotation value":     {rbac.Options{Annotations: map[string]string{"a": "b\xff"}}, "Options.Annotations key", "a", "not UTF-8"},
		"version":              {rbac.Options{IstioVersion: "latest"}, "Options.IstioVersion", "latest", `write it like "1.27"`},
		"label key":            {labels("a b", "c"), "Options.Labels key", "a b", "name part"},
		"label value":          {labels("a", "b c"), "Options.Labels[a]", "b c", "valid label"},
		"aggregation":          {labels("rbac.authorization.k8s.io/aggregate-to-view", "true"), "Options.Labels key", "rbac.authorization.k8s.io/aggregate-to-view", "remove it"},
		"aggregation to own":   {labels("rbac.authorization.k8s.io/aggregate-to-mine", "false"), "Options.Labels key", "rbac.authorization.k8s.io/aggregate-to-mine", "Secrets"},
		"identity":             {labels("app", "mine"), "Options.Labels[app]", "mine", "stays istio-reader"},
		"identity name":        {labels("app.kubernetes.io/name", "mine"), "Options.Labels[app.kubernetes.io/name]", "mine", "stays istio-reader"},
		"annotation key":       {rbac.Options{Annotations: map[string]string{"a b": ""}}, "Options.Annotations key", "a b", "name part"},
		"too much of the same": {rbac.Options{Annotations: map[string]string{"a": strings.Repeat("x", 256<<10)}}, "Options.Annotations key", "a", "256 KiB"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := rbac.Render(tc.o)
			var oe *rbac.FieldError
			require.ErrorAs(t, err, &oe)
			require.Equal(t, tc.field, oe.Field)
			require.Equal(t, printable.Value(tc.value), oe.Value)
			require.True(t, strings.HasPrefix(err.Error(), tc.field))
			require.ErrorContains(t, err, `"`+printable.Value(tc.value)+`"`)
			require.ErrorContains(t, err, tc.text)
			rules, explainErr := rbac.Explain(tc.o)
			require.Nil(t, rules)
			require.Equal(t, err, explainErr)
		})
	}
}

func TestCallerLabels(t *testing.T) {
	reader := render(t, rbac.Options{Profile: rbac.Upstream, Labels: map[string]string{
		"app": "istio-reader", "release": "mine", "app.kubernetes.io/managed-by": "platform", "team": "mesh",
	}})
	require.Equal(t, map[string]string{
		"app": "istio-reader", "release": "mine", "team": "mesh",
		"app.kubernetes.io/name": "istio-reader", "app.kubernetes.io/instance": "istiod",
		"app.kubernetes.io/managed-by": "platform", "app.kubernetes.io/part-of": "istio",
	}, reader.ClusterRole.Labels)

	reader = render(t, rbac.Options{Labels: map[string]string{"app.kubernetes.io/name": "mine"}})
	require.Equal(t, map[string]string{"app": "istio-reader", "app.kubernetes.io/name": "mine"}, reader.ClusterRole.Labels,
		"the profile renders no such label, so there is none to keep")
}

func TestAnnotationsMayHoldAnyText(t *testing.T) {
	annotations := map[string]string{"Example.com/Why": "two\n\tlines: \u00e9\u200d \U0001F44D"}
	require.Equal(t, annotations, render(t, rbac.Options{Annotations: annotations}).ServiceAccount.Annotations)
}

func TestVersionForms(t *testing.T) {
	same := func(version, as string) {
		t.Run(version, func(t *testing.T) {
			got := render(t, rbac.Options{Profile: rbac.RemoteControlPlane, IstioVersion: version})
			require.Equal(t, render(t, rbac.Options{Profile: rbac.RemoteControlPlane, IstioVersion: as}), got)
		})
	}
	same("", "1.31")
	same("v1.27", "1.27")
	same("1.26.8", "1.26")
	same("1.21-dev", "1.21")
	same("v1.22.6.78-gd3ac4cbd-aliyun", "1.22")
	same("1.28.0+build.5", "1.28")
	for _, version := range []string{"1", "1.", ".27", "v", "1.27.", "1.027", "1.27 ", " 1.27", "1.27.x", "1.27-", "1.27.3_a", "-1.27", "1.99999", "vv1.27", "1.27\n"} {
		t.Run("refused "+version, func(t *testing.T) {
			_, err := rbac.Render(rbac.Options{Profile: rbac.Upstream, IstioVersion: version})
			var oe *rbac.FieldError
			require.ErrorAs(t, err, &oe)
			require.NotErrorIs(t, err, rbac.ErrVersionTooOld)
			_, err = rbac.Render(rbac.Options{IstioVersion: version})
			require.ErrorAs(t, err, &oe, "the form is checked for every profile")
		})
	}
}

func TestVersionTooOld(t *testing.T) {
	for _, profile := range []rbac.Profile{rbac.Upstream, rbac.RemoteControlPlane, rbac.Minimal} {
		for _, version := range []string{"1.18.7", "1.0", "0.8"} {
			_, err := rbac.Render(rbac.Options{Profile: profile, IstioVersion: version})
			require.ErrorIs(t, err, rbac.ErrVersionTooOld)
			require.EqualError(t, err, `Options.IstioVersion "`+version+`": is older than 1.19, the oldest whose charts are known; upgrade istiod, or use profile asm, which does not vary by version`)
		}
	}
}

func TestVersionWarnings(t *testing.T) {
	newest := render(t, rbac.Options{Profile: rbac.Upstream, IstioVersion: "1.31.2"})
	require.Empty(t, newest.Warnings)
	for _, version := range []string{"1.32.0", "1.100", "2.0"} {
		newer := render(t, rbac.Options{Profile: rbac.Upstream, IstioVersion: version})
		require.Equal(t, newest.ClusterRole, newer.ClusterRole)
		require.Equal(t, []string{`IstioVersion "` + version + `" is newer than 1.31, the newest whose charts are known: rendered as 1.31; compare with its own chart`}, newer.Warnings)
	}
	require.Len(t, render(t, rbac.Options{Profile: rbac.Minimal, IstioVersion: "1.32"}).Warnings, 1)
}

func TestParseProfile(t *testing.T) {
	for name, want := range map[string]rbac.Profile{
		"": rbac.ASM, "asm": rbac.ASM, "upstream": rbac.Upstream, "remote-control-plane": rbac.RemoteControlPlane, "minimal": rbac.Minimal,
	} {
		got, err := rbac.ParseProfile(name)
		require.NoError(t, err)
		require.Equal(t, want, got)
		again, err := rbac.ParseProfile(got.String())
		require.NoError(t, err)
		require.Equal(t, got, again)
	}
	require.Equal(t, "asm", rbac.Profile("").String())
	_, err := rbac.ParseProfile("ASM")
	require.EqualError(t, err, `profile "ASM": is unknown; use one of asm, upstream, remote-control-plane, minimal`)
	var oe *rbac.FieldError
	require.ErrorAs(t, err, &oe)
}
