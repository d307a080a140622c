//go:build linux

package e2e_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/meshpeer/meshpeer/peering/traffic"
	"github.com/meshpeer/meshpeer/probe"
)

const (
	networkLabel = "topology.istio.io/network"
	eastWest     = "istio-eastwestgateway"
)

var (
	httpbinService = object("v1", "Service", "default", "httpbin")
	gatewayService = object("v1", "Service", "istio-system", eastWest)
)

// unlabelled takes the network away.
func unlabelled(o *unstructured.Unstructured) {
	labels := o.GetLabels()
	delete(labels, networkLabel)
	o.SetLabels(labels)
}

// faults are mended one before the next. Failovers come last: From has an httpbin of its own after them.
var faults = []fault{
	{
		name:    "gateway missing",
		inflict: func(t *testing.T, s *scene) func() { return without(t, s.link.To, gatewayService) },
		want:    diagnosis{"network-gateway", probe.Failed, "knows no gateway of network network-1", "install an east-west gateway in cluster-1"},
	},
	{
		name: "gateway without address",
		inflict: func(t *testing.T, s *scene) func() {
			return replaced(t, s.link.To, gatewayService, func(o *unstructured.Unstructured) {
				spec := o.Object["spec"].(map[string]any)
				o.Object["spec"] = map[string]any{"type": "ClusterIP", "selector": spec["selector"], "ports": spec["ports"]}
				for _, port := range spec["ports"].([]any) {
					delete(port.(map[string]any), "nodePort")
				}
			})
		},
		want: diagnosis{"network-gateway", probe.Failed, "knows no gateway of network network-1", "it is of type ClusterIP"},
	},
	{
		name: "selector of the Gateway object wrong",
		inflict: func(t *testing.T, s *scene) func() {
			mend := edited(t, s.link.To, object("networking.istio.io/v1", "Gateway", "istio-system", "cross-network-gateway"),
				set(map[string]any{"istio": "nobody"}, "spec", "selector"))
			s.scaleIn(t, s.to, "istio-system", eastWest, 0) // connections that are open outlive the listener
			s.scaleIn(t, s.to, "istio-system", eastWest, 1)
			return mend
		},
		want: diagnosis{"teapot", probe.Failed, "most likely at the gateway", "Gateway with AUTO_PASSTHROUGH selects the gateway's pods"},
	},
	{
		name:    "network label of the gateway missing",
		inflict: func(t *testing.T, s *scene) func() { return edited(t, s.link.To, gatewayService, unlabelled) },
		want:    diagnosis{"network-gateway", probe.Failed, "knows no gateway of network network-1", "label its Service " + networkLabel + "=network-1"},
	},
	{
		name: "network labels missing",
		inflict: func(t *testing.T, s *scene) func() {
			namespace := edited(t, s.link.To, object("v1", "Namespace", "", "istio-system"), unlabelled)
			gateway := edited(t, s.link.To, gatewayService, unlabelled)
			return func() {
				namespace()
				gateway()
			}
		},
		want: diagnosis{"network-gateway", probe.Warned, "that of cluster-1 has no name: clients are sent to pod addresses", "label namespace istio-system of cluster-1"},
	},
	{
		name: "PeerAuthentication DISABLE",
		inflict: func(t *testing.T, s *scene) func() {
			return with(t, `{apiVersion: security.istio.io/v1, kind: PeerAuthentication, metadata: {name: plain-text}, spec: {mtls: {mode: DISABLE}}}`, s.clusters...)
		},
		want: diagnosis{"proxy-endpoints", probe.Failed, "none in cluster-1", "no DestinationRule or PeerAuthentication turns its mutual TLS off"},
	},
	{
		name: "DestinationRule with TLS DISABLE",
		inflict: func(t *testing.T, s *scene) func() {
			return with(t, `{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: plain-text},
				spec: {host: httpbin.default.svc.cluster.local, trafficPolicy: {tls: {mode: DISABLE}}}}`, s.link.From)
		},
		want: diagnosis{"proxy-endpoints", probe.Failed, "none in cluster-1", "no DestinationRule or PeerAuthentication turns its mutual TLS off"},
	},
	{
		name:    "Service missing in the client's cluster",
		inflict: func(t *testing.T, s *scene) func() { return without(t, s.link.From, httpbinService) },
		want:    diagnosis{"teapot", probe.Failed, "the client's cluster has no address for the name", "create the Service in the client's cluster too"},
	},
	{
		name: "server not injected",
		inflict: func(t *testing.T, s *scene) func() {
			return edited(t, s.link.To, object("apps/v1", "Deployment", "default", "httpbin"),
				set("false", "spec", "template", "metadata", "labels", "sidecar.istio.io/inject"))
		},
		want: diagnosis{"proxy-endpoints", probe.Failed, "none in cluster-1", "no pod of the service in cluster-1 has a sidecar"},
	},
	{
		name:    "client not injected",
		inflict: func(*testing.T, *scene) func() { return func() {} },
		look: func(ctx context.Context, s *scene) diagnosis {
			w := s.workload()
			w.Client = "outsider"
			return s.verify(ctx, w)
		},
		want: diagnosis{"proxy-endpoints", probe.Failed, "has no sidecar", "istio-injection=enabled"},
	},
	{
		name:    "plain text is told from mutual TLS",
		inflict: func(*testing.T, *scene) func() { return func() {} },
		look: func(ctx context.Context, s *scene) diagnosis {
			plain := probe.Curl{In: traffic.Executor{Side: s.link.To.Side(), Namespace: "default", Deployment: "outsider"}}
			return seen(probe.Identity{From: plain, URL: "http://httpbin:8000"}.Probe(ctx))
		},
		want: diagnosis{"mutual-tls", probe.Unknown, "got no X-Forwarded-Client-Cert", "see that the pods of server and client have sidecars"},
	},
	{
		name: "istiod down",
		inflict: func(t *testing.T, s *scene) func() {
			require.NoError(t, s.from.Istiods[0].Stop())
			return func() { require.NoError(t, s.from.Istiods[0].Start(t.Context())) }
		},
		look: flowing,
		want: diagnosis{"istiod-synced", probe.Unknown, "istiod-1 could not be asked", "is the Pod ready"},
	},
	{
		name: "remote API server down after the sync",
		inflict: func(t *testing.T, s *scene) func() {
			s.to.StopAPIServer()
			return func() { require.NoError(t, s.to.StartAPIServer(t.Context())) }
		},
		look: flowing,
		want: diagnosis{"connect", probe.Failed, "connection refused", "check that the API server runs"},
	},
	execForbidden,
	noCurl,
	autoscaled,
	killed,
}
