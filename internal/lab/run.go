//go:build linux

package lab

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// Run runs one of the binary's programs to its end, e.g. "istioctl", and returns its standard output without the warning
// that Istio's registry of environment variables prints there. The error holds standard error.
func (l *Lab) Run(ctx context.Context, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, l.home.Bin, append([]string{name}, args...)...)
	cmd.Dir = l.Dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + l.Dir}
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := l.home.Spawn.Start(cmd, nil); err != nil {
		return nil, fmt.Errorf("lab: run %s: %w", name, err)
	}
	if err := cmd.Wait(); err != nil {
		return clean(out.Bytes()), fmt.Errorf("lab: run %s: %w: %s", name, err, strings.TrimSpace(complaint.String()))
	}
	return clean(out.Bytes()), nil
}

// Istioctl runs istioctl against the cluster as UserAdmin.
func (c *Cluster) Istioctl(ctx context.Context, args ...string) ([]byte, error) {
	return c.lab.Run(ctx, "istioctl", append([]string{"--kubeconfig", c.Kubeconfig}, args...)...)
}

func clean(out []byte) []byte {
	var kept [][]byte
	for _, line := range bytes.SplitAfter(out, []byte("\n")) {
		if !bytes.Contains(line, []byte("was registered multiple times")) {
			kept = append(kept, line)
		}
	}
	return bytes.Join(kept, nil)
}
