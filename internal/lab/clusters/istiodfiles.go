//go:build linux

package clusters

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/meshpeer/meshpeer/internal/lab/pki"
)

// writeIstioCA gives the cluster's istiods an intermediate of the lab's one mesh root, in the file layout of Istio's
// plugged-in CA (security/pkg/pki/ca, Secret "cacerts").
func (c *Cluster) writeIstioCA(root *pki.Authority) error {
	cert, key, err := root.Issue(pki.Subject{
		Name: c.ID + " istiod", Org: "meshpeer lab", CA: true, DNS: []string{"istiod.istio-system.svc"},
	})
	if err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	dir := filepath.Join(c.dir, "cacerts")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	for name, data := range map[string][]byte{
		"ca-cert.pem": cert, "ca-key.pem": key, "root-cert.pem": root.PEM, "cert-chain.pem": append(cert, root.PEM...),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			return fmt.Errorf("lab: %w", err)
		}
	}
	return nil
}

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
