//go:build linux

package e2e_test

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/internal/lab"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/secrets"
)

// TestEveryMinimalRuleIsNeeded lets one istiod read the same cluster under many names, each with a reader that lacks one
// resource, and prints what comes of it.
func TestEveryMinimalRuleIsNeeded(t *testing.T) {
	w := start(t,
		lab.ClusterOptions{ID: "read", GatewayAPI: true},
		lab.ClusterOptions{ID: "reader", RemoteClusterTimeout: 5 * time.Second})
	// endpoints: whether istiod gives out endpoints of the cluster all the same.
	cases := []struct {
		dropped   string
		status    istiod.Status
		endpoints bool
	}{
		{"nothing", istiod.Synced, true},
		{"namespaces", istiod.TimedOut, false},
		{"nodes", istiod.TimedOut, false},
		{"pods", istiod.TimedOut, false},
		{"services", istiod.TimedOut, false},
		{"endpointslices", istiod.TimedOut, false},
		{"customresourcedefinitions", istiod.TimedOut, false},
		{"gateways", istiod.TimedOut, false},
		{"secrets", istiod.TimedOut, true},
		{"configmaps", istiod.TimedOut, true}, // in one namespace, one name: the Role
		{"workloadentries", istiod.TimedOut, true},
	}
	var minimal []string
	rules, err := rbac.Explain(rbac.Options{Profile: rbac.Minimal})
	require.NoError(t, err)
	for _, r := range rules {
		minimal = append(minimal, r.Resources...)
		require.Contains(t, r.Evidence, "ran on the lab", "which is here")
	}
	require.Len(t, cases, len(minimal)+1, "one case for each of %v", minimal)

	seen := make([]observation, len(cases))
	var wg sync.WaitGroup
	for i, c := range cases {
		wg.Go(func() { seen[i] = observe(t.Context(), w, c.dropped) })
	}
	wg.Wait()
	t.Logf("%-28s %-10s %s", "without list, watch on", "clusterz", "endpoints")
	for i, c := range cases {
		require.NoError(t, seen[i].err, c.dropped)
		t.Logf("%-28s %-10s %v", c.dropped, seen[i].status, seen[i].endpoints)
		require.Equal(t, c.status, seen[i].status, c.dropped)
		require.Equal(t, c.endpoints, seen[i].endpoints, c.dropped)
	}
}

type observation struct {
	status    istiod.Status
	endpoints bool
	err       error
}

// observe peers by hand, as the SDK would refuse to: with a reader that lacks a resource.
func observe(ctx context.Context, w *world, dropped string) (o observation) {
	name := "without-" + dropped
	if o.err = peerByHand(ctx, w, name, func(reader *rbac.Reader) {
		for _, rules := range []*[]rbacv1.PolicyRule{&reader.ClusterRole.Rules, &reader.Role.Rules} {
			for i := range *rules {
				(*rules)[i].Resources = slices.DeleteFunc((*rules)[i].Resources, func(r string) bool { return r == dropped })
			}
			*rules = slices.DeleteFunc(*rules, func(r rbacv1.PolicyRule) bool { return len(r.Resources) == 0 })
		}
	}); o.err != nil {
		return o
	}
	ctx, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	for {
		o.status, o.endpoints, o.err = look(ctx, w.Clusters[1].Istiods[0], name)
		if o.err != nil || o.status == istiod.Synced || o.status == istiod.TimedOut {
			return o
		}
		select {
		case <-ctx.Done():
			o.err = ctx.Err()
			return o
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// look asks istiod for the state of a remote cluster and whether it has an endpoint of it.
func look(ctx context.Context, replica *lab.Istiod, id string) (istiod.Status, bool, error) {
	clusters, err := replica.Clusterz(ctx)
	if err != nil {
		return "", false, err
	}
	status := istiod.NotSeen
	for _, c := range clusters {
		if c.ID == id {
			status = istiod.Status(c.SyncStatus)
		}
	}
	body, err := replica.Debug(ctx, "/debug/endpointShardz")
	if err != nil {
		return "", false, err
	}
	var shards map[string]map[string]struct{ Shards map[string][]json.RawMessage }
	if err := json.Unmarshal(body, &shards); err != nil {
		return "", false, err
	}
	return status, len(shards["kubernetes.default.svc.cluster.local"]["default"].Shards["Kubernetes/"+id]) > 0, nil
}

// peerByHand makes cluster 0 known to the istiod of cluster 1 under a name, with minimal roles that were tampered with.
func peerByHand(ctx context.Context, w *world, name string, tamper func(*rbac.Reader)) error {
	reader, err := rbac.Render(rbac.Options{Profile: rbac.Minimal, Name: name, ServiceAccount: name})
	if err != nil {
		return err
	}
	tamper(reader)
	for _, o := range reader.Objects() {
		if _, err := w.clusters[0].Objects.Create(ctx, o.(peering.Object)); err != nil {
			return err
		}
	}
	granted, err := w.clusters[0].Accounts("istio-system").CreateToken(ctx, name, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	token := secrets.NewToken(granted.Status.Token, granted.Status.ExpirationTimestamp.Time)
	secret, err := secrets.Build(secrets.Remote{Cluster: name, Endpoint: w.clusters[0].Endpoint, Token: token}, secrets.Options{})
	if err != nil {
		return err
	}
	_, err = w.clusters[1].Objects.Create(ctx, secret)
	return err
}
