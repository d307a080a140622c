//go:build linux

package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"

	"k8s.io/client-go/tools/remotecommand"
	utilexec "k8s.io/client-go/util/exec"
	"k8s.io/streaming/pkg/httpstream"
)

// Exec runs a command in a container, through the API server as kubectl exec does (WebSocket, else SPDY). An exit code
// other than zero is no error; err is for a command that could not be run.
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
