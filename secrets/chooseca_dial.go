package secrets

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

var (
	errSeen    = errors.New("the certificates have been seen")
	errNoProxy = errors.New("no CA verifies the proxy")
)

// handshake connects to the server of e as client-go does and has each peer with
// TLS, an https proxy and then the server, tried. It returns the last one tried.
func handshake(ctx context.Context, e Endpoint, server *url.URL, ts trials, opts ChooseOptions) (peer, error) {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(opts.Timeout, 10*time.Second))
	defer cancel()
	dial := opts.Dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	coming := []peer{{name: cmp.Or(e.TLSServerName, server.Hostname()), what: redactURL(e.Server)}}
	transport := &http.Transport{DialContext: dial, DisableKeepAlives: true}
	if e.ProxyURL != "" {
		proxy, _ := url.Parse(e.ProxyURL) // Validate has parsed it
		transport.Proxy = http.ProxyURL(proxy)
		if proxy.Scheme == "https" {
			// client-go verifies the proxy with the server's CA and server name.
			coming = append([]peer{{name: cmp.Or(e.TLSServerName, proxy.Hostname()), what: redactURL(e.ProxyURL)}}, coming...)
		}
	}
	var mu sync.Mutex // a handshake may outlive RoundTrip
	var over bool
	var seen peer
	var end error
	transport.TLSClientConfig = &tls.Config{
		MinVersion: tls.VersionTLS12,
		ServerName: e.TLSServerName,
		// The trials verify; nothing is sent before they have.
		InsecureSkipVerify: true,
		VerifyConnection: func(state tls.ConnectionState) error {
			mu.Lock()
			defer mu.Unlock()
			if over {
				return context.Canceled
			}
			seen, coming = coming[0], coming[1:]
			seen.chain = state.PeerCertificates
			switch left := ts.verify(seen); {
			case len(coming) == 0:
				end = errSeen
			case !left:
				end = errNoProxy
			}
			return end
		},
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, e.Server, nil)
	if err != nil {
		return peer{}, err
	}
	answer, err := transport.RoundTrip(req)
	if err == nil {
		_ = answer.Body.Close()
	}
	mu.Lock()
	defer mu.Unlock()
	over = true
	if end != nil {
		return seen, nil
	}
	return peer{}, err
}
