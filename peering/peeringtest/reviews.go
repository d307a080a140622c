package peeringtest

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"slices"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/secrets"
)

// identity is the sender of a request.
type identity struct {
	user, uid string
	groups    []string
}

const (
	masters       = "system:masters"
	authenticated = "system:authenticated"
	accounts      = "system:serviceaccounts"
)

func administrator(s *Server) caller {
	return caller{s, func() (identity, error) {
		return identity{user: "admin", groups: []string{masters, authenticated}}, nil
	}}
}

func accountIdentity(account *corev1.ServiceAccount) identity {
	return identity{
		user: "system:serviceaccount:" + account.Namespace + ":" + account.Name, uid: string(account.UID),
		groups: []string{accounts, accounts + ":" + account.Namespace, authenticated},
	}
}

// as is Cluster.As: the server at the endpoint's URL, as the token's bearer sees it who trusts the endpoint's CA.
func (m *Mesh) as(e secrets.Endpoint, token secrets.Token) (peering.Objects, error) {
	server := m.at(e.Server)
	claims, valid := readClaims(token.Reveal())
	return caller{server, func() (identity, error) {
		if !server.trustedBy(e) {
			return identity{}, &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}
		}
		if !valid {
			return identity{}, apierrors.NewUnauthorized("Unauthorized")
		}
		_, account := server.bearer(token.Reveal(), claims)
		if account == nil {
			return identity{}, apierrors.NewUnauthorized("Unauthorized")
		}
		return accountIdentity(account), nil
	}}, nil
}

// trustedBy says whether the server's CA is in the bundle of the endpoint; without a bundle those of the system count, which may
// know it.
func (s *Server) trustedBy(e secrets.Endpoint) bool {
	return e.InsecureSkipTLSVerify || len(e.CA) == 0 || bytes.Contains(e.CA, bytes.TrimSpace(s.endpoint.CA))
}

func isReview(kind string) bool {
	switch kind {
	case "SelfSubjectReview", "SelfSubjectAccessReview", "SelfSubjectRulesReview", "SubjectAccessReview":
		return true
	}
	return false
}

// review answers; it stores nothing.
func (s *Server) review(who identity, o peering.Object) (peering.Object, error) {
	o = clone(o)
	switch r := o.(type) {
	case *authenticationv1.SelfSubjectReview:
		r.Status.UserInfo = authenticationv1.UserInfo{Username: who.user, UID: who.uid, Groups: slices.Clone(who.groups)}
	case *authorizationv1.SelfSubjectAccessReview:
		r.Status.Allowed = s.allowed(who, r.Spec.ResourceAttributes, r.Spec.NonResourceAttributes)
	case *authorizationv1.SubjectAccessReview:
		if r.Spec.User != "admin" && !slices.Contains(r.Spec.Groups, masters) { // the server trusts the groups that it is told
			r.Status.Allowed = s.allowed(identity{user: r.Spec.User, groups: r.Spec.Groups}, r.Spec.ResourceAttributes, r.Spec.NonResourceAttributes)
		} else {
			r.Status.Allowed = true
		}
	case *authorizationv1.SelfSubjectRulesReview:
		if r.Spec.Namespace == "" {
			return nil, apierrors.NewBadRequest("no namespace on request")
		}
		r.Status = s.rulesReview(who, r.Spec.Namespace)
	}
	return o, nil
}

// rulesReview is what the RBAC authorizer lists for a namespace, which need not exist: then it is what ClusterRoleBindings
// grant (Kubernetes plugin/pkg/auth/authorizer/rbac/rbac.go, RulesFor). A binding whose role is gone is an EvaluationError
// and leaves the list complete, for it grants nothing.
func (s *Server) rulesReview(who identity, namespace string) (status authorizationv1.SubjectRulesReviewStatus) {
	status.NonResourceRules = []authorizationv1.NonResourceRule{}
	var lists [][]rbacv1.PolicyRule
	n := 0
	err := s.eachGrant(who, namespace, func(rules []rbacv1.PolicyRule) { lists, n = append(lists, rules), n+len(rules) })
	if err != nil {
		status.EvaluationError = err.Error()
	}
	status.ResourceRules = make([]authorizationv1.ResourceRule, 0, n)
	for _, rules := range lists {
		for i := range rules {
			var rule rbacv1.PolicyRule
			rules[i].DeepCopyInto(&rule)
			if len(rule.Resources) > 0 {
				status.ResourceRules = append(status.ResourceRules, authorizationv1.ResourceRule{
					Verbs: rule.Verbs, APIGroups: rule.APIGroups, Resources: rule.Resources, ResourceNames: rule.ResourceNames,
				})
			}
			if len(rule.NonResourceURLs) > 0 {
				status.NonResourceRules = append(status.NonResourceRules, authorizationv1.NonResourceRule{Verbs: rule.Verbs, NonResourceURLs: rule.NonResourceURLs})
			}
		}
	}
	if s.RulesIncomplete != "" {
		status.Incomplete, status.EvaluationError = true, s.RulesIncomplete
	}
	return status
}

// allowed is the answer to an access review; one that asks for nothing is denied.
func (s *Server) allowed(who identity, resource *authorizationv1.ResourceAttributes, path *authorizationv1.NonResourceAttributes) bool {
	switch {
	case resource != nil:
		return s.grants(who, rbac.FromResourceAttributes(resource))
	case path != nil:
		return s.grants(who, rbac.FromNonResourceAttributes(path))
	}
	return false
}
