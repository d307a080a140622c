package peering

import (
	"context"
	"errors"
	"slices"
	"sync"

	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/meshpeer/meshpeer/rbac"
)

// needs is what From's istiod lists and watches in To: the minimal role, less what its version does not ask for.
func (w *work) needs() []rbac.Access {
	minimal, err := rbac.Explain(rbac.Options{Profile: rbac.Minimal})
	if err != nil {
		return nil // unreachable: constant options
	}
	upstream := rbac.Options{Profile: rbac.Upstream, IstioVersion: w.from.istioVersion()}
	asked, err := rbac.Render(upstream)
	if err != nil {
		upstream.IstioVersion = "" // a version that is no version: ask for all that the newest needs
		if asked, err = rbac.Render(upstream); err != nil {
			return nil // unreachable: constant options
		}
	}
	var all []rbac.Access
	for _, rule := range minimal {
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				for _, verb := range rule.Verbs {
					a := rbac.Access{Verb: verb, Group: group, Resource: resource}
					if rbac.Allows(asked.ClusterRole.Rules, a) {
						all = append(all, a)
					}
				}
			}
		}
	}
	return all
}

// denied asks for each access on its own, as the authorizer decides it, and keeps those that are refused. With a user it
// asks for that one (SubjectAccessReview), else for the identity behind objects.
func denied(ctx context.Context, objects Objects, user string, groups []string, accesses []rbac.Access) ([]rbac.Access, error) {
	var (
		mu      sync.Mutex
		refused []rbac.Access
		failed  []error
		wg      sync.WaitGroup
	)
	for _, a := range accesses {
		wg.Go(func() {
			allowed, err := review(ctx, objects, user, groups, a)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failed = append(failed, err)
			} else if !allowed {
				refused = append(refused, a)
			}
		})
	}
	wg.Wait()
	if len(failed) > 0 {
		return nil, errors.Join(failed[0])
	}
	slices.SortFunc(refused, func(a, b rbac.Access) int {
		return slices.Index(accesses, a) - slices.Index(accesses, b)
	})
	return refused, nil
}

func review(ctx context.Context, objects Objects, user string, groups []string, a rbac.Access) (bool, error) {
	attributes := &authorizationv1.ResourceAttributes{Verb: a.Verb, Group: a.Group, Resource: a.Resource} // no namespace: cluster-wide
	if user == "" {
		o, err := objects.Create(ctx, &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: attributes}})
		if err != nil {
			return false, err
		}
		return o.(*authorizationv1.SelfSubjectAccessReview).Status.Allowed, nil
	}
	o, err := objects.Create(ctx, &authorizationv1.SubjectAccessReview{
		Spec: authorizationv1.SubjectAccessReviewSpec{ResourceAttributes: attributes, User: user, Groups: groups},
	})
	if err != nil {
		return false, err
	}
	return o.(*authorizationv1.SubjectAccessReview).Status.Allowed, nil
}

// asRules puts accesses into the form in which they would be granted, one rule per resource.
func asRules(accesses []rbac.Access) []rbacv1.PolicyRule {
	var rules []rbacv1.PolicyRule
	for _, a := range accesses {
		last := len(rules) - 1
		if last >= 0 && rules[last].APIGroups[0] == a.Group && rules[last].Resources[0] == a.Resource {
			rules[last].Verbs = append(rules[last].Verbs, a.Verb)
			continue
		}
		rules = append(rules, rbacv1.PolicyRule{APIGroups: []string{a.Group}, Resources: []string{a.Resource}, Verbs: []string{a.Verb}})
	}
	return rules
}
