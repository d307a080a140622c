package members

import (
	"context"
	"errors"
	"net/http"

	"github.com/meshpeer/meshpeer/secrets"
)

// transport sends what client-go asks with the bearer token of the moment, and tells what came of it.
type transport struct {
	*connection
	cache *Cache
	key   key
	next  http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	bearer := t.bearer.Load()
	if !bearer.IsZero() && req.Header.Get("Authorization") == "" {
		req = req.Clone(req.Context())
		req.Header.Set("Authorization", "Bearer "+bearer.Reveal())
	}
	res, err := t.next.RoundTrip(req)
	if t.over.Load() {
		return res, err
	}
	code := 0
	if err == nil {
		code = res.StatusCode
	}
	if err == nil || !errors.Is(req.Context().Err(), context.Canceled) { // one that the caller gave up says nothing of the member
		t.cache.metrics.Answered(t.key.mesh, t.key.id.String(), req.Method, code)
	}
	if code == http.StatusUnauthorized && t.cache.Refused != nil && t.refuse(bearer) {
		t.cache.Refused(t.key.mesh, t.key.id)
	}
	return res, err
}

// refuse says whether the bearer token is the one in use, and not known to be refused yet.
func (c *connection) refuse(bearer *secrets.Token) bool {
	return c.bearer.Load() == bearer && c.refused.Swap(bearer) != bearer
}

// WrappedRoundTripper lets client-go look through the wrapper (k8s.io/apimachinery/pkg/util/net.RoundTripperWrapper).
func (t *transport) WrappedRoundTripper() http.RoundTripper { return t.next }
