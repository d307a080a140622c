package rbac

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/validate/content"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/meshpeer/meshpeer/internal/invalid"
)

// add takes a copy of a role or a binding, or of a list of them.
func (b *builder) add(object runtime.Object) error {
	switch o := object.(type) {
	case *rbacv1.Role, *rbacv1.ClusterRole, *rbacv1.RoleBinding, *rbacv1.ClusterRoleBinding:
		return b.take(o.DeepCopyObject())
	case *rbacv1.RoleList:
		return addAll(b, o.Items, func(r *rbacv1.Role) runtime.Object { return r })
	case *rbacv1.ClusterRoleList:
		return addAll(b, o.Items, func(r *rbacv1.ClusterRole) runtime.Object { return r })
	case *rbacv1.RoleBindingList:
		return addAll(b, o.Items, func(r *rbacv1.RoleBinding) runtime.Object { return r })
	case *rbacv1.ClusterRoleBindingList:
		return addAll(b, o.Items, func(r *rbacv1.ClusterRoleBinding) runtime.Object { return r })
	case nil:
		return b.take(nil)
	}
	kind := strings.TrimPrefix(fmt.Sprintf("%T", object), "*")
	if gvk := object.GetObjectKind().GroupVersionKind(); gvk.Kind != "" {
		kind = gvk.GroupVersion().String() + " " + gvk.Kind
	}
	b.skipped[kind]++
	return nil
}

// take stores a role or a binding, as an API server would (Kubernetes
// pkg/apis/rbac/validation/validation.go and pkg/apis/rbac/v1/defaults.go).
func (b *builder) take(object runtime.Object) error {
	switch o := object.(type) {
	case *rbacv1.Role:
		return b.takeRole(o)
	case *rbacv1.ClusterRole:
		return b.takeClusterRole(o)
	case *rbacv1.RoleBinding:
		o.TypeMeta = typeOf("RoleBinding")
		return b.takeBinding(binding{object: o, ref: refOf(o), subjects: o.Subjects}, &o.RoleRef)
	case *rbacv1.ClusterRoleBinding:
		o.TypeMeta, o.Namespace = typeOf("ClusterRoleBinding"), ""
		return b.takeBinding(binding{object: o, ref: refOf(o), subjects: o.Subjects}, &o.RoleRef)
	}
	return errors.New("is nil")
}

func addAll[T any](b *builder, items []T, object func(*T) runtime.Object) error {
	for i := range items {
		if err := b.add(object(&items[i])); err != nil {
			return fmt.Errorf("items[%d]: %w", i, err)
		}
	}
	return nil
}

func (b *builder) takeRole(o *rbacv1.Role) error {
	ref := ObjectRef{"Role", o.Namespace, o.Name}
	if err := checkNames(ref); err != nil {
		return err
	}
	if err := checkRules(ref, o.Rules); err != nil {
		return err
	}
	if b.roles[ref] != nil {
		return twice(ref)
	}
	o.TypeMeta = typeOf("Role")
	b.roles[ref] = o
	return nil
}

func (b *builder) takeClusterRole(o *rbacv1.ClusterRole) error {
	o.Namespace = "" // an API server drops it
	ref := ObjectRef{Kind: "ClusterRole", Name: o.Name}
	if err := checkNames(ref); err != nil {
		return err
	}
	if err := checkRules(ref, o.Rules); err != nil {
		return err
	}
	if o.AggregationRule != nil && len(o.AggregationRule.ClusterRoleSelectors) == 0 {
		return fault(ref, "aggregationRule.clusterRoleSelectors", "", "is empty", "give a selector, or drop aggregationRule")
	}
	if err := checkSelectors(o); err != nil {
		return err
	}
	if b.clusterRoles[o.Name] != nil {
		return twice(ref)
	}
	o.TypeMeta = typeOf("ClusterRole")
	b.clusterRoles[o.Name] = o
	return nil
}

func (b *builder) takeBinding(bound binding, role *rbacv1.RoleRef) error {
	ref := bound.ref
	if err := checkNames(ref); err != nil {
		return err
	}
	if role.APIGroup == "" {
		role.APIGroup = rbacv1.GroupName
	}
	kinds := []string{"ClusterRole"}
	if ref.Kind == "RoleBinding" {
		kinds = append(kinds, "Role")
	}
	switch {
	case role.APIGroup != rbacv1.GroupName:
		return fault(ref, "roleRef.apiGroup", role.APIGroup, "is not a group of roles", "write "+rbacv1.GroupName)
	case !slices.Contains(kinds, role.Kind):
		return fault(ref, "roleRef.kind", role.Kind, "is not what a "+ref.Kind+" may refer to", "use one of "+strings.Join(kinds, ", "))
	case role.Name == "":
		return fault(ref, "roleRef.name", "", "is empty", "name the role")
	case len(content.IsPathSegmentName(role.Name)) > 0:
		return fault(ref, "roleRef.name", role.Name, "is not a name", strings.Join(content.IsPathSegmentName(role.Name), "; "))
	}
	if err := checkPrints(ref, "roleRef.name", role.Name); err != nil {
		return err
	}
	for i := range bound.subjects {
		if err := checkSubject(ref, i, &bound.subjects[i]); err != nil {
			return err
		}
	}
	if _, there := b.bindings[ref]; there {
		return twice(ref)
	}
	bound.roleRef = *role
	b.bindings[ref] = bound
	return nil
}

// checkSubject also fills in what an API server defaults, and the namespace that the authorizer assumes in a RoleBinding.
func checkSubject(ref ObjectRef, i int, s *rbacv1.Subject) error {
	at := func(field string) string { return fmt.Sprintf("subjects[%d].%s", i, field) }
	group := rbacv1.GroupName
	if s.Kind == rbacv1.ServiceAccountKind {
		group = ""
	}
	if s.APIGroup == "" {
		s.APIGroup = group
	}
	account := s.Kind == rbacv1.ServiceAccountKind
	if account && s.Namespace == "" {
		s.Namespace = ref.Namespace
	}
	switch {
	case !account && s.Kind != rbacv1.UserKind && s.Kind != rbacv1.GroupKind:
		return fault(ref, at("kind"), s.Kind, "is not a kind of subject", "use one of ServiceAccount, User, Group")
	case s.Name == "":
		return fault(ref, at("name"), "", "is empty", "name the subject, or drop it")
	case s.APIGroup != group:
		return fault(ref, at("apiGroup"), s.APIGroup, "is not the group of a "+s.Kind, "drop apiGroup")
	case account && s.Namespace == "":
		return fault(ref, at("namespace"), "", "is empty", "say where the ServiceAccount is")
	case account && len(validation.IsDNS1123Subdomain(s.Name)) > 0:
		return fault(ref, at("name"), s.Name, "is not the name of a ServiceAccount", strings.Join(validation.IsDNS1123Subdomain(s.Name), "; "))
	}
	return checkPrints(ref, at("name"), s.Name, s.Namespace)
}

func checkNames(ref ObjectRef) error {
	if msgs := content.IsPathSegmentName(ref.Name); ref.Name == "" || len(msgs) > 0 {
		return fault(ref, "metadata.name", ref.Name, "is not a name", strings.Join(append(msgs, "give it one"), "; "))
	}
	if err := checkPrints(ref, "metadata.name", ref.Name); err != nil {
		return err
	}
	if namespaced := ref.Kind == "Role" || ref.Kind == "RoleBinding"; !namespaced {
		return nil
	}
	if ref.Namespace == "" {
		return fault(ref, "metadata.namespace", "", "is empty: kubectl and helm put the object where they are told to", "say so with Loader.Namespace, or write it into the manifest")
	}
	if msgs := validation.IsDNS1123Label(ref.Namespace); len(msgs) > 0 {
		return fault(ref, "metadata.namespace", ref.Namespace, "is not the name of a namespace", strings.Join(msgs, "; "))
	}
	return nil
}

func checkRules(ref ObjectRef, rules []rbacv1.PolicyRule) error {
	for i, r := range rules {
		at := func(field string) string { return fmt.Sprintf("rules[%d].%s", i, field) }
		onURLs := len(r.NonResourceURLs) > 0
		switch {
		case len(r.Verbs) == 0:
			return fault(ref, at("verbs"), "", "is empty", "give a verb, or drop the rule")
		case onURLs && ref.Kind == "Role":
			return fault(ref, at("nonResourceURLs"), strings.Join(r.NonResourceURLs, ", "), "is in a Role, which holds in a namespace, and paths have none", "use a ClusterRole and a ClusterRoleBinding")
		case onURLs && len(r.APIGroups)+len(r.Resources)+len(r.ResourceNames) > 0:
			return fault(ref, at("nonResourceURLs"), strings.Join(r.NonResourceURLs, ", "), "is beside resources", "write two rules")
		case !onURLs && len(r.APIGroups) == 0:
			return fault(ref, at("apiGroups"), "", "is empty", `write [""] for the core group`)
		case !onURLs && len(r.Resources) == 0:
			return fault(ref, at("resources"), "", "is empty", "name a resource, or drop the rule")
		}
		if err := checkPrints(ref, fmt.Sprintf("rules[%d]", i), slices.Concat(r.Verbs, r.APIGroups, r.Resources, r.ResourceNames, r.NonResourceURLs)...); err != nil {
			return err
		}
	}
	return nil
}

// checkPrints refuses names that an API server takes, but that would forge what messages say.
func checkPrints(ref ObjectRef, field string, texts ...string) error {
	for _, text := range texts {
		if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) || r == utf8.RuneError }) {
			return fault(ref, field, text, "holds a character that does not print", "remove it")
		}
	}
	return nil
}

func fault(ref ObjectRef, field, value, reason, remedy string) error {
	return invalid.Field(ref.String()+": "+field, value, reason, remedy)
}

func twice(ref ObjectRef) error {
	return fault(ref, "metadata.name", ref.Name, "is there twice", "drop one of them: an API server would keep the later one only")
}

func refOf(object runtime.Object) ObjectRef {
	switch o := object.(type) {
	case *rbacv1.Role:
		return ObjectRef{"Role", o.Namespace, o.Name}
	case *rbacv1.ClusterRole:
		return ObjectRef{Kind: "ClusterRole", Name: o.Name}
	case *rbacv1.RoleBinding:
		return ObjectRef{"RoleBinding", o.Namespace, o.Name}
	case *rbacv1.ClusterRoleBinding:
		return ObjectRef{Kind: "ClusterRoleBinding", Name: o.Name}
	}
	return ObjectRef{}
}
