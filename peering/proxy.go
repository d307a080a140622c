package peering

import (
	"net/http"

	"k8s.io/client-go/rest"

	"github.com/meshpeer/meshpeer/secrets"
)

// useProxy dials as istiod will.
func useProxy(config *rest.Config, e secrets.Endpoint) error {
	proxy, err := e.Proxy()
	if err == nil && proxy != nil {
		config.Proxy = http.ProxyURL(proxy)
	}
	return err
}
