package conformance

import (
	"context"
	"fmt"
	"slices"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/meshpeer/meshpeer/internal/suite"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/rbac"
)

// TestReviews checks that an API server answers what peering asks with a reader's token as peering understands it: who the
// token speaks for, what it may do, and which rules it has, cluster-wide alone and in a namespace. It makes accounts with
// roles, bindings and a token in namespace, which must exist, and removes them. It needs Cluster's Objects, As and Endpoint.
//
// Answers may lag behind writes: each check is repeated for up to 30 seconds.
func TestReviews(t *testing.T, c *peering.Cluster, namespace string) {
	if c == nil || c.Objects == nil || c.As == nil || namespace == "" {
		t.Fatal("conformance: TestReviews needs a Cluster with Objects and As, and a namespace")
	}
	suite.Run(t, reviewRules(c, namespace))
}

const noSuchNamespace = "conformance-no-such-namespace"

func reviewRules(c *peering.Cluster, namespace string) (rules []suite.Rule) {
	n := 0
	add := func(name string, check func(context.Context, reader) error) {
		n++ // each has an account of its own: a token controller may still be busy with the one before
		number := n
		rules = append(rules, suite.Rule{Name: name, Check: func(ctx context.Context) error {
			r, remove, err := newReader(ctx, c, namespace, number)
			defer remove()
			if err != nil {
				return err
			}
			return suite.Await(ctx, lag, func() error { return check(ctx, r) })
		}})
	}
	add("SelfSubjectReview names the account, its UID and its groups", func(ctx context.Context, r reader) error {
		who, err := whoIs(ctx, r.objects)
		if err != nil {
			return err
		}
		if who.Username != r.user() || who.UID != string(r.account.GetUID()) ||
			!slices.Contains(who.Groups, accounts+":"+r.namespace) || !slices.Contains(who.Groups, accounts) || !slices.Contains(who.Groups, authenticated) {
			return fmt.Errorf("it is %s with UID %s and groups %v", who.Username, who.UID, who.Groups)
		}
		return nil
	})
	add("SelfSubjectAccessReview allows what is bound and nothing else", func(ctx context.Context, r reader) error {
		for attributes, wanted := range map[authorizationv1.ResourceAttributes]bool{
			{Verb: "list", Group: "discovery.k8s.io", Resource: "endpointslices"}:                             true,
			{Verb: "get", Group: "discovery.k8s.io", Resource: "endpointslices"}:                              false,
			{Verb: "get", Resource: "configmaps", Namespace: r.namespace, Name: r.name}:                       true,
			{Verb: "get", Resource: "configmaps", Namespace: r.namespace, Name: "other"}:                      false,
			{Verb: "get", Resource: "configmaps", Namespace: noSuchNamespace, Name: r.name}:                   false,
			{Verb: "list", Group: "discovery.k8s.io", Resource: "endpointslices", Namespace: noSuchNamespace}: true,
		} {
			o, err := r.objects.Create(ctx, &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &attributes}})
			if err != nil {
				return err
			}
			if o.(*authorizationv1.SelfSubjectAccessReview).Status.Allowed != wanted {
				return fmt.Errorf("%+v: allowed is %t", attributes, !wanted)
			}
		}
		return nil
	})
	add("SelfSubjectRulesReview of a namespace that does not exist lists what holds everywhere", func(ctx context.Context, r reader) error {
		return r.lists(ctx, noSuchNamespace, true, false)
	})
	add("SelfSubjectRulesReview of a namespace lists its own rules, too", func(ctx context.Context, r reader) error {
		return r.lists(ctx, r.namespace, true, true)
	})
	add("SelfSubjectRulesReview without a namespace answers BadRequest", func(ctx context.Context, r reader) error {
		_, err := r.objects.Create(ctx, &authorizationv1.SelfSubjectRulesReview{})
		return suite.Answer("BadRequest", apierrors.IsBadRequest, err)
	})
	for _, part := range []struct {
		name        string
		gone        int // of reader.parts
		wide, local bool
	}{
		{"a ClusterRoleBinding that is gone grants nothing", 1, false, true},
		{"a RoleBinding that is gone grants nothing", 2, true, false},
		{"a ClusterRole that is gone grants nothing", 3, false, true},
		{"a Role that is gone grants nothing", 4, true, false},
	} {
		add(part.name, func(ctx context.Context, r reader) error {
			if err := c.Objects.Delete(ctx, r.parts[part.gone]); err != nil && !apierrors.IsNotFound(err) {
				return err
			}
			return r.lists(ctx, r.namespace, part.wide, part.local)
		})
	}
	add("a token whose Secret is gone is refused", func(ctx context.Context, r reader) error {
		if err := c.Objects.Delete(ctx, r.parts[len(r.parts)-1]); err != nil && !apierrors.IsNotFound(err) {
			return err
		}
		_, err := whoIs(ctx, r.objects)
		return unauthorized(err)
	})
	add("a token whose account is gone is refused", func(ctx context.Context, r reader) error {
		if err := c.Objects.Delete(ctx, r.parts[0]); err != nil && !apierrors.IsNotFound(err) {
			return err
		}
		_, err := whoIs(ctx, r.objects)
		return unauthorized(err)
	})
	return rules
}

// lists checks for the rules of the ClusterRole and of the Role.
func (r reader) lists(ctx context.Context, namespace string, wide, local bool) error {
	o, err := r.objects.Create(ctx, &authorizationv1.SelfSubjectRulesReview{Spec: authorizationv1.SelfSubjectRulesReviewSpec{Namespace: namespace}})
	if err != nil {
		return err
	}
	status := o.(*authorizationv1.SelfSubjectRulesReview).Status
	var rules []rbacv1.PolicyRule
	for _, rule := range status.ResourceRules {
		rules = append(rules, rbacv1.PolicyRule{Verbs: rule.Verbs, APIGroups: rule.APIGroups, Resources: rule.Resources, ResourceNames: rule.ResourceNames})
	}
	for _, rule := range status.NonResourceRules {
		rules = append(rules, rbacv1.PolicyRule{Verbs: rule.Verbs, NonResourceURLs: rule.NonResourceURLs})
	}
	for _, c := range []struct {
		access rbac.Access
		want   bool
	}{
		{rbac.Access{Verb: "watch", Group: "discovery.k8s.io", Resource: "endpointslices"}, wide},
		{rbac.Access{Verb: "get", Path: "/" + r.name}, wide},
		{rbac.Access{Verb: "get", Resource: "configmaps", Name: r.name}, local},
		{rbac.Access{Verb: "get", Resource: "configmaps", Name: "other"}, false},
		{rbac.Access{Verb: "create", Group: "authorization.k8s.io", Resource: "selfsubjectrulesreviews"}, true},
	} {
		if rbac.Allows(rules, c.access) != c.want {
			return fmt.Errorf("%+v: listed is %t (incomplete: %t %s)", c.access, !c.want, status.Incomplete, status.EvaluationError)
		}
	}
	return nil
}
