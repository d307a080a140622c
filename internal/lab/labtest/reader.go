//go:build linux

package labtest

import (
	"context"
	"slices"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/internal/lab"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/secrets"
)

// Reading is what an istiod makes of a cluster that it reads with less than it needs.
type Reading struct {
	Status istiod.Status
	// Endpoints says whether it gives out endpoints of the cluster all the same.
	Endpoints bool
	Err       error
}

// ReadWithout makes a cluster known to an istiod under a name of its own, as the SDK would refuse to: with a reader that
// lacks one resource of the role. It waits until the cluster is synced or timed out.
func ReadWithout(ctx context.Context, role rbac.Options, dropped string, to, from *peering.Cluster, replica *lab.Istiod) (o Reading) {
	role.Name = "without-" + dropped
	role.ServiceAccount = role.Name
	if o.Err = peerByHand(ctx, role, dropped, to, from); o.Err != nil {
		return o
	}
	ctx, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	for {
		o.Status, o.Endpoints, o.Err = Look(ctx, replica, role.Name)
		if o.Err != nil || o.Status == istiod.Synced || o.Status == istiod.TimedOut {
			return o
		}
		select {
		case <-ctx.Done():
			o.Err = ctx.Err()
			return o
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func peerByHand(ctx context.Context, role rbac.Options, dropped string, to, from *peering.Cluster) error {
	reader, err := rbac.Render(role)
	if err != nil {
		return err
	}
	reader.ClusterRole.Rules = without(reader.ClusterRole.Rules, dropped)
	if reader.Role != nil {
		reader.Role.Rules = without(reader.Role.Rules, dropped)
	}
	for _, o := range reader.Objects() {
		if _, err := to.Objects.Create(ctx, o.(peering.Object)); err != nil {
			return err
		}
	}
	granted, err := to.Accounts("istio-system").CreateToken(ctx, role.Name, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	token := secrets.NewToken(granted.Status.Token, granted.Status.ExpirationTimestamp.Time)
	secret, err := secrets.Build(secrets.Remote{Cluster: role.Name, Endpoint: to.Endpoint, Token: token}, secrets.Options{})
	if err != nil {
		return err
	}
	_, err = from.Objects.Create(ctx, secret)
	return err
}

// without leaves a resource out of all rules, and the rules that are about nothing else.
func without(rules []rbacv1.PolicyRule, dropped string) []rbacv1.PolicyRule {
	for i := range rules {
		rules[i].Resources = slices.DeleteFunc(rules[i].Resources, func(r string) bool { return r == dropped })
	}
	return slices.DeleteFunc(rules, func(r rbacv1.PolicyRule) bool { return len(r.Resources) == 0 })
}
