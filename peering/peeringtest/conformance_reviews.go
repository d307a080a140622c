package peeringtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/secrets"
)

// TestReviews checks that an API server answers what peering asks with a reader's token as peering understands it: who the
// token speaks for, what it may do, and which rules it has, cluster-wide alone and in a namespace. It makes an account with
// roles, bindings and a token in namespace, which must exist, and removes them. It needs Cluster's Objects, As and Endpoint.
//
// Answers may lag behind writes: authorizers watch their objects, and a token that was good is remembered for 10 seconds
// (Kubernetes pkg/kubeapiserver/options/authentication.go, TokenSuccessCacheTTL). Each check is repeated for up to 30 seconds.
func TestReviews(t *testing.T, c *peering.Cluster, namespace string) {
	if c == nil || namespace == "" {
		t.Fatal("peeringtest: TestReviews needs a Cluster and a namespace")
	}
	for _, err := range brokenReviews(t.Context(), c, namespace, 30*time.Second) {
		t.Error(err)
	}
}

const reviewed = "peeringtest-reviews"

// reader is the account that is asked for.
type reader struct {
	objects   peering.Objects // with its token
	account   peering.Object
	namespace string
}

// brokenReviews names the promises that the cluster does not keep.
func brokenReviews(ctx context.Context, c *peering.Cluster, namespace string, limit time.Duration) (all []error) {
	r := reader{namespace: namespace}
	objects := reviewedObjects(namespace)
	defer func() {
		for _, o := range objects {
			_ = c.Objects.Delete(context.WithoutCancel(ctx), o)
		}
	}()
	for i, o := range objects {
		created, err := c.Objects.Create(ctx, o)
		if err != nil {
			return []error{fmt.Errorf("Create of %T: %w", o, err)}
		}
		if i == 0 {
			r.account = created
		}
	}
	err := repeat(ctx, limit, func() error { return r.connect(ctx, c, objects[len(objects)-1]) })
	if err != nil {
		return []error{err}
	}
	for _, rule := range reviewRules() {
		if err := repeat(ctx, limit, func() error { return rule.check(ctx, r) }); err != nil {
			all = append(all, fmt.Errorf("%s: %w", rule.name, err))
		}
	}
	for _, o := range objects[1:] { // bindings and roles go before the token
		if err := c.Objects.Delete(ctx, o); err != nil {
			return append(all, fmt.Errorf("Delete of %T: %w", o, err))
		}
		if _, last := o.(*corev1.Secret); last {
			break
		}
		err := repeat(ctx, limit, func() error { return r.lacks(ctx, o) })
		if err != nil {
			all = append(all, fmt.Errorf("a rule whose %T is gone is not listed: %w", o, err))
		}
	}
	err = repeat(ctx, limit, func() error {
		_, err := r.objects.Create(ctx, &authenticationv1.SelfSubjectReview{})
		return want(apierrors.IsUnauthorized, err)
	})
	if err != nil {
		all = append(all, fmt.Errorf("a token whose Secret is gone is refused: %w", err))
	}
	return all
}

// reviewedObjects are the account, its bindings, its roles and its token; one binding is to a group of the account's.
func reviewedObjects(namespace string) []peering.Object {
	local, wide := metav1.ObjectMeta{Namespace: namespace, Name: reviewed}, metav1.ObjectMeta{Name: reviewed}
	token := local
	token.Annotations = map[string]string{corev1.ServiceAccountNameKey: reviewed}
	return []peering.Object{
		&corev1.ServiceAccount{ObjectMeta: local},
		&rbacv1.ClusterRoleBinding{
			ObjectMeta: wide, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: reviewed},
			Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: namespace, Name: reviewed}},
		},
		&rbacv1.RoleBinding{
			ObjectMeta: local, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: reviewed},
			Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.GroupKind, Name: accounts + ":" + namespace}},
		},
		&rbacv1.ClusterRole{ObjectMeta: wide, Rules: []rbacv1.PolicyRule{
			{APIGroups: []string{"discovery.k8s.io"}, Resources: []string{"endpointslices"}, Verbs: []string{"list", "watch"}},
			{NonResourceURLs: []string{"/" + reviewed}, Verbs: []string{"get"}},
		}},
		&rbacv1.Role{ObjectMeta: local, Rules: []rbacv1.PolicyRule{
			{APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: []string{"get"}, ResourceNames: []string{reviewed}},
		}},
		&corev1.Secret{ObjectMeta: token, Type: corev1.SecretTypeServiceAccountToken},
	}
}

// connect waits for the token controller.
func (r *reader) connect(ctx context.Context, c *peering.Cluster, token peering.Object) error {
	filled, err := c.Objects.Get(ctx, token)
	if err != nil {
		return err
	}
	value := filled.(*corev1.Secret).Data[corev1.ServiceAccountTokenKey]
	if len(value) == 0 {
		return errors.New("the token Secret stays empty: is there a token controller?")
	}
	r.objects, err = c.As(c.Endpoint, secrets.NewToken(string(value), time.Time{}))
	return err
}

type reviewRule struct {
	name  string
	check func(context.Context, reader) error
}

func reviewRules() []reviewRule {
	return []reviewRule{
		{"SelfSubjectReview names the account, its UID and its groups", func(ctx context.Context, r reader) error {
			o, err := r.objects.Create(ctx, &authenticationv1.SelfSubjectReview{})
			if err != nil {
				return err
			}
			who := o.(*authenticationv1.SelfSubjectReview).Status.UserInfo
			if who.Username != "system:serviceaccount:"+r.namespace+":"+reviewed || who.UID != string(r.account.GetUID()) ||
				!slices.Contains(who.Groups, accounts+":"+r.namespace) || !slices.Contains(who.Groups, accounts) || !slices.Contains(who.Groups, authenticated) {
				return fmt.Errorf("it is %s with UID %s and groups %v", who.Username, who.UID, who.Groups)
			}
			return nil
		}},
		{"SelfSubjectAccessReview allows what is bound and nothing else", func(ctx context.Context, r reader) error {
			for attributes, wanted := range map[authorizationv1.ResourceAttributes]bool{
				{Verb: "list", Group: "discovery.k8s.io", Resource: "endpointslices"}:                                             true,
				{Verb: "get", Group: "discovery.k8s.io", Resource: "endpointslices"}:                                              false,
				{Verb: "get", Resource: "configmaps", Namespace: r.namespace, Name: reviewed}:                                     true,
				{Verb: "get", Resource: "configmaps", Namespace: r.namespace, Name: "other"}:                                      false,
				{Verb: "get", Resource: "configmaps", Namespace: "peeringtest-no-such-namespace", Name: reviewed}:                 false,
				{Verb: "list", Group: "discovery.k8s.io", Resource: "endpointslices", Namespace: "peeringtest-no-such-namespace"}: true,
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
		}},
		{"SelfSubjectRulesReview of a namespace that does not exist lists what holds everywhere", func(ctx context.Context, r reader) error {
			return r.lists(ctx, "peeringtest-no-such-namespace", true, false)
		}},
		{"SelfSubjectRulesReview of a namespace lists its own rules, too", func(ctx context.Context, r reader) error {
			return r.lists(ctx, r.namespace, true, true)
		}},
		{"SelfSubjectRulesReview without a namespace answers BadRequest", func(ctx context.Context, r reader) error {
			_, err := r.objects.Create(ctx, &authorizationv1.SelfSubjectRulesReview{})
			return want(apierrors.IsBadRequest, err)
		}},
	}
}

// lacks says whether what the deleted object gave is listed still.
func (r reader) lacks(ctx context.Context, gone peering.Object) error {
	_, wide := gone.(*rbacv1.ClusterRoleBinding)
	_, local := gone.(*rbacv1.RoleBinding)
	if wide || local {
		return r.lists(ctx, r.namespace, false, wide)
	}
	return r.lists(ctx, r.namespace, false, false)
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
		{rbac.Access{Verb: "get", Path: "/" + reviewed}, wide},
		{rbac.Access{Verb: "get", Resource: "configmaps", Name: reviewed}, local},
		{rbac.Access{Verb: "get", Resource: "configmaps", Name: "other"}, false},
		{rbac.Access{Verb: "create", Group: "authorization.k8s.io", Resource: "selfsubjectrulesreviews"}, true},
	} {
		if rbac.Allows(rules, c.access) != c.want {
			return fmt.Errorf("%+v: listed is %t (incomplete: %t %s)", c.access, !c.want, status.Incomplete, status.EvaluationError)
		}
	}
	return nil
}

// repeat until check passes, or for the time given.
func repeat(ctx context.Context, limit time.Duration, check func() error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		err := check()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(50 * time.Millisecond):
		}
	}
}
