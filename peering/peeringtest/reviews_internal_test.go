package peeringtest

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/secrets"
)

// TestReviewConformanceFindsEveryFault holds the contract to servers that break it in one place each.
func TestReviewConformanceFindsEveryFault(t *testing.T) {
	rules := func(change func(namespace string, s *authorizationv1.SubjectRulesReviewStatus)) func(*Server, peering.Object) peering.Object {
		return func(_ *Server, o peering.Object) peering.Object {
			if r, ok := o.(*authorizationv1.SelfSubjectRulesReview); ok {
				change(r.Spec.Namespace, &r.Status)
			}
			return o
		}
	}
	for wanted, fault := range map[string]func(*Server, peering.Object) peering.Object{
		"names the account": func(_ *Server, o peering.Object) peering.Object {
			if r, ok := o.(*authenticationv1.SelfSubjectReview); ok {
				r.Status.UserInfo.UID = "other"
			}
			return o
		},
		"its groups": func(_ *Server, o peering.Object) peering.Object {
			if r, ok := o.(*authenticationv1.SelfSubjectReview); ok {
				r.Status.UserInfo.Groups = nil
			}
			return o
		},
		"SelfSubjectAccessReview allows what is bound and nothing else": func(_ *Server, o peering.Object) peering.Object {
			if r, ok := o.(*authorizationv1.SelfSubjectAccessReview); ok {
				r.Status.Allowed = true
			}
			return o
		},
		"lists what holds everywhere": rules(func(namespace string, s *authorizationv1.SubjectRulesReviewStatus) {
			if namespace != "istio-system" {
				*s = authorizationv1.SubjectRulesReviewStatus{}
			}
		}),
		"lists its own rules, too": rules(func(namespace string, s *authorizationv1.SubjectRulesReviewStatus) {
			for i := range s.ResourceRules {
				s.ResourceRules[i].ResourceNames = nil
			}
		}),
	} {
		t.Run(wanted, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := NewMesh("east").Member("east")
				as := m.As
				m.As = func(e secrets.Endpoint, token secrets.Token) (peering.Objects, error) {
					objects, err := as(e, token)
					return altered{objects, func(o peering.Object) peering.Object { return fault(m.Server, o) }}, err
				}
				found := ""
				for _, err := range brokenReviews(t.Context(), m.Cluster, "istio-system", time.Second) {
					found += err.Error() + "\n"
				}
				require.Contains(t, found, wanted)
			})
		})
	}
}

// altered changes the answers to what is created.
type altered struct {
	peering.Objects
	change func(peering.Object) peering.Object
}

func (a altered) Create(ctx context.Context, o peering.Object) (peering.Object, error) {
	out, err := a.Objects.Create(ctx, o)
	if err == nil {
		out = a.change(out)
	}
	return out, err
}

func TestReviewsConformToThemselves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMesh("east").Member("east")
		require.Empty(t, brokenReviews(t.Context(), m.Cluster, "istio-system", time.Second))
		m.TokenDelay = 500 * time.Millisecond
		require.Empty(t, brokenReviews(t.Context(), m.Cluster, "istio-system", time.Second), "a token controller may take its time")
		m.NoTokenController = true
		require.ErrorContains(t, brokenReviews(t.Context(), m.Cluster, "istio-system", time.Second)[0], "token controller")
	})
}
