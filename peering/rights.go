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

// needs is what From's istiods list and watch in To: the minimal role of the versions and revisions that were seen, else of
// those that the options name.
func (w *work) needs() []rbac.Access {
	versions, revisions := w.from.istiods()
	if len(w.from.replicas) == 0 {
		versions, revisions = []string{w.Reader.IstioVersion}, w.Reader.Revisions
	}
	var all []rbac.Access
	for _, version := range versions {
		o := rbac.Options{Profile: rbac.Minimal, IstioVersion: version, SystemNamespace: w.systemNamespace(), Revisions: revisions}
		rules, err := rbac.Explain(o)
		if err != nil {
			o.IstioVersion = "" // a version that is not one, or too old: all that the newest needs
			if rules, err = rbac.Explain(o); err != nil {
				rules, _ = rbac.Explain(rbac.Options{Profile: rbac.Minimal}) // a revision that is not one
			}
		}
		for _, r := range rules {
			for _, a := range accesses(r) {
				if !slices.Contains(all, a) {
					all = append(all, a)
				}
			}
		}
	}
	return all
}

// accesses are what a rule of the minimal role grants, one by one.
func accesses(r rbac.Rule) (all []rbac.Access) {
	names := r.ResourceNames
	if len(names) == 0 {
		names = []string{""}
	}
	for _, group := range r.APIGroups {
		for _, resource := range r.Resources {
			for _, name := range names {
				for _, verb := range r.Verbs {
					all = append(all, rbac.Access{Verb: verb, Group: group, Resource: resource, Namespace: r.Namespace, Name: name})
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
	attributes := a.ResourceAttributes() // without a namespace: cluster-wide
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

// asRules puts accesses into the form in which they would be granted, one rule per resource and name.
func asRules(accesses []rbac.Access) []rbacv1.PolicyRule {
	var rules []rbacv1.PolicyRule
	var before rbac.Access
	for _, a := range accesses {
		thing := a
		thing.Verb = ""
		if len(rules) > 0 && thing == before {
			last := &rules[len(rules)-1]
			last.Verbs = append(last.Verbs, a.Verb)
			continue
		}
		rule := rbacv1.PolicyRule{APIGroups: []string{a.Group}, Resources: []string{a.Resource}, Verbs: []string{a.Verb}}
		if a.Name != "" {
			rule.ResourceNames = []string{a.Name}
		}
		rules, before = append(rules, rule), thing
	}
	return rules
}
