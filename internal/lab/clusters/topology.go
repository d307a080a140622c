//go:build linux

package clusters

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Topology makes a cluster part of the mesh in another way than with an istiod, a network and a trust domain of its own.
type Topology struct {
	// ServedBy is the ID of the cluster of the lab whose istiods serve this one (Istio's "primary-remote"): it has no istiod,
	// names that cluster in topology.istio.io/controlPlaneClusters, and its webhook and Service istiod lead there. Its Pods
	// come with Cluster.Settle, once these istiods read it. Implies NoIstiod, with Istio's CRDs.
	ServedBy string
	// TrustDomain of the cluster's istiods; empty means cluster.local.
	TrustDomain string
	// TrustDomainAliases are other trust domains whose workloads the cluster's own accept.
	TrustDomainAliases []string
	// Ambient turns on ambient mode with several networks, alpha in Istio 1.31; services with label istio.io/global=true are
	// those of all clusters. There is no ztunnel: it is not written in Go. Needs ClusterOptions.GatewayAPI.
	Ambient bool
}

// ambientEnv is what Istio's chart makes of profile ambient (manifests/charts/istio-control/istio-discovery/files), and
// the switch for several networks.
var ambientEnv = map[string]string{"PILOT_ENABLE_AMBIENT": "true", "AMBIENT_ENABLE_MULTI_NETWORK": "true"}

const ambientMesh = `serviceScopeConfigs:
- servicesSelector: {matchExpressions: [{key: istio.io/global, operator: In, values: ["true"]}]}
  scope: GLOBAL
`

// meshConfig is the part of the mesh configuration that depends on it.
func (t Topology) meshConfig() string {
	domain := t.TrustDomain
	if domain == "" {
		domain = "cluster.local"
	}
	text := "trustDomain: " + domain + "\n"
	if len(t.TrustDomainAliases) > 0 {
		text += "trustDomainAliases: [" + strings.Join(t.TrustDomainAliases, ", ") + "]\n"
	}
	if t.Ambient {
		text += ambientMesh
	}
	return text
}

// env is what istiods get besides their own variables.
func (t Topology) env(own map[string]string) map[string]string {
	if !t.Ambient {
		return own
	}
	env := maps.Clone(ambientEnv)
	maps.Copy(env, own)
	return env
}

// checkTopologies says what is wrong with the topologies of all clusters.
func checkTopologies(all []ClusterOptions) error {
	for i, c := range all {
		by := c.Topology.ServedBy
		if by != "" && !slices.ContainsFunc(all, func(o ClusterOptions) bool { return o.ID == by && o.Istiods > 0 }) {
			return fmt.Errorf("lab: Clusters[%d].Topology.ServedBy %q: must be the ID of a cluster of the lab that has istiods", i, by)
		}
	}
	return nil
}

// serving are the istiods that serve the cluster's proxies: its own, or those of another one.
func (c *Cluster) serving() []*Istiod {
	if by := c.options.Topology.ServedBy; by != "" {
		return c.lab.Cluster(by).Istiods
	}
	return c.Istiods
}

// flat says whether Pods of another cluster reach this one's directly.
func (c *Cluster) flat() bool {
	return c.lab.plane.Flat || slices.ContainsFunc(c.lab.Clusters, func(o *Cluster) bool { return o != c && o.Network == c.Network })
}

// startServed registers the webhook that leads to the istiods of another cluster. They sign it when they read this one.
func (c *Cluster) startServed(ctx context.Context) error {
	for _, object := range c.revisions[0].injection.objects {
		if err := c.Apply(ctx, object); err != nil {
			return err
		}
	}
	return c.applyManifest(ctx, "hosted.yaml")
}

// Settle fills a cluster that another one serves, once that one's istiods read it: it waits until they have signed the
// webhook, applies the scenario's objects and waits until their Pods are Ready.
func (c *Cluster) Settle(ctx context.Context) error {
	if c.options.Topology.ServedBy == "" || c.lab.plane == nil {
		return errors.New("lab: Settle: " + c.ID + " has no Topology.ServedBy, or the lab no data plane")
	}
	if err := c.awaitInjection(ctx, c.revisions[0]); err != nil {
		return err
	}
	if err := c.applyScenario(ctx); err != nil {
		return err
	}
	return parallel(ctx, c.awaitPods()...)
}

// UseKubeconfig makes the replica read its cluster with another credential from its next start on, as an istiod does that has
// the Secret istio-kubeconfig mounted.
func (i *Istiod) UseKubeconfig(kubeconfig []byte) error {
	if err := os.WriteFile(filepath.Join(i.program.dir, "kubeconfig"), kubeconfig, 0o600); err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	return nil
}
