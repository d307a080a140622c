package kube

import (
	"net/http"
	"time"

	"k8s.io/client-go/rest"
)

const (
	// CallTimeout bounds one request; without it a half-open connection would hang until TCP gives up (15 minutes).
	CallTimeout = 30 * time.Second
	// Parallel bounds the requests in flight to one API server. It replaces client-go's limit of 5 per second.
	Parallel = 16
)

// Configure copies config for use by this module: no rate limit but a bound on concurrency, a user agent, a time limit
// per call and a handler for the API server's warnings. The caller's config is not changed.
func Configure(config *rest.Config, userAgent string, warnings rest.WarningHandler) *rest.Config {
	c := rest.CopyConfig(config)
	c.QPS = -1
	c.RateLimiter = nil
	c.UserAgent = userAgent
	c.Timeout = CallTimeout
	c.WarningHandler = warnings
	c.WarningHandlerWithContext = nil
	slots := make(chan struct{}, Parallel)
	c.Wrap(func(rt http.RoundTripper) http.RoundTripper { return bounded{rt, slots} })
	return c
}

// bounded lets as many requests through at a time as there are slots, and any number of watches. It waits no longer than the request's context.
type bounded struct {
	http.RoundTripper
	slots chan struct{}
}

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Query().Get("watch") == "true" { // which may wait long for its first byte, and those that look besides must not
		return b.RoundTripper.RoundTrip(r)
	}
	select {
	case b.slots <- struct{}{}:
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	defer func() { <-b.slots }()
	return b.RoundTripper.RoundTrip(r)
}

// WrappedRoundTripper lets client-go look through the wrapper (k8s.io/apimachinery/pkg/util/net.RoundTripperWrapper).
func (b bounded) WrappedRoundTripper() http.RoundTripper { return b.RoundTripper }
