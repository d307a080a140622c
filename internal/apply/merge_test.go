package apply_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/meshpeer/meshpeer/internal/apply"
	"github.com/meshpeer/meshpeer/internal/kube"
)

func role(labels map[string]string, resources ...string) *rbacv1.ClusterRole {
	return &rbacv1.ClusterRole{
		ObjectMeta: metav1.ObjectMeta{Name: "reader", Labels: labels},
		Rules:      []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: resources, Verbs: []string{"get"}}},
	}
}

func with[T kube.Object](o T, change func(T)) T {
	o = o.DeepCopyObject().(T)
	change(o)
	return o
}

func configMap(value string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "istio-system", Name: "c"}, Data: map[string]string{"k": value}}
}

func virtual(host string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": map[string]any{"name": "v", "namespace": "a"},
		"spec": map[string]any{"hosts": []any{host}},
	}}
}

func TestMergeAndDiff(t *testing.T) {
	yes := true
	localRole := &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: "r"}, Rules: role(nil, "pods").Rules}
	localBinding := &rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: "r"}, RoleRef: bindingTo("old").RoleRef, Subjects: bindingTo("old").Subjects}
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: "r"}}
	for name, tt := range map[string]struct {
		live, want kube.Object
		reason     string
		immutable  bool
		diff       []string
	}{
		"same role":     {role(nil, "pods"), role(nil, "pods"), "", false, nil},
		"other rules":   {role(nil, "pods", "nodes"), role(nil, "pods", "secrets"), "its rules differ", false, []string{"+ may get secrets", "- may get nodes"}},
		"no rules left": {role(nil, "pods"), with(role(nil), func(r *rbacv1.ClusterRole) { r.Rules = nil }), "its rules differ", false, []string{"- may get pods"}},
		"empty list is none": {
			with(role(nil, "pods"), func(r *rbacv1.ClusterRole) { r.Rules[0].ResourceNames = []string{} }), role(nil, "pods"), "", false, nil,
		},
		"other names": {
			with(role(nil, "pods"), func(r *rbacv1.ClusterRole) { r.Rules[0].ResourceNames = []string{"a"} }), role(nil, "pods"), "its rules differ", false,
			[]string{"+ may get pods"},
		},
		"other paths": {
			role(nil, "pods"), with(role(nil, "pods"), func(r *rbacv1.ClusterRole) { r.Rules[0].NonResourceURLs = []string{"/x"} }), "its rules differ", false,
			[]string{"+ may get /x"},
		},
		"local role": {localRole, with(localRole, func(r *rbacv1.Role) { r.Rules = role(nil, "nodes").Rules }), "its rules differ", false, []string{"+ may get nodes", "- may get pods"}},

		"same binding": {bindingTo("old"), bindingTo("old"), "", false, nil},
		"other role":   {bindingTo("old"), bindingTo("new"), "its roleRef differs, which is immutable", true, []string{"- role old", "+ role new"}},
		"other kind of role": {
			bindingTo("old"), with(bindingTo("old"), func(b *rbacv1.ClusterRoleBinding) { b.RoleRef.Kind = "Role" }), "its roleRef differs, which is immutable", true,
			[]string{"- role ClusterRole/old", "+ role Role/old"},
		},
		"other subject": {
			bindingTo("old"), with(bindingTo("old"), func(b *rbacv1.ClusterRoleBinding) { b.Subjects[0].Name = "x" }), "its subjects differ", false,
			[]string{"- subjects ServiceAccount/istio-system/reader", "+ subjects ServiceAccount/istio-system/x"},
		},
		"local binding, other role": {
			localBinding, with(localBinding, func(b *rbacv1.RoleBinding) { b.RoleRef.Name = "new" }), "its roleRef differs, which is immutable", true,
			[]string{"- role old", "+ role new"},
		},
		"local binding, no subject": {
			localBinding, with(localBinding, func(b *rbacv1.RoleBinding) { b.Subjects = nil }), "its subjects differ", false,
			[]string{"- subjects ServiceAccount/istio-system/reader"},
		},

		"same secret":    {secret("s", "x"), secret("s", "x"), "", false, nil},
		"no data either": {with(secret("s", ""), func(s *corev1.Secret) { s.Data = nil }), with(secret("s", ""), func(s *corev1.Secret) { s.Data = map[string][]byte{} }), "", false, nil},
		"other data": {
			with(secret("s", "x"), func(s *corev1.Secret) { s.Data["gone"] = nil }), with(secret("s", "y"), func(s *corev1.Secret) { s.Data["new"] = nil }),
			"its data differs", false,
			[]string{"- data[gone] (masked)", "~ data[k] (masked)", "+ data[new] (masked)"},
		},
		"immutable secret": {
			with(secret("s", "x"), func(s *corev1.Secret) { s.Immutable = &yes }), secret("s", "y"), "its data differs, and it is marked immutable", true,
			[]string{"~ data[k] (masked)"},
		},
		"immutable secret, same data": {with(secret("s", "x"), func(s *corev1.Secret) { s.Immutable = &yes }), secret("s", "x"), "", false, nil},

		"account that others fill": {with(account, func(a *corev1.ServiceAccount) { a.ImagePullSecrets = []corev1.LocalObjectReference{{Name: "x"}} }), account, "", false, nil},
		"labels and annotations": {
			with(role(map[string]string{"a": "1", "theirs": "x"}, "pods"), func(r *rbacv1.ClusterRole) { r.Annotations = map[string]string{"k": "1"} }),
			with(role(map[string]string{"a": "2", "b": ""}, "pods"), func(r *rbacv1.ClusterRole) { r.Annotations = map[string]string{"k": "2", "l": ""} }),
			"its labels or annotations differ", false,
			[]string{"- label a=1", "+ label a=2", "+ label b=", "~ annotation k (masked)", "+ annotation l (masked)"},
		},
		"only the run": {
			earlier(role(nil, "pods")), with(role(nil, "pods"), func(r *rbacv1.ClusterRole) { r.Annotations = map[string]string{apply.RunAnnotation: "later"} }), "", false, nil,
		},
		"no run yet":        {role(nil, "pods"), earlier(role(nil, "pods")), "", false, nil},
		"another kind":      {configMap("x"), configMap("y"), "its content differs", false, []string{"~ content"}},
		"another, the same": {configMap("x"), configMap("x"), "", false, nil},
		"unstructured":      {virtual("a"), virtual("b"), "its content differs", false, []string{"~ content"}},
		"unstructured, same but status": {
			with(virtual("a"), func(u *unstructured.Unstructured) { u.Object["status"] = map[string]any{"x": "y"} }), virtual("a"), "", false, nil,
		},
		"foreign text": {
			role(map[string]string{"a": "x\n+ may get secrets\x1b[2J"}, "pods"), role(map[string]string{"a": "y"}, "pods"), "its labels or annotations differ", false,
			[]string{`- label a=x\n+ may get secrets\x1b[2J`, "+ label a=y"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			tt.live.SetUID("uid")
			tt.live.SetResourceVersion("7")
			live, want := copied(tt.live), copied(tt.want)
			merged, reason, immutable := apply.Merge(tt.live, tt.want)
			require.Equal(t, tt.reason, reason)
			require.Equal(t, tt.immutable, immutable)
			require.Equal(t, tt.diff, apply.Diff(tt.live, tt.want))
			require.Equal(t, live, tt.live, "live is not changed")
			require.Equal(t, want, tt.want, "want is not changed")
			if reason == "" {
				require.Same(t, tt.live, merged)
				return
			}
			require.Equal(t, "7", merged.GetResourceVersion())
			require.EqualValues(t, "uid", merged.GetUID())
			require.Equal(t, live.GetAnnotations()[apply.RunAnnotation], merged.GetAnnotations()[apply.RunAnnotation])
			for key, value := range live.GetLabels() {
				if _, ours := tt.want.GetLabels()[key]; !ours {
					require.Equal(t, value, merged.GetLabels()[key], "others' labels stay")
				}
			}
			if !immutable {
				_, reason, _ = apply.Merge(merged, tt.want)
				require.Empty(t, reason, "merged is as wanted")
			}
		})
	}
}

func TestDiffOfACreation(t *testing.T) {
	require.Equal(t, []string{"+ may get pods"}, apply.Diff(nil, role(map[string]string{"a": "b"}, "pods")))
	require.Equal(t, []string{"+ role new", "+ subjects ServiceAccount/istio-system/reader"}, apply.Diff(nil, bindingTo("new")))
	require.Equal(t, []string{"+ data[k] (masked)"}, apply.Diff(nil, secret("s", "hidden")))
	require.Empty(t, apply.Diff(nil, &corev1.ServiceAccount{}))
}

func TestDiffHidesSecrets(t *testing.T) {
	const hidden = "s3cr3t-value"
	live, want := secret("s", hidden+"1"), secret("s", hidden+"2")
	live.Annotations = map[string]string{"kubectl.kubernetes.io/last-applied-configuration": hidden}
	want.Annotations = map[string]string{"kubectl.kubernetes.io/last-applied-configuration": hidden + hidden}
	require.NotContains(t, strings.Join(apply.Diff(live, want), "\n"), hidden)
}

// A second run over a big mesh compares only; it must not copy each object.
func TestMergeOfTheSameDoesNotAllocate(t *testing.T) {
	for _, o := range []kube.Object{earlier(secret("s", "x")), earlier(role(map[string]string{"a": "b"}, "pods")), bindingTo("r"), &corev1.ServiceAccount{}} {
		want := copied(o)
		require.Zero(t, testing.AllocsPerRun(10, func() { apply.Merge(o, want) }), "%T", o)
	}
}

// sameRule compares field by field: a new field must not be overlooked.
func TestFieldsOfARule(t *testing.T) {
	require.Equal(t, 5, reflect.TypeFor[rbacv1.PolicyRule]().NumField())
}

func TestOwner(t *testing.T) {
	for name, tt := range map[string]struct {
		labels, annotations map[string]string
		managers            []string
		want                string
	}{
		"nobody":          {nil, nil, nil, "unknown"},
		"Helm":            {map[string]string{"app.kubernetes.io/managed-by": "Helm"}, map[string]string{"meta.helm.sh/release-name": "istio-base"}, nil, "meta.helm.sh/release-name=istio-base"},
		"Argo CD":         {nil, map[string]string{"argocd.argoproj.io/tracking-id": "a:b/c:d/e"}, nil, "argocd.argoproj.io/tracking-id=a:b/c:d/e"},
		"Argo CD, labels": {map[string]string{"argocd.argoproj.io/instance": "a"}, nil, nil, "argocd.argoproj.io/instance=a"},
		"Flux":            {map[string]string{"kustomize.toolkit.fluxcd.io/name": "a"}, nil, nil, "kustomize.toolkit.fluxcd.io/name=a"},
		"Flux, Helm":      {map[string]string{"helm.toolkit.fluxcd.io/name": "a"}, nil, nil, "helm.toolkit.fluxcd.io/name=a"},
		"another link":    {map[string]string{"meshpeer.io/from": "a", "app.kubernetes.io/managed-by": "meshpeer"}, nil, nil, "meshpeer.io/from=a"},
		"managed by":      {map[string]string{"app.kubernetes.io/managed-by": "terraform"}, nil, []string{"x"}, "app.kubernetes.io/managed-by=terraform"},
		"a field manager": {nil, nil, []string{"", "kubectl-create"}, "field manager kubectl-create"},
		"foreign text":    {map[string]string{"meshpeer.io/from": "a\nb"}, nil, nil, `meshpeer.io/from=a\nb`},
	} {
		t.Run(name, func(t *testing.T) {
			o := secret("s", "x")
			o.Labels, o.Annotations = tt.labels, tt.annotations
			for _, m := range tt.managers {
				o.ManagedFields = append(o.ManagedFields, metav1.ManagedFieldsEntry{Manager: m})
			}
			require.Equal(t, tt.want, apply.Owner(o))
		})
	}
}

func TestOwns(t *testing.T) {
	o := secret("s", "x")
	o.Labels = map[string]string{"a": "1", "b": "2", "c": ""}
	for _, tt := range []struct {
		labels map[string]string
		want   bool
	}{
		{map[string]string{"a": "1"}, true},
		{map[string]string{"a": "1", "b": "2"}, true},
		{map[string]string{"a": "1", "b": "3"}, false},
		{map[string]string{"d": ""}, false},
		{map[string]string{"c": ""}, true},
		{map[string]string{}, false},
		{nil, false},
	} {
		require.Equal(t, tt.want, apply.Owns(o, tt.labels), "%v", tt.labels)
	}
}

func TestName(t *testing.T) {
	require.Equal(t, "Secret/istio-system/s", apply.Name(secret("s", "x")))
	require.Equal(t, "ClusterRole/reader", apply.Name(role(nil)))
	require.Equal(t, `Secret/istio-system/a\nb`, apply.Name(secret("a\nb", "x")))
	require.Equal(t, "VirtualService/a/v", apply.Name(virtual("x")))
}
