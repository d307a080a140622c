//go:build linux

package e2e_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"

	"github.com/meshpeer/meshpeer/internal/lab"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/probe"
	"github.com/meshpeer/meshpeer/rbac"
)

// TestPreflightOnRealClusters makes every check on a mesh that is in order, and on one that lacks one thing at a time.
func TestPreflightOnRealClusters(t *testing.T) {
	w := inhabited(t)
	for _, c := range w.clusters { // the lab's istiods have it from a file
		add(t, c, &corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Namespace: "istio-system", Name: "istio"},
			Data:       map[string]string{"mesh": "trustDomain: cluster.local\nrootNamespace: istio-system\n", "meshNetworks": "networks: {}\n"},
		})
	}
	for _, link := range peering.Mesh(w.clusters...) {
		t.Run("in order, "+link.String(), func(t *testing.T) {
			findings := until(t, w.question(t, link), nil)
			t.Log("\n" + text(t, findings))
			require.Equal(t, []string{"server-url", "root-ca"}, ids(findings, probe.Warned), "a private address, and a root for some days")
			require.Subset(t, []string{"kubernetes-version"}, ids(findings, probe.Unknown), "an API server may be built without one")
		})
	}

	link := peering.Link{From: w.clusters[1], To: w.clusters[0]}
	t.Run("caller without rights", func(t *testing.T) { callerWithoutRights(t, w, link) })
	gateway := service("istio-system", "istio-eastwestgateway")
	for name, c := range map[string]struct {
		harm func(*testing.T)
		want []string // the checks that fail
		stop bool     // Ensure, which knows no workload, sees it too
	}{
		"gateway without address": {
			harm: func(t *testing.T) {
				alter(t, link.To, gateway, func(s *corev1.Service) { s.Spec.Type = corev1.ServiceTypeClusterIP })
			},
			want: []string{"gateway-address"}, stop: true,
		},
		"gateway without the port": {
			harm: func(t *testing.T) {
				alter(t, link.To, gateway, func(s *corev1.Service) {
					s.Spec.Ports = slices.DeleteFunc(s.Spec.Ports, func(p corev1.ServicePort) bool { return p.Port == 15443 })
				})
			},
			want: []string{"gateway-address"}, stop: true,
		},
		"PeerAuthentication DISABLE": {
			harm: func(t *testing.T) {
				o := &unstructured.Unstructured{Object: map[string]any{
					"apiVersion": "security.istio.io/v1", "kind": "PeerAuthentication",
					"metadata": map[string]any{"namespace": "default", "name": "plain"},
					"spec":     map[string]any{"mtls": map[string]any{"mode": "DISABLE"}},
				}}
				add(t, link.To, o)
			},
			want: []string{"peer-authentication"},
		},
		"no Service in From": {
			harm: func(t *testing.T) {
				o, err := link.From.Objects.Get(t.Context(), service("default", "httpbin"))
				require.NoError(t, err)
				require.NoError(t, link.From.Objects.Delete(t.Context(), o))
				t.Cleanup(func() {
					o.SetResourceVersion("")
					o.SetUID("")
					_, err := link.From.Objects.Create(context.Background(), o)
					require.NoError(t, err)
				})
			},
			want: []string{"service-in-both"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			in := w.question(t, link)
			until(t, in, nil)
			c.harm(t)
			findings := until(t, in, c.want)
			t.Log("\n" + text(t, failed(findings)))
			if !c.stop {
				return
			}
			_, err := (&peering.Peering{Flavour: preflight.Upstream}).Ensure(t.Context(), link)
			var blocked *peering.PreflightError
			require.ErrorAs(t, err, &blocked)
			require.Equal(t, c.want, ids(blocked.Findings, probe.Failed))
			require.Empty(t, left(t, w.clusters...), "nothing is written")
		})
	}
}

// callerWithoutRights asks as somebody who may read everything and write nothing: all that is missing is told at once.
func callerWithoutRights(t *testing.T, w *world, link peering.Link) {
	limited := map[string]*rest.Config{}
	for i, c := range w.clusters {
		meta := metav1.ObjectMeta{Name: "all-readers"}
		add(t, c, &rbacv1.ClusterRole{ObjectMeta: meta, Rules: []rbacv1.PolicyRule{
			{APIGroups: []string{"*"}, Resources: []string{"*"}, Verbs: []string{"get", "list", "watch"}},
		}})
		add(t, c, &rbacv1.ClusterRoleBinding{
			ObjectMeta: meta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: meta.Name},
			Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: lab.UserLimited}},
		})
		config, err := w.Clusters[i].ConfigFor(lab.UserLimited)
		require.NoError(t, err)
		limited[c.ID.String()] = config
	}
	in := w.question(t, link)
	for _, side := range []*preflight.Side{&in.From, &in.To} {
		var err error
		*side, err = preflight.Connect(side.ID, limited[side.ID])
		require.NoError(t, err)
	}
	findings := until(t, in, []string{"caller-rights"})
	t.Log("\n" + text(t, failed(findings)))
	seen := map[string]string{}
	for _, f := range findings {
		if f.ID == "caller-rights" || f.ID == "probe-rights" {
			require.NotEqual(t, probe.Passed, f.Status)
			seen[f.ID+" in "+f.Subject] = f.Evidence
		}
	}
	require.Equal(t, map[string]string{
		"caller-rights in cluster-1": "the caller may not create,update,delete serviceaccounts in istio-system; " +
			"create,update,delete,escalate,bind clusterroles.rbac.authorization.k8s.io; " +
			"create,update,delete clusterrolebindings.rbac.authorization.k8s.io; create,update,delete secrets in istio-system",
		"caller-rights in cluster-2": "the caller may not create,update,delete secrets in istio-system; create pods/portforward in istio-system",
		"probe-rights in cluster-2":  "the caller may not create pods/exec in default; update deployments.apps in default",
	}, seen)

	as := func(c *peering.Cluster) *peering.Cluster {
		they, err := peering.Connect(c.ID, limited[c.ID.String()], peering.ConnectOptions{})
		require.NoError(t, err)
		return they
	}
	_, err := (&peering.Peering{Flavour: preflight.Upstream}).Ensure(t.Context(), peering.Link{From: as(link.From), To: as(link.To)})
	var blocked *peering.PreflightError
	require.ErrorAs(t, err, &blocked)
	require.Len(t, blocked.Findings, 2, "both clusters at once")
	require.Equal(t, []string{"caller-rights"}, ids(blocked.Findings, probe.Failed))
	require.Empty(t, left(t, w.clusters...), "nothing is written")
}

// question is what preflight is to find out about a link and the scenario's workload.
func (w *world) question(t *testing.T, link peering.Link) preflight.Input {
	t.Helper()
	reader, err := rbac.Render(rbac.Options{})
	require.NoError(t, err)
	side := func(c *peering.Cluster) preflight.Side {
		s, err := preflight.Connect(c.ID.String(), w.Cluster(c.ID.String()).Config)
		require.NoError(t, err)
		return s
	}
	return preflight.Input{
		From: side(link.From), To: side(link.To), Flavour: preflight.Upstream, Endpoint: link.To.Endpoint, Rules: reader.ClusterRole.Rules,
		Workload: &preflight.Workload{Namespace: "default", Service: "httpbin", Port: 8000},
	}
}

// until asks anew until just these checks fail.
func until(t *testing.T, in preflight.Input, want []string) []preflight.Finding {
	t.Helper()
	for deadline := time.Now().Add(patience); ; {
		findings, err := preflight.Run(t.Context(), in)
		require.NoError(t, err)
		if slices.Equal(want, ids(findings, probe.Failed)) {
			return findings
		}
		require.True(t, time.Now().Before(deadline), "want %v\n%s", want, text(t, failed(findings)))
		select {
		case <-t.Context().Done():
			require.NoError(t, t.Context().Err())
		case <-time.After(tick):
		}
	}
}

func failed(findings []preflight.Finding) []preflight.Finding {
	return slices.DeleteFunc(slices.Clone(findings), func(f preflight.Finding) bool { return f.Status != probe.Failed })
}

// ids are the checks with a status.
func ids(findings []preflight.Finding, status probe.Status) (all []string) {
	for _, f := range findings {
		if f.Status == status {
			all = append(all, f.ID)
		}
	}
	return slices.Compact(all)
}

func text(t *testing.T, findings []preflight.Finding) string {
	t.Helper()
	var b strings.Builder
	require.NoError(t, preflight.WriteText(&b, findings))
	return b.String()
}

func service(namespace, name string) *corev1.Service {
	return &corev1.Service{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
	}
}

// add creates an object until the test is over.
func add(t *testing.T, c *peering.Cluster, o peering.Object) {
	t.Helper()
	made, err := c.Objects.Create(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Objects.Delete(context.Background(), made)) })
}

// alter changes a Service until the test is over.
func alter(t *testing.T, c *peering.Cluster, like *corev1.Service, change func(*corev1.Service)) {
	t.Helper()
	found, err := c.Objects.Get(t.Context(), like)
	require.NoError(t, err)
	before := found.(*corev1.Service)
	after := before.DeepCopy()
	change(after)
	_, err = c.Objects.Update(t.Context(), after)
	require.NoError(t, err)
	t.Cleanup(func() {
		live, err := c.Objects.Get(context.Background(), like)
		require.NoError(t, err)
		before.ResourceVersion = live.GetResourceVersion()
		_, err = c.Objects.Update(context.Background(), before)
		require.NoError(t, err)
	})
}
