package rbac

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// ObjectRef names a role or a binding.
type ObjectRef struct{ Kind, Namespace, Name string }

// String returns the kind and the name: "ClusterRole view", "RoleBinding shop/cart".
func (r ObjectRef) String() string {
	if r.Namespace == "" {
		return r.Kind + " " + r.Name
	}
	return r.Kind + " " + r.Namespace + "/" + r.Name
}

// Grant is what one binding gives to one of its subjects.
type Grant struct {
	// Subject is the binding's, with the namespace filled in for a ServiceAccount.
	Subject rbacv1.Subject
	// Namespace is where the rules hold; "" is everywhere.
	Namespace     string
	Binding, Role ObjectRef
	// Rules are those of the role, collected if it is an aggregated one.
	Rules []rbacv1.PolicyRule
}

// Dangling is a binding to a role that the policy does not have. An API server
// takes it and grants nothing by it, until somebody creates the role.
type Dangling struct{ Binding, Role ObjectRef }

// String says which binding lacks which role.
func (d Dangling) String() string {
	return fmt.Sprintf("%s refers to %s, which the policy does not have", d.Binding, d.Role)
}

// Policy is all that a set of roles and bindings grants. It decides as the RBAC
// authorizer of an API server that holds these objects and no others, once the
// controller has filled in the aggregated ClusterRoles. [Load] reads one from
// manifests, [NewPolicy] takes objects. A Policy does not change, and goroutines
// may share it.
type Policy struct {
	objects  []runtime.Object
	skipped  map[string]int
	grants   []Grant
	dangling []Dangling
	// by namespace of the binding and key of the subject, what it is granted there and what it may lack: positions in the lists above
	granted, unknown map[string]map[string][]int
}

// NewPolicy returns the policy of these roles and bindings. Lists of them count as
// their items. Other objects are skipped and counted. The objects are copied.
//
// The error joins one for each object that an API server would refuse, a
// [*FieldError] in most cases, and each that is there twice.
func NewPolicy(objects ...runtime.Object) (*Policy, error) {
	b := newBuilder()
	var faults []error
	for i, object := range objects {
		if err := b.add(object); err != nil {
			faults = append(faults, fmt.Errorf("rbac: object %d: %w", i+1, err))
		}
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return b.policy(), nil
}

// With returns a policy that has these objects too.
func (p *Policy) With(objects ...runtime.Object) (*Policy, error) {
	more, err := NewPolicy(slices.Concat(p.objects, objects)...)
	if err != nil {
		return nil, err
	}
	for kind, n := range p.skipped {
		more.skipped[kind] += n
	}
	return more, nil
}

// Objects returns copies of the roles and bindings, sorted by kind, namespace and name.
func (p *Policy) Objects() []runtime.Object {
	objects := make([]runtime.Object, len(p.objects))
	for i, o := range p.objects {
		objects[i] = o.DeepCopyObject()
	}
	return objects
}

// Skipped returns how many objects of other kinds there were, by API version and
// kind, such as "apps/v1 Deployment".
func (p *Policy) Skipped() map[string]int { return maps.Clone(p.skipped) }

// Grants returns what each binding gives to each of its subjects: first those that
// hold everywhere, then by namespace, each by the name of the binding. The caller
// may not change the rules.
func (p *Policy) Grants() []Grant { return slices.Clone(p.grants) }

// Dangling returns the bindings to roles that the policy does not have, in the
// order of Grants.
func (p *Policy) Dangling() []Dangling { return slices.Clone(p.dangling) }

// Namespaces returns the namespaces that have a RoleBinding, sorted.
func (p *Policy) Namespaces() []string {
	namespaces := map[string]bool{}
	for _, by := range []map[string]map[string][]int{p.granted, p.unknown} {
		for namespace := range by {
			namespaces[namespace] = true
		}
	}
	delete(namespaces, "")
	return slices.Sorted(maps.Keys(namespaces))
}

// builder collects the objects of a policy.
type builder struct {
	clusterRoles map[string]*rbacv1.ClusterRole
	roles        map[ObjectRef]*rbacv1.Role
	bindings     map[ObjectRef]binding
	skipped      map[string]int
}

// binding is either kind of binding; one of everywhere has no namespace.
type binding struct {
	object   runtime.Object
	ref      ObjectRef
	roleRef  rbacv1.RoleRef
	subjects []rbacv1.Subject
}

func newBuilder() *builder {
	return &builder{map[string]*rbacv1.ClusterRole{}, map[ObjectRef]*rbacv1.Role{}, map[ObjectRef]binding{}, map[string]int{}}
}

// policy resolves what was added.
func (b *builder) policy() *Policy {
	p := &Policy{skipped: b.skipped, granted: map[string]map[string][]int{}, unknown: map[string]map[string][]int{}}
	all := make([]*rbacv1.ClusterRole, 0, len(b.clusterRoles))
	for _, name := range slices.Sorted(maps.Keys(b.clusterRoles)) {
		all = append(all, b.clusterRoles[name])
		p.objects = append(p.objects, b.clusterRoles[name])
	}
	rules := map[ObjectRef][]rbacv1.PolicyRule{}
	for _, role := range all {
		rules[ObjectRef{Kind: "ClusterRole", Name: role.Name}] = effective(role, all)
	}
	for _, ref := range sortedRefs(b.roles) {
		rules[ref] = b.roles[ref].Rules
		p.objects = append(p.objects, b.roles[ref])
	}
	for _, ref := range sortedRefs(b.bindings) {
		bound := b.bindings[ref]
		p.objects = append(p.objects, bound.object)
		p.bind(bound, rules)
	}
	slices.SortStableFunc(p.objects, func(x, y runtime.Object) int { return compareRefs(refOf(x), refOf(y)) })
	return p
}

// bind adds what a binding grants.
func (p *Policy) bind(bound binding, rules map[ObjectRef][]rbacv1.PolicyRule) {
	role := ObjectRef{Kind: bound.roleRef.Kind, Name: bound.roleRef.Name}
	if role.Kind == "Role" {
		role.Namespace = bound.ref.Namespace
	}
	granted, found := rules[role]
	at, position := p.granted, len(p.grants)
	if !found {
		at, position = p.unknown, len(p.dangling)
		p.dangling = append(p.dangling, Dangling{Binding: bound.ref, Role: role})
	}
	if at[bound.ref.Namespace] == nil {
		at[bound.ref.Namespace] = map[string][]int{}
	}
	for _, subject := range bound.subjects {
		key := keyOf(subject)
		at[bound.ref.Namespace][key] = append(at[bound.ref.Namespace][key], position)
		if found {
			p.grants = append(p.grants, Grant{Subject: subject, Namespace: bound.ref.Namespace, Binding: bound.ref, Role: role, Rules: granted})
			position++
		}
	}
}

func sortedRefs[V any](m map[ObjectRef]V) []ObjectRef {
	return slices.SortedFunc(maps.Keys(m), func(a, b ObjectRef) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Kind, b.Kind))
	})
}

func compareRefs(a, b ObjectRef) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
}
