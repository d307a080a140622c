package kube

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/util/exec"
	"k8s.io/streaming/pkg/httpstream"

	"github.com/meshpeer/meshpeer/internal/printable"
	"github.com/meshpeer/meshpeer/probe"
)

// PodExec runs commands in containers through the API server, as `kubectl exec` does without a terminal.
type PodExec struct{ Config *rest.Config }

// In is the container of a pod, which may be a native sidecar too. Safe for concurrent use.
func (e PodExec) In(namespace, pod, container string) probe.Executor {
	return podContainer{func() *rest.Config { return e.Config }, namespace, pod, container}
}

type podContainer struct {
	config                    func() *rest.Config // printers that follow fields do not enter it
	namespace, pod, container string
}

func (c podContainer) String() string {
	return c.namespace + "/" + c.pod + ", container " + c.container
}

// Exec implements [probe.Executor]. WebSocket is tried first, and SPDY if the API server is too old for it or a proxy is in
// the way (Kubernetes KEP-4006). Errors tell neither the command nor the URL, which holds it: a command may hold anything.
func (c podContainer) Exec(ctx context.Context, command probe.Command) (probe.Output, error) {
	if len(command.Args) == 0 {
		return probe.Output{}, fmt.Errorf("kube: exec in pod %s: Command.Args is empty: name a program", c)
	}
	query := url.Values{"command": command.Args, "container": {c.container}, "stdout": {"true"}, "stderr": {"true"}}
	if command.Stdin != nil {
		query.Set("stdin", "true")
	}
	executor, err := c.executor(query.Encode())
	if err != nil {
		return probe.Output{}, fmt.Errorf("kube: exec in pod %s: %w", c, printable.Error(without(query.Encode(), err)))
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stdout, stderr := &output{over: cancel}, &output{over: cancel}
	err = executor.StreamWithContext(ctx, remotecommand.StreamOptions{Stdin: command.Stdin, Stdout: stdout, Stderr: stderr})
	if cause := context.Cause(ctx); cause != nil {
		err = cause // the end of ctx or of our patience with the output, however the stream words it
	}
	var exit exec.CodeExitError
	if err != nil && !errors.As(err, &exit) {
		return probe.Output{}, fmt.Errorf("kube: exec in pod %s: %w", c, printable.Error(without(query.Encode(), err)))
	}
	return probe.NewOutput(exit.Code, stdout.bytes(), stderr.bytes()), nil
}

// executor is for one command: those of client-go keep the state of their connection.
func (c podContainer) executor(query string) (remotecommand.Executor, error) {
	config := rest.CopyConfig(c.config())
	config.Timeout = 0 // ctx bounds the stream
	base, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return nil, err
	}
	target := base.JoinPath("api", "v1", "namespaces", c.namespace, "pods", c.pod, "exec")
	target.RawQuery = query
	ws, err := remotecommand.NewWebSocketExecutor(config, "GET", target.String())
	if err != nil {
		return nil, err
	}
	spdy, err := remotecommand.NewSPDYExecutor(config, "POST", target)
	if err != nil {
		return nil, err
	}
	// The types of k8s.io/streaming: those of the same names in k8s.io/apimachinery fit no error of client-go 0.36.
	return remotecommand.NewFallbackExecutor(ws, spdy, func(err error) bool {
		return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
	})
}

// without is err with a query taken out of its text: net/http names the URL that it could not reach.
func without(query string, err error) error {
	if text := err.Error(); strings.Contains(text, query) {
		return errors.New(strings.ReplaceAll(text, query, "…"))
	}
	return err
}
