package rights_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/meshpeer/meshpeer/internal/kube"
	"github.com/meshpeer/meshpeer/internal/rights"
	"github.com/meshpeer/meshpeer/rbac"
)

// server decides as the authorizers of an API server do: by bindings for all namespaces and for some, and by a webhook, which
// cannot list what it allows.
type server struct {
	everywhere []rbacv1.PolicyRule
	bound      map[string][]rbacv1.PolicyRule // by namespace
	webhook    func(authorizationv1.ResourceAttributes) bool
	refuse     error // to answer rules reviews
	fail       error // of single reviews
	pause      func()

	mu     sync.Mutex
	rules  []string // namespaces of the rules reviews
	single int
}

func (s *server) Create(_ context.Context, o kube.Object) (kube.Object, error) {
	if s.pause != nil {
		s.pause()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch review := o.(type) {
	case *authorizationv1.SelfSubjectRulesReview:
		namespace := review.Spec.Namespace
		s.rules = append(s.rules, namespace)
		if s.refuse != nil {
			return nil, s.refuse
		}
		if namespace == "" {
			return nil, apierrors.NewBadRequest("no namespace on request")
		}
		for _, r := range slices.Concat(s.everywhere, s.bound[namespace]) {
			if len(r.Resources) > 0 {
				review.Status.ResourceRules = append(review.Status.ResourceRules, authorizationv1.ResourceRule{Verbs: r.Verbs, APIGroups: r.APIGroups, Resources: r.Resources, ResourceNames: r.ResourceNames})
			}
			if len(r.NonResourceURLs) > 0 {
				review.Status.NonResourceRules = append(review.Status.NonResourceRules, authorizationv1.NonResourceRule{Verbs: r.Verbs, NonResourceURLs: r.NonResourceURLs})
			}
		}
		review.Status.Incomplete = s.webhook != nil
		return review, nil
	case *authorizationv1.SelfSubjectAccessReview:
		s.single++
		if s.fail != nil {
			return nil, s.fail
		}
		review.Status.Allowed = s.allows(review.Spec)
		return review, nil
	}
	return nil, fmt.Errorf("%T is no review", o)
}

// allows is RBAC, written once more: what a request names must be in a rule that holds where it is made.
func (s *server) allows(spec authorizationv1.SelfSubjectAccessReviewSpec) bool {
	rules := s.everywhere
	a := spec.ResourceAttributes
	if a != nil && a.Namespace != "" {
		rules = slices.Concat(rules, s.bound[a.Namespace])
	}
	in := func(all []string, one string) bool { return slices.Contains(all, one) || slices.Contains(all, "*") }
	for _, r := range rules {
		if a == nil {
			if in(r.Verbs, spec.NonResourceAttributes.Verb) && slices.Contains(r.NonResourceURLs, spec.NonResourceAttributes.Path) {
				return true
			}
			continue
		}
		resource := strings.TrimSuffix(a.Resource+"/"+a.Subresource, "/")
		if in(r.Verbs, a.Verb) && in(r.APIGroups, a.Group) && in(r.Resources, resource) && (len(r.ResourceNames) == 0 || slices.Contains(r.ResourceNames, a.Name)) {
			return true
		}
	}
	return a != nil && s.webhook != nil && s.webhook(*a)
}

func some(r *rand.Rand, from ...string) []string {
	var all []string
	for _, s := range from {
		if r.IntN(2) == 0 {
			all = append(all, s)
		}
	}
	return all
}

func randomRules(r *rand.Rand) (rules []rbacv1.PolicyRule) {
	for range r.IntN(4) {
		rule := rbacv1.PolicyRule{Verbs: some(r, "get", "list", "*"), APIGroups: some(r, "", "apps", "*"), Resources: some(r, "pods", "secrets", "pods/exec", "*")}
		if r.IntN(3) == 0 {
			rule.ResourceNames = some(r, "x", "y")
		}
		if r.IntN(4) == 0 {
			rule = rbacv1.PolicyRule{Verbs: some(r, "get", "*"), NonResourceURLs: some(r, "/version", "/metrics")}
		}
		rules = append(rules, rule)
	}
	return rules
}

func one(r *rand.Rand, of ...string) string { return of[r.IntN(len(of))] }

func randomAccess(r *rand.Rand) rbac.Access {
	if r.IntN(8) == 0 {
		return rbac.Access{Verb: "get", Path: one(r, "/version", "/metrics")}
	}
	a := rbac.Access{Verb: one(r, "get", "list"), Group: one(r, "", "apps"), Resource: one(r, "pods", "secrets"), Namespace: one(r, "", "a", "b"), Name: one(r, "", "x", "y")}
	if a.Resource == "pods" && r.IntN(3) == 0 {
		a.Subresource = "exec"
	}
	return a
}

// TestLackingIsWhatSingleReviewsDeny compares with a review for each access, for random bindings.
func TestLackingIsWhatSingleReviewsDeny(t *testing.T) {
	lacked, held := 0, 0
	for seed := range uint64(5000) {
		r := rand.New(rand.NewPCG(seed, 1))
		s := &server{everywhere: randomRules(r), bound: map[string][]rbacv1.PolicyRule{"a": randomRules(r), "b": randomRules(r), "c": randomRules(r)}}
		if r.IntN(2) == 0 {
			verb := one(r, "get", "list", "none")
			s.webhook = func(a authorizationv1.ResourceAttributes) bool { return a.Verb == verb && a.Namespace != "b" }
		}
		if r.IntN(8) == 0 {
			s.refuse = []error{apierrors.NewForbidden(schema.GroupResource{}, "", nil), apierrors.NewMethodNotSupported(schema.GroupResource{}, "create"), apierrors.NewNotFound(schema.GroupResource{}, "")}[r.IntN(3)]
		}
		var accesses, want []rbac.Access
		namespaces := map[string]bool{}
		for range r.IntN(12) {
			a := randomAccess(r)
			accesses = append(accesses, a)
			namespaces[a.Namespace] = true
			if allowed, err := rights.May(t.Context(), s, a); err != nil || !allowed {
				want = append(want, a)
			}
		}
		s.single = 0
		got, err := rights.Lacking(t.Context(), s, accesses)
		require.NoError(t, err)
		require.True(t, slices.Equal(want, got), "seed %d: %+v, not %+v, with %+v %+v", seed, got, want, s.everywhere, s.bound)
		lacked, held = lacked+len(want), held+len(accesses)-len(want)

		require.LessOrEqual(t, len(s.rules), len(namespaces), "at most one rules review a namespace")
		require.Equal(t, len(s.rules), len(slices.Compact(slices.Sorted(slices.Values(s.rules)))), "no second one")
		if s.webhook == nil && s.refuse == nil {
			require.Zero(t, s.single, "complete rules need no other review")
		}
		confirmed, err := rights.Reviews{
			Rules: func(ctx context.Context, namespace string) ([]rbacv1.PolicyRule, bool, error) {
				return rights.Of(ctx, s, namespace)
			},
			May:     func(ctx context.Context, a rbac.Access) (bool, error) { return rights.May(ctx, s, a) },
			Confirm: true, Everything: true,
		}.Lacking(t.Context(), accesses)
		require.NoError(t, err)
		require.True(t, slices.Equal(want, confirmed), "seed %d: %+v, not %+v", seed, confirmed, want)
	}
	require.Greater(t, lacked, 1000)
	require.Greater(t, held, 1000)
}

var list = []rbacv1.PolicyRule{{Verbs: []string{"list"}, APIGroups: []string{""}, Resources: []string{"pods"}}}

// A RoleBinding, in whatever namespace it is, is not held everywhere.
func TestNamespacedBindingIsNotClusterWide(t *testing.T) {
	a := rbac.Access{Verb: "list", Resource: "pods"}
	s := &server{bound: map[string][]rbacv1.PolicyRule{"a": list, "": list, "default": list, "kube-system": list}}
	lacking, err := rights.Lacking(t.Context(), s, []rbac.Access{a})
	require.NoError(t, err)
	require.Equal(t, []rbac.Access{a}, lacking)
	require.Equal(t, []string{rights.Everywhere}, s.rules)
	require.Contains(t, rights.Everywhere, ".", "no namespace can have that name")

	a.Namespace = "a"
	lacking, err = rights.Lacking(t.Context(), s, []rbac.Access{a})
	require.NoError(t, err)
	require.Empty(t, lacking)
}

// What somebody holds everywhere, is held in each namespace: there is no need to ask.
func TestHeldEverywhere(t *testing.T) {
	s := &server{everywhere: list}
	accesses := []rbac.Access{{Verb: "list", Resource: "pods", Namespace: "a"}, {Verb: "list", Resource: "pods"}}
	lacking, err := rights.Lacking(t.Context(), s, accesses)
	require.NoError(t, err)
	require.Empty(t, lacking)
	require.Equal(t, []string{rights.Everywhere}, s.rules)
}

// EvaluationError says what Incomplete says: a role could not be read.
func TestEvaluationErrorIsIncomplete(t *testing.T) {
	s := creator(func(o kube.Object) {
		o.(*authorizationv1.SelfSubjectRulesReview).Status.EvaluationError = "no such role"
	})
	_, incomplete, err := rights.Of(t.Context(), s, "a")
	require.NoError(t, err)
	require.True(t, incomplete)
}

type creator func(kube.Object)

func (c creator) Create(_ context.Context, o kube.Object) (kube.Object, error) {
	c(o)
	return o, nil
}

func TestReviewsThatFail(t *testing.T) {
	down := errors.New("connection refused")
	a, b := rbac.Access{Verb: "list", Resource: "pods"}, rbac.Access{Verb: "get", Resource: "secrets"}
	t.Run("rules", func(t *testing.T) {
		s := &server{refuse: down}
		_, err := rights.Lacking(t.Context(), s, []rbac.Access{a, b})
		require.ErrorIs(t, err, down)
		require.Zero(t, s.single, "nothing else would be answered either")
	})
	t.Run("single", func(t *testing.T) {
		s := &server{everywhere: list, webhook: func(authorizationv1.ResourceAttributes) bool { return true }, fail: down}
		lacking, err := rights.Lacking(t.Context(), s, []rbac.Access{a, b})
		require.ErrorIs(t, err, down)
		require.Empty(t, lacking)
		require.Equal(t, 1, s.single, "no review of what a rule allows")
	})
	t.Run("panic", func(t *testing.T) {
		_, err := rights.Lacking(t.Context(), creator(func(kube.Object) { panic("a value that might be a credential") }), []rbac.Access{a})
		require.ErrorContains(t, err, "panicked with a string")
		require.NotContains(t, err.Error(), "credential")
	})
}

// Reviews that do not depend on each other are made at once, and a few are not put behind the shortcut.
func TestReviewsAreMadeAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{webhook: func(authorizationv1.ResourceAttributes) bool { return false }, pause: func() { time.Sleep(time.Second) }}
		start := time.Now()
		_, err := rights.Lacking(t.Context(), s, []rbac.Access{{Verb: "list", Resource: "pods"}, {Verb: "get", Resource: "pods", Namespace: "a"}, {Verb: "get", Resource: "pods", Namespace: "b"}})
		require.NoError(t, err)
		require.Equal(t, 3*time.Second, time.Since(start), "everywhere, in both namespaces, and what is still in doubt")
	})
}
