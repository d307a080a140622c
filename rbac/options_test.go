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
