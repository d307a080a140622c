//go:build linux

package clusters

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/meshpeer/meshpeer/internal/lab/build"
	"github.com/meshpeer/meshpeer/internal/lab/dataplane"
)

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

// DataPlaneErr says why there is no data plane: nil if it runs. A lab that was asked for one and cannot have it (no Envoy,
// no nf_tables, loopback mode) runs its control planes only.
func (l *Lab) DataPlaneErr() error {
	if l.plane == nil && l.skipped == nil {
		return errors.New("lab: no data plane: Options.DataPlane is not set")
	}
	return l.skipped
}

// preparePlane makes what all clusters of the lab share. Where there can be no data plane it says so and goes on without.
func (l *Lab) preparePlane(o DataPlane, clusters []ClusterOptions) error {
	var err error
	if l.envoy, err = l.home.DataPlane(); err != nil {
		l.skipped = err
		l.say("%s: control planes only", strings.TrimPrefix(err.Error(), "lab: "))
		return nil
	}
	l.plane = &o
	l.bin = filepath.Join(l.Dir, "bin")
	proxies, err := l.proxies(clusters)
	if err != nil {
		return err
	}
	if err := dataplane.Programs(l.bin, l.home.Bin, l.envoy, proxies); err != nil {
		return err
	}
	l.images, err = dataplane.MakeImages(proxies)
	return err
}

// proxies are what sidecars of the clusters' versions are made of, each version once.
func (l *Lab) proxies(clusters []ClusterOptions) ([]dataplane.Proxy, error) {
	var names []string
	for _, c := range clusters {
		names = append(names, c.Istio)
		for _, r := range c.Revisions {
			names = append(names, r.Istio)
		}
	}
	var all []dataplane.Proxy
	for _, name := range names {
		istio, err := l.home.Istio(name)
		if err != nil {
			return nil, fmt.Errorf("lab: %w", err)
		}
		if slices.ContainsFunc(all, func(p dataplane.Proxy) bool { return p.Tag == istio.Tag }) {
			continue
		}
		bootstrap, err := os.ReadFile(istio.File(build.EnvoyBootstrap))
		if err != nil {
			return nil, fmt.Errorf("lab: %w", err)
		}
		all = append(all, dataplane.Proxy{Tag: istio.Tag, Bin: istio.Bin, Bootstrap: bootstrap})
	}
	return all, nil
}

// startPlane starts the cluster's Pods, names and Services, then injection and the scenario's objects. The Pods come up
// after it returns: see awaitScenario.
func (c *Cluster) startPlane(ctx context.Context) error {
	if c.lab.plane == nil {
		return nil
	}
	config, err := c.ConfigFor(userLab)
	if err != nil {
		return err
	}
	c.plane, err = dataplane.Start(dataplane.Config{
		API: config, Node: c.nodeName(), Net: c.net, Flat: c.flat(),
		Dir: c.dir, Bin: c.lab.bin, Images: c.lab.images, Spawn: c.lab.home.Spawn,
		Skip: isIstiod,
	})
	if err != nil {
		return err
	}
	c.agent.setPods(c.plane.Pods())
	if c.options.Topology.ServedBy != "" {
		return c.startServed(ctx)
	}
	if len(c.revisions) == 0 {
		return nil
	}
	for _, r := range c.revisions {
		if err := c.startInjection(ctx, r); err != nil {
			return err
		}
	}
	return c.applyScenario(ctx)
}
