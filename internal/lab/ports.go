//go:build linux

package lab

// Ports of istiod as Istio's charts name them (manifests/charts/istio-control/istio-discovery/templates/service.yaml).
const (
	portXDSPlain = 15010
	portXDS      = 15012
	portMonitor  = 15014
	portHTTP     = 8080
)
