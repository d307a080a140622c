package peeringtest

import (
	"cmp"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"

	"github.com/meshpeer/meshpeer/internal/kube"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/rbac"
)

// permits is the authorizer of ordinary requests.
func (s *Server) permits(who identity, verb string, o peering.Object) bool {
	if slices.Contains(who.groups, masters) {
		return true
	}
	a := rbac.Access{Verb: verb, Group: kube.Group(o), Resource: kube.Resource(o), Namespace: o.GetNamespace(), Name: o.GetName()}
	if verb == "create" || verb == "list" {
		a.Name = ""
	}
	return s.grants(who, a)
}

func (s *Server) grants(who identity, a rbac.Access) (yes bool) {
	_ = s.eachGrant(who, a.Namespace, func(rules []rbacv1.PolicyRule) { yes = yes || rbac.Allows(rules, a) })
	return yes
}

// eachGrant goes through what bindings give to somebody: ClusterRoleBindings everywhere, RoleBindings in their namespace, and
// what every server binds to the groups of its own. The error names roles that are bound but not there.
func (s *Server) eachGrant(who identity, namespace string, do func([]rbacv1.PolicyRule)) error {
	var missing []error
	for _, b := range s.bindings(who, namespace) {
		switch role := s.role(b).(type) {
		case *rbacv1.ClusterRole:
			do(role.Rules)
		case *rbacv1.Role:
			do(role.Rules)
		default:
			missing = append(missing, apierrors.NewNotFound(schema.GroupResource{
				Group: rbacv1.GroupName, Resource: strings.ToLower(b.ref.Kind) + "s",
			}, b.ref.Name))
		}
	}
	for _, group := range who.groups {
		do(s.bootstrap[group])
	}
	return utilerrors.NewAggregate(missing)
}

// binding is one of either kind.
type binding struct {
	object    peering.Object
	namespace string // "" is everywhere
	ref       rbacv1.RoleRef
}

// bindings of somebody, by name, those of the cluster first.
func (s *Server) bindings(who identity, namespace string) (all []binding) {
	for _, subject := range who.subjects() {
		for _, o := range s.store.groups[group{"ClusterRoleBinding", bySubject, subject, ""}] {
			all = append(all, binding{o, "", o.(*rbacv1.ClusterRoleBinding).RoleRef})
		}
		if namespace == "" {
			continue
		}
		for _, o := range s.store.groups[group{"RoleBinding", bySubject, subject, namespace}] {
			all = append(all, binding{o, namespace, o.(*rbacv1.RoleBinding).RoleRef})
		}
	}
	slices.SortFunc(all, func(a, b binding) int {
		return cmp.Or(cmp.Compare(a.namespace, b.namespace), cmp.Compare(a.object.GetName(), b.object.GetName()))
	})
	return slices.CompactFunc(all, func(a, b binding) bool { return a.object == b.object })
}

// subjects are the names by which bindings mean somebody.
func (who identity) subjects() []string {
	all := []string{"User/" + who.user}
	for _, g := range who.groups {
		all = append(all, "Group/"+g)
	}
	return all
}

// role of a binding; nil if it is not there.
func (s *Server) role(b binding) peering.Object {
	if b.ref.Kind == "ClusterRole" {
		return s.store.objects[id{"ClusterRole", "", b.ref.Name}]
	}
	return s.store.objects[id{"Role", b.namespace, b.ref.Name}]
}

// subjectKey is the name by which an authorizer knows a subject.
func subjectKey(s rbacv1.Subject) string {
	if s.Kind == rbacv1.ServiceAccountKind {
		return "User/system:serviceaccount:" + s.Namespace + ":" + s.Name
	}
	return s.Kind + "/" + s.Name
}

// bootstrapRules are those of the roles that every API server makes for itself and binds to its groups: cluster-admin,
// system:basic-user, system:discovery, system:public-info-viewer and system:service-account-issuer-discovery (Kubernetes
// plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go). Their objects are not in the store: a test that lists
// roles sees those of its own.
func bootstrapRules() map[string][]rbacv1.PolicyRule {
	get := []string{"get"}
	return map[string][]rbacv1.PolicyRule{
		masters: {
			{Verbs: []string{"*"}, APIGroups: []string{"*"}, Resources: []string{"*"}},
			{Verbs: []string{"*"}, NonResourceURLs: []string{"*"}},
		},
		authenticated: {
			{Verbs: []string{"create"}, APIGroups: []string{"authorization.k8s.io"}, Resources: []string{"selfsubjectaccessreviews", "selfsubjectrulesreviews"}},
			{Verbs: []string{"create"}, APIGroups: []string{"authentication.k8s.io"}, Resources: []string{"selfsubjectreviews"}},
			{Verbs: get, NonResourceURLs: []string{"/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/openapi", "/openapi/*", "/readyz", "/version", "/version/"}},
			{Verbs: get, NonResourceURLs: []string{"/healthz", "/livez", "/readyz", "/version", "/version/"}},
		},
		accounts: {
			{Verbs: get, NonResourceURLs: []string{"/.well-known/openid-configuration", "/.well-known/openid-configuration/", "/openid/v1/jwks", "/openid/v1/jwks/"}},
		},
	}
}
