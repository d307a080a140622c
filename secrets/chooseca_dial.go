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

	"github.com/meshpeer/meshpeer/internal/printable"
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
	watch := &handshakes{trials: ts, coming: []peer{{name: cmp.Or(e.TLSServerName, server.Hostname()), what: shownURL(e.Server)}}}
	transport := &http.Transport{DialContext: dial, DisableKeepAlives: true}
	proxy, err := e.Proxy()
	if err != nil {
		return peer{}, err
	}
	if proxy != nil {
		transport.Proxy = http.ProxyURL(proxy)
		if proxy.Scheme == "https" {
			// client-go verifies the proxy with the server's CA and server name.
			watch.coming = append([]peer{{name: cmp.Or(e.TLSServerName, proxy.Hostname()), what: e.shownProxy()}}, watch.coming...)
		}
	}
	transport.TLSClientConfig = &tls.Config{
		MinVersion: tls.VersionTLS12,
		ServerName: e.TLSServerName,
		// The trials verify; nothing is sent before they have.
		InsecureSkipVerify: true,
		VerifyConnection:   watch.verify,
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, e.Server, nil)
	if err != nil {
		return peer{}, printable.Error(err)
	}
	answer, err := transport.RoundTrip(req)
	if err == nil {
		_ = answer.Body.Close()
	}
	return watch.end(err)
}

// handshakes are those of one request, as it sees them. One of them may outlive the request.
type handshakes struct {
	mu     sync.Mutex
	trials trials
	coming []peer // whose handshakes are still to come
	seen   peer   // the last one whose handshake came
	done   error  // why no further handshake is needed
	over   bool   // the request has ended: the trials are not to be touched
}

// verify is the VerifyConnection of crypto/tls.
func (w *handshakes) verify(state tls.ConnectionState) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over {
		return context.Canceled
	}
	w.seen, w.coming = w.coming[0], w.coming[1:]
	w.seen.chain = state.PeerCertificates
	switch left := w.trials.verify(w.seen); {
	case len(w.coming) == 0:
		w.done = errSeen
	case !left:
		w.done = errNoProxy
	}
	return w.done
}

// end returns the last peer, or err if the request failed before all were seen.
func (w *handshakes) end(err error) (peer, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over = true
	if w.done != nil {
		return w.seen, nil
	}
	return peer{}, printable.Error(err)
}
