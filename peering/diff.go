package peering

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/meshpeer/meshpeer/rbac"
)

// diff tells in lines of + and - what would become of live; a nil live is created. Data of Secrets is masked: the line
// says that it changes.
func diff(live, want Object) []string {
	var lines []string
	var before Object = reflect.New(reflect.TypeOf(want).Elem()).Interface().(Object)
	if live != nil {
		before = live
		lines = append(lines, diffMaps("label", live.GetLabels(), overlay(live.GetLabels(), want.GetLabels()))...)
	}
	switch w := want.(type) {
	case *rbacv1.ClusterRole:
		lines = append(lines, diffRules(before.(*rbacv1.ClusterRole).Rules, w.Rules)...)
	case *rbacv1.Role:
		lines = append(lines, diffRules(before.(*rbacv1.Role).Rules, w.Rules)...)
	case *rbacv1.ClusterRoleBinding:
		had := before.(*rbacv1.ClusterRoleBinding)
		lines = append(lines, replaced("role", had.RoleRef.Name, w.RoleRef.Name)...)
		lines = append(lines, replaced("subjects", subjects(had.Subjects), subjects(w.Subjects))...)
	case *rbacv1.RoleBinding:
		had := before.(*rbacv1.RoleBinding)
		lines = append(lines, replaced("role", had.RoleRef.Name, w.RoleRef.Name)...)
		lines = append(lines, replaced("subjects", subjects(had.Subjects), subjects(w.Subjects))...)
	case *corev1.Secret:
		for _, key := range slices.Sorted(maps.Keys(w.Data)) {
			if old, ok := before.(*corev1.Secret).Data[key]; !ok {
				lines = append(lines, "+ data["+key+"] (masked)")
			} else if string(old) != string(w.Data[key]) {
				lines = append(lines, "~ data["+key+"] (masked)")
			}
		}
	}
	return lines
}

func diffRules(had, want []rbacv1.PolicyRule) (lines []string) {
	for _, r := range rbac.Missing(had, want) {
		lines = append(lines, "+ may "+rbac.Describe(r))
	}
	for _, r := range rbac.Extra(had, want) {
		lines = append(lines, "- may "+rbac.Describe(r))
	}
	return lines
}

func subjects(all []rbacv1.Subject) string {
	names := make([]string, len(all))
	for i, s := range all {
		names[i] = s.Kind + "/" + s.Namespace + "/" + s.Name
	}
	return strings.Join(names, ", ")
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

func diffMaps(what string, before, after map[string]string) (lines []string) {
	for _, key := range slices.Sorted(maps.Keys(after)) {
		had, ok := before[key]
		switch {
		case !ok:
			lines = append(lines, replaced(what, "", key+"="+after[key])...)
		case had != after[key]:
			lines = append(lines, replaced(what, key+"="+had, key+"="+after[key])...)
		}
	}
	return lines
}
