package peering

import (
	"errors"
	"net/http"
	"net/url"

	"k8s.io/client-go/rest"
)

// useProxy dials as istiod will. The URL may carry a password, so an error does not repeat it.
func useProxy(config *rest.Config, proxy string) error {
	if proxy == "" {
		return nil
	}
	u, err := url.Parse(proxy)
	if err != nil {
		return errors.New("peering: Endpoint.ProxyURL is no URL")
	}
	config.Proxy = http.ProxyURL(u)
	return nil
}
