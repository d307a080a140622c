package rbactest

import (
	"fmt"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/meshpeer/meshpeer/rbac"
)

// Can is [Allows] for a subject of a policy: it fails tb once for each access that the policy does not allow the subject
// (see [rbac.Policy.Allows]), and shows the nearest rule. Without a namespace, an access is to all namespaces.
func Can(tb TB, p *rbac.Policy, s rbac.Subject, accesses ...rbac.Access) {
	tb.Helper()
	if !askable(tb, "Can", accesses) || !known(tb, p, s) {
		return
	}
	for _, a := range accesses {
		if fault := denied(p, s, a); fault != "" {
			tb.Errorf("rbactest: %s", fault)
		}
	}
}

// Cannot is [Denies] for a subject of a policy: it fails tb once for each access that the policy allows the subject, and
// shows the binding and the rule. An access without a namespace is denied only if it is in every namespace, and one
// to an object without its name only if it is under every name.
//
// It fails tb as well where the denial would prove nothing (its positive control): if no binding names the subject or one
// of its groups; if the namespace occurs nowhere in the policy and is not one that every cluster has; if the resource is
// none that [rbac.Access.Known] knows and no rule names it; if a path is none that API servers have and no rule allows it;
// and if the subject is bound to a role that the policy does not have. A stranger who is meant
// has a group that Kubernetes gives, such as system:authenticated: see [rbac.Subject.AllGroups].
func Cannot(tb TB, p *rbac.Policy, s rbac.Subject, accesses ...rbac.Access) {
	tb.Helper()
	if !askable(tb, "Cannot", accesses) || !known(tb, p, s) {
		return
	}
	for _, a := range accesses {
		if fault := allowed(p, s, a); fault != "" {
			tb.Errorf("rbactest: %s", fault)
		} else if fault := vacuous(p, a); fault != "" {
			tb.Errorf("rbactest: that %s cannot %s proves nothing: %s", s, a, fault)
		}
	}
}

// denied says why the policy does not allow an access, and what to do; "" if it does.
func denied(p *rbac.Policy, s rbac.Subject, a rbac.Access) string {
	d := p.Allows(s, a)
	if d.Allowed {
		return ""
	}
	fault := fmt.Sprintf("%s cannot %s: %s", s, a, d.Reason)
	if near := nearest(p, s, a); near != "" {
		fault += "\nnearest: " + near
	}
	return fault + "\nadd a rule: " + rbac.Describe(a.Rule())
}

// allowed says what allows an access, or may do so, anywhere and under any name; "" if nothing.
func allowed(p *rbac.Policy, s rbac.Subject, a rbac.Access) string {
	for _, concrete := range everywhere(p, a) {
		d := p.Allows(s, concrete)
		switch {
		case d.Allowed:
			fault := fmt.Sprintf("%s can %s: %s\nremove or narrow that rule, or the binding", s, concrete, d.Reason)
			if concrete != a {
				fault += "; or name the namespace or the object in the access"
			}
			return fault
		case len(d.Dangling) > 0:
			return fmt.Sprintf("whether %s can %s is unknown: %s\nload the role too: kubectl get -o yaml prints one that Kubernetes installs", s, concrete, d.Reason)
		}
	}
	return ""
}

// everywhere returns the accesses that one without namespace, or to one object without its name, stands for: in each
// namespace with a RoleBinding, and under each name of a rule. The first is the access itself.
func everywhere(p *rbac.Policy, a rbac.Access) []rbac.Access {
	all := []rbac.Access{a}
	if a.Namespace == "" && a.Path == "" {
		for _, namespace := range p.Namespaces() {
			in := a
			in.Namespace = namespace
			if a.Group == "" && a.Resource == "namespaces" && needsName(a) {
				in.Name = namespace // a request for a Namespace is in it
			}
			if in.Validate() == nil {
				all = append(all, in)
			}
		}
	}
	if !needsName(a) {
		return all
	}
	names := namesOf(p, a)
	for _, in := range slices.Clone(all) {
		for _, name := range names {
			if in.Name == "" {
				named := in
				named.Name = name
				all = append(all, named)
			}
		}
	}
	return all
}

// namesOf are the names under which some rule allows the access, sorted.
func namesOf(p *rbac.Policy, a rbac.Access) []string {
	var names []string
	for _, g := range p.Grants() {
		for _, rule := range g.Rules {
			anyName := rule
			anyName.ResourceNames = nil
			if len(rule.ResourceNames) > 0 && rbac.Allows([]rbacv1.PolicyRule{anyName}, a) {
				names = append(names, rule.ResourceNames...)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// nearest describes the rule that fails to allow an access by the least; "" if none is near.
func nearest(p *rbac.Policy, s rbac.Subject, a rbac.Access) string {
	best, least := "", 6
	for _, g := range p.Grants() {
		for i, rule := range g.Rules {
			lacks, weight := lacking(g, rule, s, a)
			if weight >= least {
				continue
			}
			least = weight
			best = fmt.Sprintf("%s, whose rules[%d] is: %s, bound by %s, but %s", g.Role, i, rbac.Describe(rule), g.Binding, strings.Join(lacks, ", and "))
		}
	}
	return best
}

// lacking says what keeps a rule from allowing an access, and how much that is.
func lacking(g rbac.Grant, rule rbacv1.PolicyRule, s rbac.Subject, a rbac.Access) (lacks []string, weight int) {
	star := []string{"*"}
	with := func(r rbacv1.PolicyRule) bool { return rbac.Allows([]rbacv1.PolicyRule{r}, a) }
	missing := func(heavy int, ok bool, text string) {
		if !ok {
			lacks, weight = append(lacks, text), weight+heavy
		}
	}
	r := a.ResourceAttributes()
	missing(2, a.Path != "" || g.Namespace == "" || g.Namespace == a.Namespace, "it holds in namespace "+g.Namespace)
	missing(3, s.Is(g.Subject), fmt.Sprintf("it is bound to %s %s", g.Subject.Kind, g.Subject.Name))
	missing(2, with(rbacv1.PolicyRule{Verbs: rule.Verbs, APIGroups: star, Resources: star, NonResourceURLs: star}), "it lacks the verb "+a.Verb)
	if r == nil {
		missing(4, with(rbacv1.PolicyRule{Verbs: star, NonResourceURLs: rule.NonResourceURLs}), "it lacks the path "+a.Path)
		missing(6, g.Namespace == "", "a RoleBinding allows no path")
		return lacks, weight
	}
	missing(2, with(rbacv1.PolicyRule{Verbs: star, APIGroups: rule.APIGroups, Resources: star}), fmt.Sprintf("it lacks the group %q", r.Group))
	missing(4, with(rbacv1.PolicyRule{Verbs: star, APIGroups: star, Resources: rule.Resources}), "it lacks the resource "+strings.TrimSuffix(r.Resource+"/"+r.Subresource, "/"))
	missing(1, with(rbacv1.PolicyRule{Verbs: star, APIGroups: star, Resources: star, ResourceNames: rule.ResourceNames}), "it is for "+strings.Join(rule.ResourceNames, ", ")+" only")
	return lacks, weight
}
