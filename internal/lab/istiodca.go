//go:build linux

package lab

import (
	"fmt"
	"os"
	"path/filepath"
)

// writeIstioCA gives the cluster's istiods an intermediate of the lab's one mesh root, in the file layout of Istio's
// plugged-in CA (security/pkg/pki/ca, Secret "cacerts").
func (c *Cluster) writeIstioCA(root *authority) error {
	cert, key, err := root.issue(subject{
		name: c.ID + " istiod", org: "meshpeer lab", ca: true, dns: []string{"istiod.istio-system.svc"},
	})
	if err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	dir := filepath.Join(c.dir, "cacerts")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	for name, data := range map[string][]byte{
		"ca-cert.pem": cert, "ca-key.pem": key, "root-cert.pem": root.pem, "cert-chain.pem": append(cert, root.pem...),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			return fmt.Errorf("lab: %w", err)
		}
	}
	return nil
}
