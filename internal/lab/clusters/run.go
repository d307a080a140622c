//go:build linux

package clusters

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"strings"

	"k8s.io/client-go/tools/remotecommand"
	utilexec "k8s.io/client-go/util/exec"
	"k8s.io/streaming/pkg/httpstream"
)

// Run runs one of the binary's programs to its end, e.g. "istioctl", and returns its standard output without the warning
// that Istio's registry of environment variables prints there. The error holds standard error.
func (l *Lab) Run(ctx context.Context, name string, args ...string) ([]byte, error) {
	return l.run(ctx, l.home.Bin, name, args...)
}

func (l *Lab) run(ctx context.Context, bin, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, bin, append([]string{name}, args...)...)
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

// Istioctl runs istioctl against the cluster as UserAdmin: that of the cluster's Istio, or the lab's own where there is none.
func (c *Cluster) Istioctl(ctx context.Context, args ...string) ([]byte, error) {
	bin := c.lab.home.Bin
	if len(c.revisions) > 0 {
		bin = c.revisions[0].istio.Bin
	}
	return c.lab.run(ctx, bin, "istioctl", append([]string{"--kubeconfig", c.Kubeconfig}, args...)...)
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

// Exec runs a command in a container, through the API server as kubectl exec does (WebSocket, else SPDY). An exit code
// other than zero is not an error; err is for a command that could not be run.
func (c *Cluster) Exec(ctx context.Context, namespace, pod, container string, args ...string) (stdout, stderr []byte, exit int, err error) {
	query := url.Values{"container": {container}, "command": args, "stdout": {"true"}, "stderr": {"true"}}
	at, err := url.Parse(c.Server + "/api/v1/namespaces/" + namespace + "/pods/" + pod + "/exec?" + query.Encode())
	if err != nil {
		return nil, nil, 0, fmt.Errorf("lab: %w", err)
	}
	executor, err := c.executor(at)
	if err != nil {
		return nil, nil, 0, fmt.Errorf("lab: %w", err)
	}
	var out, complaint bytes.Buffer
	err = executor.StreamWithContext(ctx, remotecommand.StreamOptions{Stdout: &out, Stderr: &complaint})
	var failed utilexec.CodeExitError
	if errors.As(err, &failed) {
		return out.Bytes(), complaint.Bytes(), failed.Code, nil
	}
	if err != nil {
		err = fmt.Errorf("lab: exec in %s of %s/%s: %w", container, namespace, pod, err)
	}
	return out.Bytes(), complaint.Bytes(), 0, err
}

func (c *Cluster) executor(at *url.URL) (remotecommand.Executor, error) {
	websocket, err := remotecommand.NewWebSocketExecutor(c.Config, "GET", at.String())
	if err != nil {
		return nil, err
	}
	spdy, err := remotecommand.NewSPDYExecutor(c.Config, "POST", at)
	if err != nil {
		return nil, err
	}
	return remotecommand.NewFallbackExecutor(websocket, spdy, func(err error) bool {
		return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
	})
}
