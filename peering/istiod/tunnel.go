package istiod

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"time"
)

// kept is how long a connection to a Pod outlives its last request.
const kept = 10 * time.Second

// tunnel asks one Pod by HTTP over a connection that is kept between requests: to open one takes the API server and the
// kubelet several round trips.
type tunnel struct {
	transport *http.Transport
	pod       string
}

func newTunnel(pod string, dial func(context.Context) (net.Conn, error)) *tunnel {
	return &tunnel{pod: pod, transport: &http.Transport{
		MaxIdleConnsPerHost: 1,
		IdleConnTimeout:     kept,
		DisableCompression:  true, // a limit on what is read is then one on what is sent
		DialContext:         func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
	}}
}

// close ends the kept connection. Requests that are under way end with their contexts.
func (t *tunnel) close() { t.transport.CloseIdleConnections() }

// open starts a GET of a path. A kept connection that turns out to be broken gives way to a new one, once.
func (t *tunnel) open(ctx context.Context, path string) (io.ReadCloser, error) {
	response, reused, err := t.get(ctx, path)
	if err != nil && reused && ctx.Err() == nil {
		t.close()
		response, _, err = t.get(ctx, path)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotReady, err)
	}
	if response.StatusCode == http.StatusOK {
		return response.Body, nil
	}
	response.Body.Close()
	if response.StatusCode == http.StatusUnauthorized { // an empty 401; only istiod's log tells the reason
		return nil, fmt.Errorf("%w: %s of %s requires a token of audience istio-ca, or a request from loopback", ErrNotReady, path, t.pod)
	}
	return nil, fmt.Errorf("%w: %s of %s: HTTP %s", ErrNotReady, path, t.pod, response.Status)
}

// debug reads a whole document.
func (t *tunnel) debug(ctx context.Context, path string) ([]byte, error) {
	body, err := t.open(ctx, path)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	text, err := io.ReadAll(&bounded{Reader: body, whole: maxDocument, part: maxDocument})
	if err != nil {
		return nil, fmt.Errorf("%w: %s of %s: %w", ErrNotReady, path, t.pod, err)
	}
	return text, nil
}

// get also tells whether the connection had served before.
func (t *tunnel) get(ctx context.Context, path string) (response *http.Response, reused bool, err error) {
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { reused = i.Reused }})
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+t.pod+path, nil)
	if err != nil {
		return nil, false, err
	}
	response, err = t.transport.RoundTrip(request)
	return response, reused, err
}
