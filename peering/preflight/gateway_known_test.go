package preflight_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/peering/preflight"
)

// A Service with the label of a network is a gateway by its label, whatever meshNetworks says of it.
func TestLabelComesBeforeRegistryServiceName(t *testing.T) {
	w := undialled(newWorld(t, remote, ""))
	meshNetworks(w.from, "networks: {network1: {endpoints: [{fromRegistry: cluster-1}], gateways: [{registryServiceName: eastwest.istio-system.svc.cluster.local, port: 443}]}}")
	gateways, err := preflight.NetworkGateways(t.Context(), w.in)
	require.NoError(t, err)
	require.Equal(t, []preflight.NetworkGateway{{
		Network: "network1", Cluster: "cluster-1", Addr: "203.0.113.7", Port: 15443, Object: "cluster-1 Service/istio-system/eastwest",
	}}, gateways)
}

// What could not be read may hold more gateways, so that it is an error.
func TestPredictionNeedsEveryRead(t *testing.T) {
	for _, kind := range []string{"Service", "Gateway." + gatewayAPI} {
		for _, side := range []func(*world) *memory{func(w *world) *memory { return w.from }, func(w *world) *memory { return w.to }} {
			w := undialled(newWorld(t, remote, ""))
			side(w).forbid(kind)
			_, err := preflight.NetworkGateways(t.Context(), w.in)
			require.ErrorContains(t, err, "forbidden", kind)
		}
	}
	w := undialled(newWorld(t, remote, ""))
	w.in.To.IstiodSelector = "a=b=c"
	_, err := preflight.NetworkGateways(t.Context(), w.in)
	require.ErrorContains(t, err, "Input.To.IstiodSelector")
}
