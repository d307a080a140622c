package apply

import (
	"maps"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/meshpeer/meshpeer/internal/kube"
)

// Merge lays want over live, an object of the same kind: what the caller decides is replaced, labels and annotations of
// others stay, so does live's run annotation. The reason names what differs; "" is nothing, and merged is then live itself,
// not a copy. With immutable set the API server refuses an update: see [Writer.Recreate].
func Merge(live, want kube.Object) (merged kube.Object, reason string, immutable bool) {
	reason, immutable = difference(live, want)
	if reason == "" {
		return live, "", false
	}
	merged = withContent(live, want)
	merged.SetLabels(overlay(live.GetLabels(), want.GetLabels()))
	merged.SetAnnotations(overlay(live.GetAnnotations(), want.GetAnnotations()))
	return merged, reason, immutable
}

func difference(live, want kube.Object) (reason string, immutable bool) {
	what := "content differs"
	switch l := live.(type) {
	case *rbacv1.ClusterRole, *rbacv1.Role:
		what = "rules differ"
	case *rbacv1.ClusterRoleBinding:
		if l.RoleRef != want.(*rbacv1.ClusterRoleBinding).RoleRef {
			return "its roleRef differs, which is immutable", true
		}
		what = "subjects differ"
	case *rbacv1.RoleBinding:
		if l.RoleRef != want.(*rbacv1.RoleBinding).RoleRef {
			return "its roleRef differs, which is immutable", true
		}
		what = "subjects differ"
	case *corev1.Secret:
		what = "data differs"
		if l.Immutable != nil && *l.Immutable && !sameContent(live, want) {
			return "its data differs, and it is marked immutable", true
		}
	}
	switch {
	case !sameContent(live, want):
		return "its " + what, false
	case !within(want.GetLabels(), live.GetLabels()), !within(want.GetAnnotations(), live.GetAnnotations()):
		return "its labels or annotations differ", false
	}
	return "", false
}

// within says whether every entry of part is in whole too. The run annotation says who wrote, not what: it does not count.
func within(part, whole map[string]string) bool {
	for key, value := range part {
		if got, ok := whole[key]; key != RunAnnotation && (!ok || got != value) {
			return false
		}
	}
	return true
}

// overlay is live with the entries of want, but for the run annotation.
func overlay(live, want map[string]string) map[string]string {
	merged := maps.Clone(live)
	if merged == nil {
		merged = map[string]string{}
	}
	nonce, had := live[RunAnnotation]
	maps.Copy(merged, want)
	if delete(merged, RunAnnotation); had {
		merged[RunAnnotation] = nonce
	}
	return merged
}
