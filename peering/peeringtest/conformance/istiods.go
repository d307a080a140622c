package conformance

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/internal/suite"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/secrets"
)

// TestIstiods checks that Cluster.Istiods finds every istiod replica, and that each answers for itself, now. It makes a remote
// secret for a cluster at an address of no host (192.0.2.1, of RFC 5737) in the istiod namespace, and deletes it. Of a hosted
// control plane, which may read other Secrets, it leaves that part out.
func TestIstiods(t *testing.T, c *peering.Cluster) {
	if c == nil || c.Istiods == nil || c.Objects == nil {
		t.Fatal("conformance: TestIstiods needs a Cluster with Istiods and Objects")
	}
	suite.Run(t, istiodRules(c))
}

const noSuchCluster = "conformance-no-such-cluster"

func istiodRules(c *peering.Cluster) []suite.Rule {
	each := func(ctx context.Context, check func(istiod.Replica) error) error {
		replicas, err := c.Istiods.Replicas(ctx)
		if err == nil && len(replicas) == 0 {
			err = errors.New("there is no replica: where none can be found, that is an error which says why")
		}
		if err != nil {
			return err
		}
		for _, r := range replicas {
			defer r.Close()
			if err := check(r); err != nil {
				return fmt.Errorf("replica %s: %w", r.Name, err)
			}
		}
		return nil
	}
	own := func(ctx context.Context, r istiod.Replica) error {
		clusters, err := r.Clusterz(ctx)
		if err != nil {
			return err
		}
		for _, remote := range clusters {
			if remote.ID == c.ID.String() && remote.Secret == "" {
				return nil
			}
		}
		return fmt.Errorf("of the clusters it reads, %v, none is its own, %s", clusters, c.ID)
	}
	rules := []suite.Rule{
		{Name: "every replica has a name of its own", Check: func(ctx context.Context) error {
			seen := map[string]bool{}
			return each(ctx, func(r istiod.Replica) error {
				if r.Name == "" || seen[r.Name] {
					return fmt.Errorf("%q is empty or taken", r.Name)
				}
				seen[r.Name] = true
				return nil
			})
		}},
		{Name: "a replica knows its own cluster", Check: func(ctx context.Context) error {
			return each(ctx, func(r istiod.Replica) error { return own(ctx, r) })
		}},
		{Name: "a cluster that nobody made is not seen", Check: func(ctx context.Context) error {
			return each(ctx, func(r istiod.Replica) error {
				status, err := r.Status(ctx, noSuchCluster, "")
				if err == nil && status != istiod.NotSeen {
					err = fmt.Errorf("status is %q", status)
				}
				return err
			})
		}},
		{Name: "a document that istiod does not have is an error", Check: func(ctx context.Context) error {
			return each(ctx, func(r istiod.Replica) error {
				if r.Debug == nil {
					return errors.New("it has no Debug")
				}
				body, err := r.Debug(ctx, "/debug/conformance-no-such-document")
				if err == nil {
					err = fmt.Errorf("it answers %.60q", body)
				} else {
					err = nil
				}
				return err
			})
		}},
		{Name: "what a replica holds of its own cluster can be read", Check: func(ctx context.Context) error {
			return each(ctx, func(r istiod.Replica) error {
				holding, err := r.Holding(ctx, c.ID.String())
				if err == nil && holding == nil {
					err = errors.New("it is nil")
				}
				return err
			})
		}},
		{Name: "requests at the same time are answered", Check: func(ctx context.Context) error {
			return each(ctx, func(r istiod.Replica) error {
				const requests = 4
				failures := make(chan error)
				for range requests {
					go func() { failures <- own(ctx, r) }()
				}
				var all []error
				for range requests {
					all = append(all, <-failures)
				}
				return errors.Join(all...)
			})
		}},
		{Name: "a replica answers again, after Close too", Check: func(ctx context.Context) error {
			return each(ctx, func(r istiod.Replica) error {
				if err := own(ctx, r); err != nil {
					return err
				}
				r.Close()
				return own(ctx, r)
			})
		}},
		{Name: "an ended context is an error", Check: func(ctx context.Context) error {
			err := suite.Ends(func() error {
				_, err := c.Istiods.Replicas(suite.Ended(ctx))
				return err
			})
			if err != nil {
				return fmt.Errorf("the list of replicas: %w", err)
			}
			return each(ctx, func(r istiod.Replica) error {
				return suite.Ends(func() error { return own(suite.Ended(ctx), r) })
			})
		}},
	}
	if !c.Hosted {
		rules = append(rules, suite.Rule{Name: "every replica sees a remote secret come and go", Check: func(ctx context.Context) error {
			return comesAndGoes(ctx, c, each)
		}})
	}
	return rules
}

// comesAndGoes writes a remote secret and looks for it in the replicas, without asking for them again.
func comesAndGoes(ctx context.Context, c *peering.Cluster, each func(context.Context, func(istiod.Replica) error) error) error {
	namespace := c.Namespace
	if namespace == "" {
		namespace = "istio-system"
	}
	secret, err := secrets.Build(secrets.Remote{
		Cluster:  noSuchCluster,
		Endpoint: secrets.Endpoint{Server: "https://192.0.2.1:6443", CA: c.Endpoint.CA},
		Token:    secrets.NewToken("no-token-at-all", time.Time{}),
	}, secrets.Options{Namespace: namespace, Name: "conformance-istiods"})
	if err != nil {
		return err
	}
	gone := func() error {
		return c.Objects.Delete(context.WithoutCancel(ctx), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: secret.Name}})
	}
	if _, err := c.Objects.Create(ctx, secret); err != nil {
		return err
	}
	there := true
	defer func() {
		if there {
			_ = gone()
		}
	}()
	seen := func(want bool) error {
		return each(ctx, func(r istiod.Replica) error {
			return suite.Await(ctx, lag, func() error {
				status, err := r.Status(ctx, noSuchCluster, namespace+"/"+secret.Name)
				if err == nil && (status != istiod.NotSeen) != want {
					err = fmt.Errorf("it says %q of a cluster whose remote secret was made or deleted", status)
				}
				return err
			})
		})
	}
	if err := seen(true); err != nil {
		return fmt.Errorf("after Create: %w", err)
	}
	there = false
	if err := gone(); err != nil {
		return err
	}
	if err := seen(false); err != nil {
		return fmt.Errorf("after Delete: %w", err)
	}
	return nil
}
