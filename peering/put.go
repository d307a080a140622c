package peering

import (
	"context"
	"maps"
	"reflect"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
)

// put makes an object of the link's own in To be as wanted. Nil is wanted with an existing account: no step.
func (w *work) put(want, live Object) []step {
	if want == nil {
		return nil
	}
	s := step{Step: Step{Change: Change{Stage: StageGrant, On: w.To.ID, Object: name(want), Action: Unchanged}}}
	if live == nil {
		s.Action, s.Diff, s.Undo = Created, diff(nil, want), "delete it"
		s.do = func(ctx context.Context) (func(context.Context) error, error) {
			_, undo, err := w.create(ctx, w.to.Objects, want)
			return undo, err
		}
		return []step{s}
	}
	merged, reason, immutable := merge(live, want)
	s.UID, s.Undo = string(live.GetUID()), "restore the old content"
	switch {
	case reason == "":
		s.Undo = ""
		return []step{s}
	case immutable:
		s.Action, s.Reason, s.Diff = Recreated, reason, diff(live, want)
		s.do = func(ctx context.Context) (func(context.Context) error, error) { return w.recreate(ctx, want, live) }
	default:
		s.Action, s.Reason, s.Diff = Updated, reason, diff(live, want)
		s.do = func(ctx context.Context) (func(context.Context) error, error) {
			return update(ctx, w.to.Objects, merged, live)
		}
	}
	return []step{s}
}

// merge lays want over live: what we decide is replaced, labels and annotations of others stay. The reason names what
// differs; "" is nothing.
func merge(live, want Object) (merged Object, reason string, immutable bool) {
	merged = live.DeepCopyObject().(Object)
	switch m := merged.(type) {
	case *rbacv1.ClusterRole:
		if rules := want.(*rbacv1.ClusterRole).Rules; !reflect.DeepEqual(m.Rules, rules) {
			m.Rules, reason = rules, "its rules differ"
		}
	case *rbacv1.Role:
		if rules := want.(*rbacv1.Role).Rules; !reflect.DeepEqual(m.Rules, rules) {
			m.Rules, reason = rules, "its rules differ"
		}
	case *rbacv1.RoleBinding:
		wanted := want.(*rbacv1.RoleBinding)
		if m.RoleRef != wanted.RoleRef {
			return merged, "its roleRef differs, which is immutable", true
		}
		if !reflect.DeepEqual(m.Subjects, wanted.Subjects) {
			m.Subjects, reason = wanted.Subjects, "its subjects differ"
		}
	case *rbacv1.ClusterRoleBinding:
		wanted := want.(*rbacv1.ClusterRoleBinding)
		if m.RoleRef != wanted.RoleRef {
			return merged, "its roleRef differs, which is immutable", true
		}
		if !reflect.DeepEqual(m.Subjects, wanted.Subjects) {
			m.Subjects, reason = wanted.Subjects, "its subjects differ"
		}
	case *corev1.Secret:
		if data := want.(*corev1.Secret).Data; !reflect.DeepEqual(m.Data, data) {
			m.Data, reason = data, "its kubeconfig differs"
		}
	}
	labels, annotations := overlay(live.GetLabels(), want.GetLabels()), overlay(live.GetAnnotations(), want.GetAnnotations())
	if reason == "" && !(maps.Equal(labels, live.GetLabels()) && maps.Equal(annotations, live.GetAnnotations())) {
		reason = "its labels or annotations differ"
	}
	merged.SetLabels(labels)
	merged.SetAnnotations(annotations)
	return merged, reason, false
}

func overlay(live, want map[string]string) map[string]string {
	merged := maps.Clone(live)
	if merged == nil {
		merged = map[string]string{}
	}
	maps.Copy(merged, want)
	return merged
}
