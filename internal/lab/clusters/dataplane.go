//go:build linux

package clusters

import "errors"

// DataPlane adds what carries traffic to the clusters: Pods that run, Istio's sidecar injection, names and Services, and
// the workloads of the scenario. In every cluster the namespace default is labelled for injection and holds the
// Deployments httpbin (with Service httpbin:8000) and sleep, as on ASM's page "Mutual access between remote and managed
// control plane workloads"; istio-system holds the east-west gateway, its Gateway "cross-network-gateway" and a
// PeerAuthentication, as in Istio's guide "Multi-Primary on different networks".
type DataPlane struct {
	// Flat puts all clusters on one network: Pods reach each other directly and there are no gateways. Otherwise Pods of
	// two clusters have nothing in common but the gateways' load balancers and the API servers.
	Flat bool
	// Strict makes the mesh refuse plain text (PeerAuthentication STRICT); otherwise it is PERMISSIVE.
	Strict bool
	// NoWorkloads leaves out httpbin and sleep.
	NoWorkloads bool
}

// DataPlaneErr says why there is no data plane: nil if it runs. A lab that was asked for one and cannot have it, without an
// Envoy or in loopback mode, runs its control planes only.
func (l *Lab) DataPlaneErr() error {
	if l.plane == nil && l.skipped == nil {
		return errors.New("lab: no data plane: Options.DataPlane is not set")
	}
	return l.skipped
}
