package kube

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
	"k8s.io/streaming/pkg/httpstream"
)

// PodDialer opens connections to ports of pods through the API server, as `kubectl port-forward` does but without a
// local port: the stream itself is the connection.
type PodDialer struct{ Config *rest.Config }

// dialTimeout bounds the way to a pod, which else ends only with TCP where an API server takes a connection and says nothing.
const dialTimeout = 10 * time.Second

// Dial connects to port inside the pod's network, where it arrives from loopback. WebSocket is tried first and SPDY if
// the API server is too old for it (Kubernetes KEP-4006). The connection outlives ctx.
func (d PodDialer) Dial(ctx context.Context, namespace, pod string, port int) (net.Conn, error) {
	config := rest.CopyConfig(d.Config)
	config.Timeout = 0 // the stream outlives a call
	ctx, cancel := context.WithTimeout(valueless{ctx}, dialTimeout)
	defer cancel()
	config.Wrap(func(rt http.RoundTripper) http.RoundTripper { return within{rt, ctx} })
	dialer, err := dialer(config, namespace, pod)
	if err != nil {
		return nil, err
	}
	type dialed struct {
		conn net.Conn
		err  error
	}
	done := make(chan dialed, 1)
	go func() { // the dialers take no context; what they do ends with that of their request, or its deadline
		conn, _, err := dialer.Dial(portforward.PortForwardProtocolV1Name)
		if err != nil {
			done <- dialed{err: fmt.Errorf("kube: port-forward to pod %s/%s: %w", namespace, pod, err)}
			return
		}
		opened, err := open(conn, port)
		done <- dialed{opened, err}
	}()
	select {
	case <-ctx.Done():
		go func() {
			if late := <-done; late.err == nil {
				_ = late.conn.Close()
			}
		}()
		return nil, ctx.Err()
	case d := <-done:
		return d.conn, d.err
	}
}

// valueless is a context whose values are of no use to another's request: a trace of http would tell of both.
type valueless struct{ context.Context }

func (valueless) Value(any) any { return nil }

// within has requests end with a context of ours.
type within struct {
	http.RoundTripper
	ctx context.Context
}

func (w within) RoundTrip(r *http.Request) (*http.Response, error) {
	return w.RoundTripper.RoundTrip(r.WithContext(w.ctx))
}

func dialer(config *rest.Config, namespace, pod string) (httpstream.Dialer, error) {
	base, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return nil, err
	}
	target := base.JoinPath("api", "v1", "namespaces", namespace, "pods", pod, "portforward")
	ws, err := portforward.NewSPDYOverWebsocketDialerForStreaming(target, config)
	if err != nil {
		return nil, err
	}
	transport, upgrader, err := spdy.RoundTripperFor(config)
	if err != nil {
		return nil, err
	}
	old := spdy.NewDialerForStreaming(upgrader, &http.Client{Transport: transport}, http.MethodPost, target)
	return portforward.NewFallbackDialerForStreaming(ws, old, func(err error) bool {
		return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
	}), nil
}

// open asks for the two streams that make up one forwarded connection.
func open(conn httpstream.Connection, port int) (net.Conn, error) {
	headers := http.Header{}
	headers.Set(corev1.StreamType, corev1.StreamTypeError)
	headers.Set(corev1.PortHeader, strconv.Itoa(port))
	headers.Set(corev1.PortForwardRequestIDHeader, "0")
	failures, err := conn.CreateStream(headers)
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("kube: port-forward error stream: %w", err)
	}
	_ = failures.Close() // nothing is written to it
	headers.Set(corev1.StreamType, corev1.StreamTypeData)
	data, err := conn.CreateStream(headers)
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("kube: port-forward data stream: %w", err)
	}
	c := &podConn{Stream: data, conn: conn, failed: make(chan error, 1)}
	go c.watch(failures)
	return c, nil
}

// podConn is a forwarded connection as a net.Conn. Deadlines are not supported; closing ends every call.
type podConn struct {
	httpstream.Stream
	conn   httpstream.Connection
	failed chan error
}

// watch reads the one message that the kubelet sends if it cannot connect inside the pod.
func (c *podConn) watch(failures io.Reader) {
	message, err := io.ReadAll(io.LimitReader(failures, 1<<12))
	if err == nil && len(message) > 0 {
		c.failed <- fmt.Errorf("kube: port-forward: %s", message)
		_ = c.conn.Close()
	}
}

func (c *podConn) Read(p []byte) (int, error) {
	n, err := c.Stream.Read(p)
	if err != nil {
		select {
		case failed := <-c.failed:
			return n, failed
		default:
		}
	}
	return n, err
}

func (c *podConn) Close() error                     { return c.conn.Close() }
func (c *podConn) LocalAddr() net.Addr              { return podAddr{} }
func (c *podConn) RemoteAddr() net.Addr             { return podAddr{} }
func (c *podConn) SetDeadline(time.Time) error      { return nil }
func (c *podConn) SetReadDeadline(time.Time) error  { return nil }
func (c *podConn) SetWriteDeadline(time.Time) error { return nil }

type podAddr struct{}

func (podAddr) Network() string { return "port-forward" }
func (podAddr) String() string  { return "pod" }
