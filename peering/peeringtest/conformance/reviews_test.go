package conformance_test

import (
	"context"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/meshpeer/meshpeer/internal/kube"
	"github.com/meshpeer/meshpeer/internal/suite"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
	"github.com/meshpeer/meshpeer/peering/peeringtest/conformance"
	"github.com/meshpeer/meshpeer/secrets"
)

func TestReviewsSuiteCanFail(t *testing.T) {
	// answers is a cluster that changes what a token's bearer is answered to a review.
	answers := func(change func(o peering.Object, err error) (peering.Object, error)) func(*testing.T) []suite.Rule {
		return func(*testing.T) []suite.Rule {
			m := peeringtest.NewMesh("east").Member("east")
			as := m.As
			m.As = func(e secrets.Endpoint, token secrets.Token) (peering.Objects, error) {
				objects, err := as(e, token)
				return faulty{Objects: objects, create: func(ctx context.Context, o peering.Object) (peering.Object, error) {
					return change(objects.Create(ctx, o))
				}}, err
			}
			return conformance.ReviewRules(m.Cluster, "istio-system")
		}
	}
	rules := func(change func(namespace string, s *authorizationv1.SubjectRulesReviewStatus)) func(*testing.T) []suite.Rule {
		return answers(func(o peering.Object, err error) (peering.Object, error) {
			if r, ok := o.(*authorizationv1.SelfSubjectRulesReview); ok && err == nil {
				change(r.Spec.Namespace, &r.Status)
			}
			return o, err
		})
	}
	// keeps is a cluster whose deletions of a kind do nothing.
	keeps := func(kind string) func(*testing.T) []suite.Rule {
		return func(*testing.T) []suite.Rule {
			m := peeringtest.NewMesh("east").Member("east")
			m.Objects = faulty{Objects: m.Server, delete: func(ctx context.Context, o peering.Object) error {
				if kube.Kind(o) == kind {
					return nil
				}
				return m.Server.Delete(ctx, o)
			}}
			return conformance.ReviewRules(m.Cluster, "istio-system")
		}
	}
	suite.Mutants(t, answers(func(o peering.Object, err error) (peering.Object, error) { return o, err }), map[string]func(*testing.T) []suite.Rule{
		"SelfSubjectReview names the account, its UID and its groups": answers(func(o peering.Object, err error) (peering.Object, error) {
			if r, ok := o.(*authenticationv1.SelfSubjectReview); ok && err == nil {
				r.Status.UserInfo.Groups = nil
			}
			return o, err
		}),
		"SelfSubjectAccessReview allows what is bound and nothing else": answers(func(o peering.Object, err error) (peering.Object, error) {
			if r, ok := o.(*authorizationv1.SelfSubjectAccessReview); ok && err == nil {
				r.Status.Allowed = true
			}
			return o, err
		}),
		"SelfSubjectRulesReview of a namespace that does not exist lists what holds everywhere": rules(func(namespace string, s *authorizationv1.SubjectRulesReviewStatus) {
			if namespace != "istio-system" {
				*s = authorizationv1.SubjectRulesReviewStatus{}
			}
		}),
		"SelfSubjectRulesReview of a namespace lists its own rules, too": rules(func(_ string, s *authorizationv1.SubjectRulesReviewStatus) {
			for i := range s.ResourceRules {
				s.ResourceRules[i].ResourceNames = nil
			}
		}),
		"SelfSubjectRulesReview without a namespace answers BadRequest": answers(func(o peering.Object, err error) (peering.Object, error) {
			if apierrors.IsBadRequest(err) {
				return &authorizationv1.SelfSubjectRulesReview{}, nil
			}
			return o, err
		}),
		"a ClusterRoleBinding that is gone grants nothing": keeps("ClusterRoleBinding"),
		"a RoleBinding that is gone grants nothing":        keeps("RoleBinding"),
		"a ClusterRole that is gone grants nothing":        keeps("ClusterRole"),
		"a Role that is gone grants nothing":               keeps("Role"),
		"a token whose Secret is gone is refused":          keeps("Secret"),
		"a token whose account is gone is refused":         keeps("ServiceAccount"),
	})
}
