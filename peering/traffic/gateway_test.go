package traffic_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
	"github.com/meshpeer/meshpeer/probe"
)

// knowing are istiods that tell of other gateways than they have.
type knowing struct {
	peering.SyncReader
	networkz string
}

func (k knowing) Replicas(ctx context.Context) ([]istiod.Replica, error) {
	replicas, err := k.SyncReader.Replicas(ctx)
	for i := range replicas {
		ask := replicas[i].Debug
		replicas[i].Debug = func(ctx context.Context, path string) ([]byte, error) {
			if strings.HasPrefix(path, "/debug/networkz") {
				return []byte(k.networkz), nil
			}
			return ask(ctx, path)
		}
	}
	return replicas, err
}

// TestGatewaysThatTheClientCannotUse: what istiod knows must fit the client, and come from where istiod takes it.
func TestGatewaysThatTheClientCannotUse(t *testing.T) {
	const own, elsewhere = `{"Network":"network-west","Cluster":"west","Addr":"192.0.2.2",`, `{"Network":"network-west","Cluster":"","Addr":"192.0.2.9",`
	for name, c := range map[string]struct {
		networkz string
		ambient  bool
		status   probe.Status
		says     string
	}{
		"HBONE only":                          {own + `"Port":0,"HBONEPort":15008}`, false, probe.Failed, "no gateway of network network-west that a sidecar can use, only 192.0.2.2 port 15008"},
		"HBONE told as both":                  {own + `"Port":15008,"HBONEPort":15008}`, false, probe.Failed, "that a sidecar can use"},
		"HBONE only, another not preferred":   {own + `"Port":0,"HBONEPort":15008},` + elsewhere + `"Port":15443}`, false, probe.Failed, "that a sidecar can use"},
		"both ports":                          {own + `"Port":15443,"HBONEPort":15008}`, false, probe.Passed, "192.0.2.2"},
		"from an istiod that knows no HBONE":  {own + `"Port":15443}`, false, probe.Passed, "192.0.2.2"},
		"of meshNetworks":                     {elsewhere + `"Port":15443}`, false, probe.Passed, "192.0.2.9"},
		"passthrough only, an ambient client": {own + `"Port":15443}`, true, probe.Failed, "that an ambient client can use"},
		"HBONE, an ambient client":            {own + `"Port":0,"HBONEPort":15008}`, true, probe.Passed, "192.0.2.2"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, east, _, link := town(t, true)
				east.Cluster.Istiods = knowing{east.Istiods, "[" + c.networkz + "]"}
				if c.ambient {
					toAmbient(t, east)
				}
				report, _ := p.Verify(t.Context(), link)
				got := result(t, report, "network-gateway")
				require.Equal(t, c.status, got.Status, "%+v", got)
				require.Contains(t, got.Summary, c.says)
				require.Equal(t, c.status == probe.Failed, got.Hint != "")
			})
		})
	}
}

// toAmbient takes the sidecar from the client's pods.
func toAmbient(t *testing.T, m *peeringtest.Member) {
	t.Helper()
	pods, err := m.List(t.Context(), &corev1.Pod{}, "app=sleep")
	require.NoError(t, err)
	for _, o := range pods {
		pod := o.(*corev1.Pod)
		pod.Annotations = map[string]string{"ambient.istio.io/redirection": "enabled"}
		pod.Spec.Containers = pod.Spec.Containers[:1]
		pod.Spec.Containers[0].Name = "sleep"
		pod.Spec.InitContainers = nil
		_, err := m.Update(t.Context(), pod)
		require.NoError(t, err)
	}
}

// TestHalfSetNetworks: one label alone is a mistake that somebody should know of.
func TestHalfSetNetworks(t *testing.T) {
	for name, c := range map[string]struct {
		east, west bool // whose label is taken away
		status     probe.Status
		says       string
	}{
		"To's is missing":   {false, true, probe.Warned, "that of west has no name"},
		"From's is missing": {true, false, probe.Warned, "the network of east has no name"},
		"both are missing":  {true, true, probe.Skipped, "reach each other directly"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, east, west, link := town(t, true)
				for _, m := range []struct {
					*peeringtest.Member
					unset bool
				}{{east, c.east}, {west, c.west}} {
					if !m.unset {
						continue
					}
					ns := &corev1.Namespace{}
					ns.Name = "istio-system"
					o, err := m.Get(t.Context(), ns)
					require.NoError(t, err)
					o.SetLabels(nil)
					_, err = m.Update(t.Context(), o)
					require.NoError(t, err)
				}
				report, _ := p.Verify(t.Context(), link)
				got := result(t, report, "network-gateway")
				require.Equal(t, c.status, got.Status, "%+v", got)
				require.Contains(t, got.Summary, c.says)
			})
		})
	}
}

// TestWhyNoGateway: what To's Service shows is the diagnosis.
func TestWhyNoGateway(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*corev1.Service)
		hint   string
	}{
		"node port": {func(s *corev1.Service) { s.Spec.Type = corev1.ServiceTypeNodePort; s.Status = corev1.ServiceStatus{} }, "only with annotation traffic.istio.io/nodeSelector"},
		"node port, annotated": {func(s *corev1.Service) {
			s.Spec.Type = corev1.ServiceTypeNodePort
			s.Status = corev1.ServiceStatus{}
			s.Annotations = map[string]string{"traffic.istio.io/nodeSelector": "{}"}
		}, "address of type ExternalIP"},
		"ClusterIP": {func(s *corev1.Service) { s.Spec.Type = corev1.ServiceTypeClusterIP; s.Status = corev1.ServiceStatus{} }, "of type ClusterIP"},
		"name": {func(s *corev1.Service) {
			s.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{Hostname: "lb.example.com"}}
		}, "must resolve (RESOLVE_HOSTNAME_GATEWAYS)"},
		"without the port": {func(*corev1.Service) {}, "port 15443"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, east, west, link := town(t, true)
				east.Cluster.Istiods = knowing{east.Istiods, "[]"}
				o, err := west.Get(t.Context(), service("istio-system", "istio-eastwestgateway"))
				require.NoError(t, err)
				c.change(o.(*corev1.Service))
				_, err = west.Update(t.Context(), o)
				require.NoError(t, err)
				report, err := p.Verify(t.Context(), link)
				require.Error(t, err)
				got := result(t, report, "network-gateway")
				require.Equal(t, probe.Failed, got.Status)
				require.Contains(t, got.Hint, c.hint)
			})
		})
	}
}
