//go:build linux

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/url"
	"time"

	"k8s.io/client-go/tools/remotecommand"
)

// asked runs in the client's container: one curl for each line that it reads.
const asked = `while read -r _; do curl -s -o /dev/null -m 5 -w '%{http_code}\n' http://httpbin:8000/status/418; done`

// teapot is the code of httpbin's answer. While no cluster has an httpbin that can be reached, the client's proxy says 503.
const teapot = "418"

// breath is the pause between an answer and the next request, so that asking takes no processor from the istiods.
const breath = 5 * time.Millisecond

// answer is what a client got, and when.
type answer struct {
	code string
	at   time.Time
}

// caller asks without a pause of its own, in one exec.
type caller struct {
	answers chan answer
	err     error // why it ended; read it when answers is closed
}

func (m *member) call(ctx context.Context) (*caller, error) {
	pod, err := m.PodName(ctx, "default", "app=sleep")
	if err != nil {
		return nil, err
	}
	query := url.Values{"container": {"sleep"}, "command": {"/bin/sh", "-c", asked}, "stdin": {"true"}, "stdout": {"true"}}
	executor, err := remotecommand.NewWebSocketExecutor(m.Config, "GET", m.Server+"/api/v1/namespaces/default/pods/"+pod+"/exec?"+query.Encode())
	if err != nil {
		return nil, err
	}
	stdin, ask := io.Pipe()
	lines, stdout := io.Pipe()
	c := &caller{answers: make(chan answer)}
	go func() {
		err := executor.StreamWithContext(ctx, remotecommand.StreamOptions{Stdin: stdin, Stdout: stdout})
		_ = stdin.CloseWithError(io.ErrClosedPipe)
		_ = stdout.CloseWithError(err)
	}()
	go func() {
		defer close(c.answers)
		c.err = c.read(ctx, lines, ask)
	}()
	return c, nil
}

// read asks anew after each answer until ctx ends.
func (c *caller) read(ctx context.Context, lines io.Reader, ask io.WriteCloser) error {
	defer ask.Close()
	scanner := bufio.NewScanner(lines)
	for {
		if _, err := fmt.Fprintln(ask); err != nil {
			return err
		}
		if !scanner.Scan() {
			return fmt.Errorf("the client's shell ended: %w", scanner.Err())
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case c.answers <- answer{scanner.Text(), time.Now()}:
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(breath):
		}
	}
}

// await takes answers until enough says so, and returns the last one.
func (c *caller) await(ctx context.Context, what string, enough func(answer) bool) (answer, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("no %s after %s", what, patience))
	defer cancel()
	for {
		select {
		case <-ctx.Done():
			return answer{}, context.Cause(ctx)
		case a, ok := <-c.answers:
			if !ok {
				return answer{}, c.err
			}
			if enough(a) {
				return a, nil
			}
		}
	}
}
