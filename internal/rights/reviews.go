// Package rights finds out what the holder of a credential may do, by as few reviews as it takes. A rules review answers for
// every right in a namespace at once; a review of a single access is left for what it does not answer.
package rights

import (
	"context"

	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/internal/kube"
	"github.com/meshpeer/meshpeer/rbac"
)

// Everywhere is the namespace to ask [Of] for what is held in all of them. It has a dot and cannot exist, so that no
// RoleBinding counts there (Kubernetes pkg/registry/authorization/selfsubjectrulesreview/rest.go takes any name).
const Everywhere = "all-namespaces.invalid"

// Creator sends reviews as the one whose rights are in question. Reviews are answered and not stored.
type Creator interface {
	Create(context.Context, kube.Object) (kube.Object, error)
}

// Of returns the rules that hold in a namespace, by one SelfSubjectRulesReview; "" is [Everywhere]. Incomplete says that there
// may be more rights: those of an authorizer that cannot list them (a webhook), those of a role that could not be read, or
// any at all where the API server does not serve such reviews or the credential may not make them.
func Of(ctx context.Context, objects Creator, namespace string) (rules []rbacv1.PolicyRule, incomplete bool, err error) {
	if namespace == "" {
		namespace = Everywhere
	}
	review := &authorizationv1.SelfSubjectRulesReview{Spec: authorizationv1.SelfSubjectRulesReviewSpec{Namespace: namespace}}
	review.TypeMeta = metav1.TypeMeta{APIVersion: authorizationv1.SchemeGroupVersion.String(), Kind: "SelfSubjectRulesReview"}
	o, err := objects.Create(ctx, review)
	switch {
	case apierrors.IsForbidden(err), apierrors.IsNotFound(err), apierrors.IsMethodNotSupported(err), meta.IsNoMatchError(err):
		return nil, true, nil
	case err != nil:
		return nil, true, err
	}
	status := o.(*authorizationv1.SelfSubjectRulesReview).Status
	rules = make([]rbacv1.PolicyRule, 0, len(status.ResourceRules)+len(status.NonResourceRules))
	for _, r := range status.ResourceRules {
		rules = append(rules, rbacv1.PolicyRule{Verbs: r.Verbs, APIGroups: r.APIGroups, Resources: r.Resources, ResourceNames: r.ResourceNames})
	}
	for _, r := range status.NonResourceRules {
		rules = append(rules, rbacv1.PolicyRule{Verbs: r.Verbs, NonResourceURLs: r.NonResourceURLs})
	}
	return rules, status.Incomplete || status.EvaluationError != "", nil
}

// May asks for one access, as the API server's authorizers decide it, by a SelfSubjectAccessReview.
func May(ctx context.Context, objects Creator, a rbac.Access) (bool, error) {
	spec := authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: a.ResourceAttributes(), NonResourceAttributes: a.NonResourceAttributes()}
	o, err := objects.Create(ctx, &authorizationv1.SelfSubjectAccessReview{Spec: spec})
	if err != nil {
		return false, err
	}
	return o.(*authorizationv1.SelfSubjectAccessReview).Status.Allowed, nil
}
