package kube

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"k8s.io/client-go/rest"
)

// Paths reads paths of an API server that are no objects, such as /version.
type Paths struct {
	client func() *http.Client // printers that follow fields do not enter it: it holds the credential of its config
	base   *url.URL
}

// NewPaths reaches the API server as config does. It does no network I/O.
func NewPaths(config *rest.Config) (Paths, error) {
	base, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return Paths{}, err
	}
	client, err := rest.HTTPClientFor(config)
	return Paths{func() *http.Client { return client }, base}, err
}

// Get returns the body of path and the server's clock by the Date header, zero if there is none. Another status than 200
// is an error.
func (p Paths) Get(ctx context.Context, path string) (body []byte, date time.Time, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.base.JoinPath(path).String(), nil)
	if err != nil {
		return nil, date, err
	}
	request.Header.Set("Accept", "application/json") // /api/v1 has other forms
	response, err := p.client().Do(request)
	if err != nil {
		return nil, date, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, date, fmt.Errorf("kube: GET %s: HTTP %s", path, response.Status)
	}
	if t, err := http.ParseTime(response.Header.Get("Date")); err == nil {
		date = t
	}
	body, err = io.ReadAll(io.LimitReader(response.Body, 4<<20))
	return body, date, err
}
