//go:build linux

package lab

import (
	"fmt"
	"os"
	"path/filepath"
)

// writeRemotes gives a hosted control plane one kubeconfig for each other cluster of the lab. istiod takes the name of
// the current context as the cluster ID and looks at files named *.yaml (pkg/kube/multicluster/kubeconfig_files.go).
func (c *Cluster) writeRemotes() error {
	if !c.options.Hosted {
		return nil
	}
	dir := filepath.Join(c.dir, "remotes")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	for _, other := range c.lab.Clusters {
		if other == c {
			continue
		}
		if err := other.writeKubeconfig(filepath.Join(dir, other.ID+".yaml"), userIstiod); err != nil {
			return err
		}
	}
	return nil
}
