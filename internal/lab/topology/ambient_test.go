//go:build linux

package topology_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/internal/lab"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/probe"
)

// ambientApp is a namespace of ambient clients and servers, as Istio's CNI agent would mark their Pods, with a service of all
// clusters and one of its own, and the gateway of Istio's samples/multicluster/gen-eastwest-gateway.sh --ambient.
const ambientApp = `
apiVersion: v1
kind: Namespace
metadata: {name: app, labels: {istio.io/dataplane-mode: ambient}}
---
apiVersion: v1
kind: Service
metadata: {name: shared, namespace: app, labels: {istio.io/global: "true"}}
spec: {selector: {app: httpbin}, ports: [{name: http, port: 8000, targetPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: own, namespace: app}
spec: {selector: {app: httpbin}, ports: [{name: http, port: 8000, targetPort: 8080}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: httpbin, namespace: app}
spec:
  selector: {matchLabels: {app: httpbin}}
  template:
    metadata:
      labels: {app: httpbin}
      annotations: {ambient.istio.io/redirection: enabled}
    spec:
      containers:
      - {name: httpbin, image: docker.io/mccutchen/go-httpbin:v2.26.0, ports: [{containerPort: 8080}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: istio-eastwestgateway, namespace: istio-system, labels: {topology.istio.io/network: %q}}
spec:
  gatewayClassName: istio-east-west
  listeners:
  - name: mesh
    port: 15008
    protocol: HBONE
    tls: {mode: Terminate, options: {gateway.istio.io/tls-terminate-mode: ISTIO_MUTUAL}}
`

const scopes = "serviceScopeConfigs: [{scope: GLOBAL, servicesSelector: {matchExpressions: [{key: istio.io/global, operator: In, values: [\"true\"]}]}}]\n"

// TestAmbient looks at what istiods make of a cluster that is peered for ambient clients. There is no ztunnel, so no call is
// made.
func TestAmbient(t *testing.T) {
	lab.RequireDataPlane(t)
	ambient := lab.Topology{Ambient: true}
	l, err := lab.Start(t.Context(), lab.Options{DataPlane: &lab.DataPlane{NoWorkloads: true}, Clusters: []lab.ClusterOptions{
		{ID: "near", Network: "network-n", NoGateway: true, GatewayAPI: true, Topology: ambient},
		{ID: "far", Network: "network-f", NoGateway: true, GatewayAPI: true, Topology: ambient},
	}})
	require.NoError(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			_ = l.Logs(os.Stderr, 15)
		}
		require.NoError(t, l.Close())
	})
	w := connect(t, l)
	for _, c := range l.Clusters {
		require.NoError(t, c.Apply(t.Context(), fmt.Appendf(nil, ambientApp, c.Network)))
		require.NoError(t, writeMesh(t.Context(), c, scopes))
	}
	question := func(service string) preflight.Input {
		in := preflight.Input{Flavour: preflight.Upstream, Endpoint: w.clusters["far"].Endpoint, Workload: &preflight.Workload{Namespace: "app", Service: service, Client: "httpbin"}}
		in.From, err = preflight.Connect("near", l.Cluster("near").Config)
		require.NoError(t, err)
		in.To, err = preflight.Connect("far", l.Cluster("far").Config)
		require.NoError(t, err)
		return in
	}

	var findings map[string]preflight.Finding
	passes := func(checks ...string) bool {
		all, err := preflight.Run(t.Context(), question("shared"))
		require.NoError(t, err)
		findings = map[string]preflight.Finding{}
		for _, f := range all {
			findings[f.ID] = f
		}
		for _, check := range checks {
			if findings[check].Status != probe.Passed {
				return false
			}
		}
		return true
	}
	require.Eventually(t, func() bool { return passes("gateway-address", "gateway-passthrough", "cluster-local") }, 2*patience, 4*tick, "%+v", lazily(func() string { return fmt.Sprintf("%+v", findings) }))
	require.Contains(t, findings["gateway-address"].Evidence, "port 15008")

	link := w.link("near", "far")
	report, err := (&peering.Peering{Flavour: preflight.Upstream, Tolerate: []string{"gateway-ready"}}).Ensure(t.Context(), link) // no call is made
	require.NoError(t, err)
	require.Equal(t, probe.Passed, results(report.Links[0])["istiod-synced"].Status)

	t.Run("predicted gateways are what istiod knows", func(t *testing.T) {
		predicted, err := preflight.NetworkGateways(t.Context(), question("shared"))
		require.NoError(t, err)
		var known []preflight.NetworkGateway
		debug(t, l, "/debug/networkz", &known)
		for i := range predicted {
			predicted[i].Object = "" // istiod does not say
		}
		require.ElementsMatch(t, predicted, known)
	})
	t.Run("istiod sends ambient clients of the shared service to the gateway, and of the other one nowhere", func(t *testing.T) {
		var far []string
		require.Eventually(t, func() bool { far = tunnelled(t, l); return len(far) > 0 }, patience, 4*tick)
		require.Len(t, far, 1)
		require.Contains(t, far[0], "app/shared.app.svc.cluster.local")
	})
	t.Run("and preflight says so", func(t *testing.T) {
		all, err := preflight.Run(t.Context(), question("own"))
		require.NoError(t, err)
		for _, f := range all {
			if f.ID == "cluster-local" {
				require.Equal(t, probe.Failed, f.Status)
				require.Contains(t, f.Evidence, "makes it GLOBAL")
			}
		}
	})
}

// tunnelled are the services of far that near's istiod sends ambient clients to a gateway for.
func tunnelled(t *testing.T, l *lab.Lab) (all []string) {
	t.Helper()
	var document struct {
		Workloads []struct {
			Network        string
			Services       map[string]any
			NetworkGateway *struct{ HBONEMTLSPort int }
		}
	}
	debug(t, l, "/debug/ambientz", &document)
	for _, workload := range document.Workloads {
		if workload.Network != "network-f" || workload.NetworkGateway == nil {
			continue
		}
		require.Equal(t, 15008, workload.NetworkGateway.HBONEMTLSPort)
		for service := range workload.Services {
			if strings.HasPrefix(service, "app/") {
				all = append(all, service)
			}
		}
	}
	return all
}

// debug reads a document of near's istiod.
func debug(t *testing.T, l *lab.Lab, path string, into any) {
	t.Helper()
	body, err := l.Cluster("near").Istiods[0].Debug(t.Context(), path)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(body, into), "%s", body)
}

// lazily is text that is made when it is printed.
type lazily func() string

func (l lazily) String() string { return l() }

// writeMesh writes the ConfigMap of a mesh configuration.
func writeMesh(ctx context.Context, c *lab.Cluster, mesh string) error {
	return c.Apply(ctx, fmt.Appendf(nil, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio, namespace: istio-system}\ndata:\n  mesh: %q\n  meshNetworks: %q\n", mesh, "networks: {}\n"))
}
