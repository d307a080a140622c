package rbac

import (
	"fmt"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/meshpeer/meshpeer/internal/danger"
)

// Lint is [Lint] over each role of the policy, with what only the bindings tell. A
// role is namespaced if only RoleBindings of the policy grant it. The checks beside
// those of [Lint]:
//
//   - anonymous, everybody: who asks without credentials, or anybody who asks, has
//     more than Kubernetes itself gives them.
//   - dangling: a binding to a role that the policy does not have.
//   - nobody: a subject that matches no request, or no subjects.
//   - aggregates-nothing, overwritten: an aggregated ClusterRole without rules, or
//     with rules that the controller replaces.
//
// The findings are in the order of [Policy.Objects], and then of the rules.
func (p *Policy) Lint(o LintOptions) []Finding {
	l := newLinter(o)
	var all []*rbacv1.ClusterRole
	for _, object := range p.objects {
		if role, ok := object.(*rbacv1.ClusterRole); ok {
			all = append(all, role)
		}
	}
	local := p.grantedInNamespacesOnly(all)
	grants, dangling := map[ObjectRef][]Grant{}, map[ObjectRef][]Dangling{}
	for _, g := range p.grants {
		grants[g.Binding] = append(grants[g.Binding], g)
	}
	for _, d := range p.dangling {
		dangling[d.Binding] = append(dangling[d.Binding], d)
	}
	for _, object := range p.objects {
		ref := refOf(object)
		l.object = ref.String()
		switch object := object.(type) {
		case *rbacv1.Role:
			l.namespaced = true
			l.lint(object.Rules)
		case *rbacv1.ClusterRole:
			l.namespaced, l.perhaps = o.Namespaced || local[object.Name], !o.Namespaced
			l.clusterRole(object, all)
			l.perhaps = false
		case *rbacv1.RoleBinding:
			l.subjects(object.Subjects)
		case *rbacv1.ClusterRoleBinding:
			l.subjects(object.Subjects)
		}
		l.grants(grants[ref])
		l.dangling(dangling[ref])
	}
	return l.findings
}

// grantedInNamespacesOnly are the ClusterRoles that RoleBindings refer to, and nothing else does.
func (p *Policy) grantedInNamespacesOnly(all []*rbacv1.ClusterRole) map[string]bool {
	local := map[string]bool{}
	for _, everywhere := range []bool{false, true} {
		for _, g := range p.grants {
			if g.Role.Kind == "ClusterRole" && (g.Namespace == "") == everywhere {
				local[g.Role.Name] = !everywhere
			}
		}
	}
	for _, role := range all {
		if role.AggregationRule == nil {
			continue
		}
		for _, other := range all {
			if selects(role, other) {
				local[other.Name] = false
			}
		}
	}
	return local
}

// selects tells whether an aggregated ClusterRole takes the rules of another.
func selects(role, other *rbacv1.ClusterRole) bool {
	return slices.ContainsFunc(role.AggregationRule.ClusterRoleSelectors, func(s metav1.LabelSelector) bool {
		selector, err := metav1.LabelSelectorAsSelector(&s)
		return err == nil && role.Name != other.Name && selector.Matches(labels.Set(other.Labels))
	})
}

const aggregation = "Kubernetes pkg/controller/clusterroleaggregation/clusterroleaggregation_controller.go"

func (l *linter) clusterRole(role *rbacv1.ClusterRole, all []*rbacv1.ClusterRole) {
	if role.AggregationRule == nil {
		l.lint(role.Rules)
		return
	}
	if len(effective(role, all)) == 0 {
		l.add(Finding{
			Check: "aggregates-nothing", Severity: SeverityCaution, Field: "aggregationRule",
			Why: "no ClusterRole of the policy has labels that it selects, so it grants nothing", Remedy: "add the ClusterRoles, or mend the selector", Source: aggregation,
		})
	}
	if role.ResourceVersion == "" && len(role.Rules) > 0 {
		l.add(Finding{
			Check: "overwritten", Severity: SeverityBroken, Field: "rules", Rights: role.DeepCopy().Rules,
			Why: "a controller replaces the rules of an aggregated ClusterRole", Remedy: "put the rules into a ClusterRole that it selects", Source: aggregation,
		})
	}
}

const authentication = "Kubernetes apiserver pkg/authentication/user/user.go and pkg/authentication/serviceaccount/util.go"

// subjects tells who of a binding is nobody.
func (l *linter) subjects(subjects []rbacv1.Subject) {
	nobody := func(severity Severity, field, why, remedy string) {
		l.add(Finding{Check: "nobody", Severity: severity, Field: field, Why: why, Remedy: remedy, Source: authentication})
	}
	if len(subjects) == 0 {
		nobody(SeverityNotice, "subjects", "the binding has no subjects, so it grants nothing", "add subjects, or remove the binding")
	}
	for i, s := range subjects {
		field := fmt.Sprintf("subjects[%d].name", i)
		group := slices.Contains([]string{authenticatedGroup, unauthenticatedGroup, mastersGroup, "system:nodes"}, s.Name) || s.Name == accountsGroup || strings.HasPrefix(s.Name, accountsGroup+":")
		_, _, account := Subject{User: s.Name}.Account()
		switch {
		case s.Kind == rbacv1.UserKind && group:
			nobody(SeverityBroken, field, fmt.Sprintf("%q is a group, and no user has that name", s.Name), "write kind Group")
		case s.Kind == rbacv1.UserKind && strings.HasPrefix(s.Name, accountPrefix) && !account:
			nobody(SeverityBroken, field, fmt.Sprintf("%q is the name of no service account", s.Name), "write kind ServiceAccount, with its name and namespace")
		case s.Kind == rbacv1.GroupKind && strings.HasPrefix(s.Name, accountPrefix):
			nobody(SeverityBroken, field, fmt.Sprintf("%q is a user or nobody, and no group has that name", s.Name), "write kind ServiceAccount, or the group "+accountsGroup+":<namespace>")
		}
	}
}

// forAll are the rights that Kubernetes binds to everybody, those on the first rule's URLs also without credentials
// (plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go: system:public-info-viewer, system:discovery,
// system:basic-user, system:service-account-issuer-discovery).
var forAll = []rbacv1.PolicyRule{
	{Verbs: of("get"), NonResourceURLs: of("/healthz", "/livez", "/readyz", "/version", "/version/")},
	{Verbs: of("get"), NonResourceURLs: of("/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*")},
	policy(of("authorization.k8s.io"), of("selfsubjectaccessreviews", "selfsubjectrulesreviews"), of("create")),
	policy(of("authentication.k8s.io"), of("selfsubjectreviews"), of("create")),
	{Verbs: of("get"), NonResourceURLs: of("/.well-known/openid-configuration", "/.well-known/openid-configuration/", "/openid/v1/jwks", "/openid/v1/jwks/")},
}

// grants tells what a binding gives to everybody.
func (l *linter) grants(grants []Grant) {
	for _, g := range grants {
		group := g.Subject.Kind == rbacv1.GroupKind
		f := Finding{Field: "subjects", Remedy: "bind the groups and accounts that need it", Source: danger.GoodPractices + "hardening"}
		switch key := keyOf(g.Subject); {
		case key == "User "+anonymousUser || group && g.Subject.Name == unauthenticatedGroup:
			f.Check, f.Severity, f.Rights = "anonymous", SeverityDanger, Missing(forAll[:1], g.effective())
			f.Why = "whoever reaches the API server has these rights, without credentials"
		case group && (g.Subject.Name == authenticatedGroup || g.Subject.Name == accountsGroup):
			f.Check, f.Severity, f.Rights = "everybody", SeverityCaution, Missing(forAll, g.effective())
			f.Why = "every member of " + g.Subject.Name + " has these rights, and every pod is one by the token of its account"
		}
		if len(f.Rights) > 0 {
			l.add(f)
		}
	}
}

// effective are the rules that hold where the grant does: no URL is in a namespace.
func (g Grant) effective() []rbacv1.PolicyRule {
	rules := slices.Clone(g.Rules)
	for i := range rules {
		if g.Namespace != "" {
			rules[i].NonResourceURLs = nil
		}
	}
	return rules
}

// dangling tells that a binding lacks its role.
func (l *linter) dangling(dangling []Dangling) {
	for _, d := range dangling {
		l.add(Finding{
			Check: "dangling", Severity: SeverityCaution, Field: "roleRef",
			Why:    fmt.Sprintf("%s is not in the policy: the binding grants nothing until somebody makes it, and then what that role has", d.Role),
			Remedy: "add the role to the policy, or mend the name", Source: ruleLookup,
		})
	}
}
