//go:build linux

package clusters

import (
	"fmt"
	"regexp"
	"time"
)

// Options say what to start. The zero value starts cluster-1 with one istiod and cluster-2 with two.
type Options struct {
	// Clusters to start; empty means the default two.
	Clusters []ClusterOptions
	// Progress receives one line per step reached; calls come from one goroutine at a time. Nil means silence.
	Progress func(string)
	// DataPlane adds Pods and traffic; nil means control planes only. Where the machine cannot have it the lab starts
	// without, says why through Progress, and Lab.DataPlaneErr tells.
	DataPlane *DataPlane
	// Timeout bounds the start as a whole; zero means two minutes.
	Timeout time.Duration
}

// ClusterOptions describe one cluster. Only ID is needed.
type ClusterOptions struct {
	// ID is the cluster ID that istiod runs under: a DNS label, unique in the lab.
	ID string
	// Network is the label topology.istio.io/network of istio-system; empty means "network-" and the position from 1,
	// or "network-1" for all when DataPlane.Flat is set.
	Network string
	// Istiods is the number of istiod replicas; zero means one.
	Istiods int
	// Istio is the version of the istiods and of the proxies that they inject, one of Releases; empty means the lab's own.
	// The program names it in EnterOptions too.
	Istio string
	// Revisions are further control planes of the cluster.
	Revisions []Revision
	// NoIstiod leaves istiod out: an API server with controllers only, without Istio's CRDs.
	NoIstiod bool
	// Hosted runs the istiods as a managed control plane does: outside the cluster (no Pods, no ServiceAccount) and
	// already reading every other cluster of the lab through kubeconfigs of its own, not through Secrets
	// (PILOT_MULTICLUSTER_KUBECONFIG_PATH, Istio 1.30 or later).
	Hosted bool
	// NoGateway leaves the cluster without an east-west gateway (with Options.DataPlane).
	NoGateway bool
	// OwnRoot gives the cluster's istiods a root CA that no other cluster of the lab trusts.
	OwnRoot bool
	// NoTokenController leaves out serviceaccount-token-controller: token Secrets are never filled.
	NoTokenController bool
	// MaxTokenLife caps requested tokens (--service-account-max-token-expiration, at least one hour); zero: no cap.
	MaxTokenLife time.Duration
	// GatewayAPI installs the CRDs of the Kubernetes Gateway API, standard channel.
	GatewayAPI bool
	// RemoteClusterTimeout is istiod's PILOT_REMOTE_CLUSTER_TIMEOUT; zero means Istio's default of 30 s.
	RemoteClusterTimeout time.Duration
	// Topology is how the cluster is part of the mesh; the zero value: an istiod of its own and the lab's trust domain.
	Topology Topology
	// IstiodEnv is added to the environment of the istiods and wins over the lab's own values.
	IstiodEnv map[string]string
}

const maxIstiods = 9

var clusterID = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)

// complete returns a copy with every default filled in, or an error naming the field that cannot be.
func (o Options) complete() (Options, error) {
	if len(o.Clusters) == 0 {
		o.Clusters = []ClusterOptions{{ID: "cluster-1"}, {ID: "cluster-2", Istiods: 2}}
	}
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	if o.Timeout <= 0 {
		o.Timeout = 2 * time.Minute
	}
	clusters := make([]ClusterOptions, len(o.Clusters))
	seen := map[string]bool{}
	for i, c := range o.Clusters {
		switch {
		case !clusterID.MatchString(c.ID):
			return o, fmt.Errorf("lab: Clusters[%d].ID %q: must be a DNS label", i, c.ID)
		case seen[c.ID]:
			return o, fmt.Errorf("lab: Clusters[%d].ID %q: used twice", i, c.ID)
		case c.Istiods < 0 || c.Istiods > maxIstiods:
			return o, fmt.Errorf("lab: Clusters[%d].Istiods %d: must be 0 to %d", i, c.Istiods, maxIstiods)
		case c.MaxTokenLife != 0 && c.MaxTokenLife < time.Hour:
			return o, fmt.Errorf("lab: Clusters[%d].MaxTokenLife %s: kube-apiserver accepts one hour or more", i, c.MaxTokenLife)
		}
		if err := c.checkRevisions(i); err != nil {
			return o, err
		}
		seen[c.ID] = true
		if c.Istiods == 0 {
			c.Istiods = 1
		}
		c.IstiodEnv = c.Topology.env(c.IstiodEnv)
		if c.NoIstiod || c.Topology.ServedBy != "" {
			c.Istiods = 0
		}
		if c.Network == "" {
			c.Network = fmt.Sprintf("network-%d", i+1)
			if o.DataPlane != nil && o.DataPlane.Flat {
				c.Network = "network-1"
			}
		}
		clusters[i] = c
	}
	o.Clusters = clusters
	return o, checkTopologies(clusters)
}
