package peeringtest

import (
	"context"
	"errors"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/internal/kube"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/secrets"
)

// identity is the sender of a request.
type identity struct {
	admin   bool
	account *corev1.ServiceAccount
}

// as is Cluster.As: the server at the endpoint's URL, as the token's bearer sees it.
func (m *Mesh) as(e secrets.Endpoint, token secrets.Token) (peering.Objects, error) {
	return bearer{m.at(e.Server), token.Reveal()}, nil
}

// bearer sends reviews with a token; nothing else is asked of it.
type bearer struct {
	*Server
	token string
}

func (b bearer) Create(ctx context.Context, o peering.Object) (out peering.Object, err error) {
	if b.Server == nil {
		return nil, errRefused
	}
	err = b.call(ctx, "create", o, func() error {
		account := b.identify(b.token)
		if account == nil {
			return apierrors.NewUnauthorized("invalid bearer token")
		}
		if !isReview(kube.Kind(o)) {
			return apierrors.NewForbidden(resource(o), o.GetName(), errors.New("a reader reads"))
		}
		out = b.review(identity{account: account}, o)
		return nil
	})
	return out, err
}

func isReview(kind string) bool {
	return kind == "SelfSubjectReview" || kind == "SelfSubjectAccessReview" || kind == "SubjectAccessReview"
}

func (s *Server) review(who identity, o peering.Object) peering.Object {
	o = clone(o)
	switch r := o.(type) {
	case *authenticationv1.SelfSubjectReview:
		r.Status.UserInfo.Username = "admin"
		if who.account != nil {
			r.Status.UserInfo = authenticationv1.UserInfo{Username: user(who.account), UID: string(who.account.UID)}
		}
	case *authorizationv1.SelfSubjectAccessReview:
		r.Status.Allowed = who.admin || s.allowed(user(who.account), *r.Spec.ResourceAttributes)
	case *authorizationv1.SubjectAccessReview:
		r.Status.Allowed = s.allowed(r.Spec.User, *r.Spec.ResourceAttributes)
	}
	return o
}

func user(account *corev1.ServiceAccount) string {
	return "system:serviceaccount:" + account.Namespace + ":" + account.Name
}

// allowed is the RBAC authorizer.
func (s *Server) allowed(name string, a authorizationv1.ResourceAttributes) bool {
	return rbac.Allows(s.rules(name, a.Namespace), rbac.FromResourceAttributes(&a))
}

// covers says whether the user holds all of the rules in a namespace; "" is everywhere.
func (s *Server) covers(name string, rules []rbacv1.PolicyRule, namespace string) bool {
	return len(rbac.Missing(s.rules(name, namespace), rules)) == 0
}

// rules are what bindings give to a user: ClusterRoleBindings everywhere, RoleBindings in their namespace.
func (s *Server) rules(name, namespace string) []rbacv1.PolicyRule {
	var all []rbacv1.PolicyRule
	for _, o := range s.objects {
		var ref rbacv1.RoleRef
		var subjects []rbacv1.Subject
		switch binding := o.(type) {
		case *rbacv1.ClusterRoleBinding:
			ref, subjects = binding.RoleRef, binding.Subjects
		case *rbacv1.RoleBinding:
			if binding.Namespace != namespace {
				continue
			}
			ref, subjects = binding.RoleRef, binding.Subjects
		}
		for _, subject := range subjects {
			if "system:serviceaccount:"+subject.Namespace+":"+subject.Name == name {
				all = append(all, s.roleRules(ref, namespace)...)
			}
		}
	}
	return all
}

func (s *Server) roleRules(ref rbacv1.RoleRef, namespace string) []rbacv1.PolicyRule {
	switch ref.Kind {
	case "ClusterRole":
		if role, ok := s.objects[key(&rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: ref.Name}})].(*rbacv1.ClusterRole); ok {
			return role.Rules
		}
	case "Role":
		if role, ok := s.objects[key(&rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: ref.Name}})].(*rbacv1.Role); ok {
			return role.Rules
		}
	}
	return nil
}
