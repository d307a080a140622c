package apply

import (
	"bytes"
	"maps"
	"reflect"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/meshpeer/meshpeer/internal/kube"
	"github.com/meshpeer/meshpeer/internal/printable"
	"github.com/meshpeer/meshpeer/rbac"
)

// Diff tells in lines of +, - and ~ what would become of live, nil if want is to be created. Data of Secrets and values of
// annotations are masked: the line says that they change. The run annotation is no change.
func Diff(live, want kube.Object) []string {
	var lines []string
	before := live
	if live == nil {
		before = reflect.New(reflect.TypeOf(want).Elem()).Interface().(kube.Object)
	} else {
		lines = append(lines, labels(live.GetLabels(), want.GetLabels())...)
		lines = append(lines, annotations(live.GetAnnotations(), want.GetAnnotations())...)
	}
	switch w := want.(type) {
	case *rbacv1.ClusterRole:
		lines = append(lines, rules(before.(*rbacv1.ClusterRole).Rules, w.Rules)...)
	case *rbacv1.Role:
		lines = append(lines, rules(before.(*rbacv1.Role).Rules, w.Rules)...)
	case *rbacv1.ClusterRoleBinding:
		had := before.(*rbacv1.ClusterRoleBinding)
		lines = append(append(lines, roles(had.RoleRef, w.RoleRef)...), subjects(had.Subjects, w.Subjects)...)
	case *rbacv1.RoleBinding:
		had := before.(*rbacv1.RoleBinding)
		lines = append(append(lines, roles(had.RoleRef, w.RoleRef)...), subjects(had.Subjects, w.Subjects)...)
	case *corev1.Secret:
		lines = append(lines, data(before.(*corev1.Secret).Data, w.Data)...)
	default:
		if live != nil && !sameContent(live, want) {
			lines = append(lines, "~ content")
		}
	}
	for i := range lines {
		lines[i] = printable.Prose(lines[i])
	}
	return lines
}

func rules(had, want []rbacv1.PolicyRule) (lines []string) {
	for _, r := range rbac.Missing(had, want) {
		lines = append(lines, "+ may "+rbac.Describe(r))
	}
	for _, r := range rbac.Extra(had, want) {
		lines = append(lines, "- may "+rbac.Describe(r))
	}
	return lines
}

func roles(had, want rbacv1.RoleRef) []string {
	if had.Name == want.Name && had.Kind != want.Kind {
		had.Name, want.Name = had.Kind+"/"+had.Name, want.Kind+"/"+want.Name
	}
	return replaced("role", had.Name, want.Name)
}

func subjects(had, want []rbacv1.Subject) []string {
	names := func(all []rbacv1.Subject) string {
		out := make([]string, len(all))
		for i, s := range all {
			out[i] = s.Kind + "/" + s.Namespace + "/" + s.Name
		}
		return strings.Join(out, ", ")
	}
	return replaced("subjects", names(had), names(want))
}

func replaced(what, before, after string) (lines []string) {
	if before != "" && before != after {
		lines = append(lines, "- "+what+" "+before)
	}
	if after != "" && before != after {
		lines = append(lines, "+ "+what+" "+after)
	}
	return lines
}

func labels(before, want map[string]string) (lines []string) {
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if had, ok := before[key]; !ok {
			lines = append(lines, "+ label "+key+"="+want[key])
		} else {
			lines = append(lines, replaced("label", key+"="+had, key+"="+want[key])...)
		}
	}
	return lines
}

func annotations(before, want map[string]string) (lines []string) {
	for _, key := range slices.Sorted(maps.Keys(want)) {
		switch had, ok := before[key]; {
		case key == RunAnnotation:
		case !ok:
			lines = append(lines, "+ annotation "+key+" (masked)")
		case had != want[key]:
			lines = append(lines, "~ annotation "+key+" (masked)")
		}
	}
	return lines
}

func data(before, want map[string][]byte) (lines []string) {
	keys := slices.AppendSeq(slices.Collect(maps.Keys(before)), maps.Keys(want))
	slices.Sort(keys)
	for _, key := range slices.Compact(keys) {
		had, was := before[key]
		value, is := want[key]
		switch {
		case !was:
			lines = append(lines, "+ data["+key+"] (masked)")
		case !is:
			lines = append(lines, "- data["+key+"] (masked)")
		case !bytes.Equal(had, value):
			lines = append(lines, "~ data["+key+"] (masked)")
		}
	}
	return lines
}
