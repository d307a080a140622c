package rights

import (
	"context"
	"slices"
	"sync"

	authorizationv1 "k8s.io/api/authorization/v1"

	"github.com/meshpeer/meshpeer/rbac"
)

// LackingOf are those of the accesses that a user with these groups has not, as the authorizer decides each: there is no rules
// review for somebody else.
func LackingOf(ctx context.Context, objects Creator, user string, groups []string, accesses []rbac.Access) ([]rbac.Access, error) {
	var (
		mu      sync.Mutex
		refused []rbac.Access
		failed  error
		wg      sync.WaitGroup
	)
	for _, a := range accesses {
		wg.Go(func() {
			o, err := objects.Create(ctx, &authorizationv1.SubjectAccessReview{
				Spec: authorizationv1.SubjectAccessReviewSpec{ResourceAttributes: a.ResourceAttributes(), User: user, Groups: groups},
			})
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failed = err
			} else if !o.(*authorizationv1.SubjectAccessReview).Status.Allowed {
				refused = append(refused, a)
			}
		})
	}
	wg.Wait()
	if failed != nil {
		return nil, failed
	}
	slices.SortFunc(refused, func(a, b rbac.Access) int { return slices.Index(accesses, a) - slices.Index(accesses, b) })
	return refused, nil
}
