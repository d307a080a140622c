//go:build linux

package e2e_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/meshpeer/meshpeer/internal/lab"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/probe"
)

// ours are the objects with our labels.
func ours(t *testing.T, c *peering.Cluster) (all []peering.Object) {
	t.Helper()
	for _, like := range []peering.Object{
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "istio-system"}},
		&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "istio-system"}},
		&rbacv1.ClusterRole{}, &rbacv1.ClusterRoleBinding{}, &rbacv1.Role{}, &rbacv1.RoleBinding{},
	} {
		found, err := c.Objects.List(context.Background(), like, peering.LabelManagedBy+"="+peering.ManagedBy)
		require.NoError(t, err)
		for _, o := range found {
			o.SetResourceVersion("")
			all = append(all, o)
		}
	}
	return all
}

// left names what a failed call must not leave.
func left(t *testing.T, clusters ...*peering.Cluster) (names []string) {
	t.Helper()
	for _, c := range clusters {
		for _, o := range ours(t, c) {
			names = append(names, o.GetName())
		}
	}
	return names
}

func TestTokenControllerThatNeverAnswers(t *testing.T) {
	w := start(t, lab.ClusterOptions{ID: "cluster-1", NoIstiod: true}, lab.ClusterOptions{ID: "cluster-2", NoIstiod: true})
	require.NoError(t, w.Clusters[0].PauseControllers())
	defer func() { require.NoError(t, w.Clusters[0].ResumeControllers()) }()
	report, err := new(peering.Peering).Ensure(t.Context(), peering.Link{From: w.clusters[1], To: w.clusters[0]})
	require.ErrorContains(t, err, "kube-controller-manager")
	require.Equal(t, peering.StageMint, report.Links[0].Error.Stage)
	require.Empty(t, left(t, w.clusters...))
	require.Len(t, report.Links[0].Undone, 3)
}

func TestWrongCA(t *testing.T) {
	w := sharedWorld(t)
	config := rest.CopyConfig(w.Clusters[0].Config)
	config.CAData = w.Clusters[1].CA
	wrong, err := peering.Connect(w.clusters[0].ID, config, peering.ConnectOptions{AllowLoopback: w.Loopback})
	require.NoError(t, err, "Connect does no I/O")
	_, err = new(peering.Peering).Ensure(t.Context(), peering.Link{From: w.clusters[1], To: wrong})
	var failed *peering.Error
	require.ErrorAs(t, err, &failed)
	require.Equal(t, peering.StageConnect, failed.Stage)
	require.Contains(t, failed.Hint, "CA")

	endpoint := w.clusters[0].Endpoint
	endpoint.CA = w.Clusters[1].CA
	_, err = new(peering.Peering).Ensure(t.Context(), peering.Link{From: w.clusters[1], To: w.clusters[0], Endpoint: &endpoint})
	require.ErrorAs(t, err, &failed)
	require.Equal(t, peering.StageRead, failed.Stage)
	require.ErrorContains(t, err, "cluster-1 kubernetes", "the issuer that was presented")
	require.Empty(t, left(t, w.clusters...))
}

func TestCallerWithoutRights(t *testing.T) {
	w := sharedWorld(t)
	config, err := w.Clusters[0].ConfigFor(lab.UserLimited)
	require.NoError(t, err)
	limited, err := peering.Connect(w.clusters[0].ID, config, peering.ConnectOptions{AllowLoopback: w.Loopback})
	require.NoError(t, err)
	_, err = new(peering.Peering).Ensure(t.Context(), peering.Link{From: w.clusters[1], To: limited})
	var failed *peering.Error
	require.ErrorAs(t, err, &failed)
	require.Equal(t, peering.StageConnect, failed.Stage)
	require.ErrorContains(t, err, `"limited"`)
	require.Empty(t, left(t, w.clusters...))
}

// TestServerGoneInTheMiddle stops To's API server when the account is made: the rest cannot be undone, and the next call
// finishes the job.
func TestServerGoneInTheMiddle(t *testing.T) {
	w := start(t, lab.ClusterOptions{ID: "cluster-1", NoIstiod: true}, lab.ClusterOptions{ID: "cluster-2"})
	link := peering.Link{From: w.clusters[1], To: w.clusters[0]}
	stopped := false
	p := &peering.Peering{Observe: func(e peering.Event) {
		if !stopped && e.Action == peering.Created && strings.HasPrefix(e.Object, "ServiceAccount/") {
			stopped = true
			w.Clusters[0].StopAPIServer()
		}
	}}
	report, err := p.Ensure(t.Context(), link)
	require.Error(t, err)
	require.Equal(t, peering.StageGrant, report.Links[0].Error.Stage)
	require.NotEmpty(t, report.Links[0].Left, "what could not be undone is named")
	require.NoError(t, w.Clusters[0].StartAPIServer(t.Context()))

	report, err = new(peering.Peering).Ensure(t.Context(), link)
	require.NoError(t, err)
	require.Equal(t, probe.Passed, report.Status())
}

// TestCancelAtEveryStep ends the context when each step has ended: either nothing stays, or the link is made.
func TestCancelAtEveryStep(t *testing.T) {
	w := sharedWorld(t)
	link := peering.Link{From: w.clusters[1], To: w.clusters[0]}
	for _, object := range []string{"ServiceAccount/", "ClusterRole/", "ClusterRoleBinding/", "Token/", "Secret/"} {
		t.Run(strings.Trim(object, "/"), func(t *testing.T) {
			removeAfter(t, link)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			p := &peering.Peering{Observe: func(e peering.Event) {
				if e.Action == peering.Created && strings.HasPrefix(e.Object, object) {
					cancel()
				}
			}}
			report, err := p.Ensure(ctx, link)
			require.ErrorIs(t, err, context.Canceled)
			require.Empty(t, report.Links[0].Left)
			if object == "Secret/" {
				require.Equal(t, peering.StageSync, report.Links[0].Error.Stage)
				return
			}
			require.Empty(t, left(t, w.clusters...))
		})
	}
}

// TestForbiddenResourceIsNamed takes a right away from a reader whose istiod starts anew: istiod itself only logs it.
func TestForbiddenResourceIsNamed(t *testing.T) {
	w := start(t,
		lab.ClusterOptions{ID: "read", NoIstiod: true},
		lab.ClusterOptions{ID: "reader", RemoteClusterTimeout: 3 * time.Second})
	link := peering.Link{From: w.clusters[1], To: w.clusters[0]}
	p := &peering.Peering{SyncTimeout: 20 * time.Second}
	_, err := p.Ensure(t.Context(), link)
	require.NoError(t, err)

	found, err := link.To.Objects.Get(t.Context(), &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "meshpeer-reader-reader"}})
	require.NoError(t, err)
	role := found.(*rbacv1.ClusterRole)
	for i, rule := range role.Rules {
		for j, resource := range rule.Resources {
			if resource == "nodes" {
				role.Rules[i].Resources[j] = "nothing"
			}
		}
	}
	_, err = link.To.Objects.Update(t.Context(), role)
	require.NoError(t, err)

	var rights *peering.MissingRightsError
	require.Eventually(t, func() bool {
		_, err = p.Verify(t.Context(), link)
		return err != nil
	}, 20*time.Second, 200*time.Millisecond, "the authorizer reads from a cache")
	require.ErrorAs(t, err, &rights)
	require.Len(t, rights.Missing, 1)
	require.Equal(t, []string{"nodes"}, rights.Missing[0].Resources)
}
