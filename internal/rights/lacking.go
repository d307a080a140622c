package rights

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/meshpeer/meshpeer/rbac"
)

// Lacking returns those of the accesses that the one behind objects lacks, in their order. An access with a namespace counts
// in that namespace, one without in all of them: what is held in some namespaces is not held everywhere.
//
// It takes one rules review for all namespaces, if something is wanted in all, and then, at once, one for each in which something
// is wanted that is not held everywhere. Where one is incomplete, is not served or may not be made, it takes another review for each access that no rule
// allows, at once too. With an error, which is that of a review, what is returned is lacking and there may be more.
func Lacking(ctx context.Context, objects Creator, accesses []rbac.Access) ([]rbac.Access, error) {
	return Reviews{
		Rules: func(ctx context.Context, namespace string) ([]rbacv1.PolicyRule, bool, error) {
			return Of(ctx, objects, namespace)
		},
		May: func(ctx context.Context, a rbac.Access) (bool, error) { return May(ctx, objects, a) },
	}.Lacking(ctx, accesses)
}

// Reviews are the two ways to ask.
type Reviews struct {
	Rules func(ctx context.Context, namespace string) (rules []rbacv1.PolicyRule, incomplete bool, err error) // as [Of]; nil: none
	May   func(context.Context, rbac.Access) (bool, error)
	// Confirm asks for each access that no rule allows, although the rules are complete: members of system:masters need none
	// (Kubernetes pkg/kubeapiserver/authorizer, NewPrivilegedGroups).
	Confirm bool
	// Everything asks for every right on every resource before many single reviews: it spares them to an administrator whose
	// rights come from another authorizer than RBAC.
	Everything bool
}

// few single reviews are made at once rather than one before them.
const few = 4

// Lacking is as the function of that name.
func (r Reviews) Lacking(ctx context.Context, accesses []rbac.Access) ([]rbac.Access, error) {
	refused, doubted, err := r.byRules(ctx, accesses)
	if err != nil || len(doubted) == 0 {
		return refused, err
	}
	if r.Everything && len(doubted) > few {
		lacked, err := r.single(ctx, []rbac.Access{{Verb: "*", Group: "*", Resource: "*"}})
		if err != nil {
			return refused, err
		}
		if len(lacked) == 0 {
			doubted = slices.DeleteFunc(doubted, func(a rbac.Access) bool { return a.Path == "" })
		}
	}
	denied, err := r.single(ctx, doubted)
	refused = append(refused, denied...)
	return slices.DeleteFunc(slices.Clone(accesses), func(a rbac.Access) bool { return !slices.Contains(refused, a) }), err
}

// byRules sorts out what rules do not allow: refused for sure, or to be asked for.
func (r Reviews) byRules(ctx context.Context, accesses []rbac.Access) (refused, doubted []rbac.Access, err error) {
	if r.Rules == nil {
		return nil, slices.Clone(accesses), nil
	}
	held := map[string]*holding{}
	allowed := func(a rbac.Access) bool {
		return slices.ContainsFunc([]*holding{held[""], held[a.Namespace]}, func(h *holding) bool { return h != nil && rbac.Allows(h.rules, a) })
	}
	for _, everywhere := range []bool{true, false} { // most hold everywhere what they want in a namespace
		unread := map[string]*holding{}
		for _, a := range accesses {
			if (a.Namespace == "") == everywhere && !allowed(a) {
				unread[a.Namespace] = &holding{}
			}
		}
		if err := r.read(ctx, unread); err != nil {
			return nil, nil, err
		}
		maps.Copy(held, unread)
	}
	for _, a := range accesses {
		switch {
		case allowed(a):
		case held[a.Namespace].incomplete || r.Confirm:
			doubted = append(doubted, a)
		default:
			refused = append(refused, a)
		}
	}
	return refused, doubted, nil
}

// holding is what one rules review says.
type holding struct {
	rules      []rbacv1.PolicyRule
	incomplete bool
	err        error
}

// read makes the rules reviews, one for each namespace.
func (r Reviews) read(ctx context.Context, held map[string]*holding) error {
	var wg sync.WaitGroup
	for namespace, h := range held {
		wg.Go(func() {
			h.err = recovered(func() (err error) {
				h.rules, h.incomplete, err = r.Rules(ctx, namespace)
				return err
			})
		})
	}
	wg.Wait()
	for _, namespace := range slices.Sorted(maps.Keys(held)) {
		if err := held[namespace].err; err != nil {
			return err
		}
	}
	return nil
}

// single asks for each access and returns those that are denied, in order. An error is that of the first that got none.
func (r Reviews) single(ctx context.Context, accesses []rbac.Access) (denied []rbac.Access, err error) {
	allowed, errs := make([]bool, len(accesses)), make([]error, len(accesses))
	var wg sync.WaitGroup
	for i, a := range accesses {
		wg.Go(func() {
			errs[i] = recovered(func() (err error) {
				allowed[i], err = r.May(ctx, a)
				return err
			})
		})
	}
	wg.Wait()
	for i, a := range accesses {
		switch {
		case errs[i] != nil && err == nil:
			err = errs[i]
		case errs[i] == nil && !allowed[i]:
			denied = append(denied, a)
		}
	}
	return denied, err
}

// recovered does not show what the panic was: it might be anything, even a credential.
func recovered(review func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the review panicked with a %T", p)
		}
	}()
	return review()
}
