package probe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// Identity checks that a request arrived over mutual TLS: check "mutual-tls". It reads, through httpbin's /headers, the
// header X-Forwarded-Client-Cert that the server's sidecar gives its app. Istio's own tests decide by the same
// header (istio/istio pkg/test/framework/components/echo/check).
//
// A sidecar writes the header only for a client certificate that it verified, but without any sidecar a forged one would
// pass. So that alone is [Observed]. It is [Proved] if both IDs are those expected and the same question asked without a
// client certificate was refused, or answered without the header: the check could have failed. Refused means that the
// server closed or reset the connection before the first byte of an answer. The header names no cluster; [Who] does.
type Identity struct {
	From           Sender   // the client: inside an injected workload
	URL            string   // of the httpbin, e.g. http://httpbin:8000
	Client, Server SPIFFEID // expected; zero is not compared, and then nothing is proved

	// Control asks from a workload without sidecar. Such a workload sees the pods of its own cluster only: choose it in the
	// server's. nil means none.
	Control     Sender
	ControlName string // names that workload in results
	// ControlURL is the URL that it asks; "" means URL. One of another scheme, host, port or path may be another server's,
	// so with it nothing is proved.
	ControlURL string
}

// Peers says who spoke with whom.
type Peers struct {
	Client SPIFFEID `json:"client"` // URI of the header: the certificate that the server's sidecar was shown
	Server SPIFFEID `json:"server"` // By of the header: the server's own
	Proof  Proof    `json:"proof"`
	Why    string   `json:"why"`            // what makes it proved, or keeps it from that
	Hint   string   `json:"hint,omitempty"` // what would make it proved
}

// IdentityError says that a certificate has an identity other than the expected one.
type IdentityError struct {
	Side      string // "client" or "server"
	Want, Got SPIFFEID
}

func (e *IdentityError) Error() string {
	return fmt.Sprintf("probe: the %s is %s, not %s", brief(e.Side, 30), e.Got, e.Want)
}

// Look asks and says who spoke with whom. The error is a [*RequestError] or [*AnswerError] if there was no answer to read,
// an [*IdentityError] if it was somebody else.
func (i Identity) Look(ctx context.Context) (Peers, error) {
	url := under(i.URL, "/headers")
	got, err := send(ctx, i.From, Request{URL: url})
	if err != nil {
		return Peers{Proof: Unproved}, err
	}
	if got.Status() == http.StatusNotFound {
		return unproved("the app has no /headers", "ask an httpbin"), nil
	}
	if got.Status() != http.StatusOK {
		return Peers{Proof: Unproved}, &AnswerError{URL: shownURL(url), Response: got, Want: "200"}
	}
	peers := read(got)
	if peers.Proof != Observed {
		return peers, nil
	}
	if err := i.compare(peers); err != nil {
		peers.Proof = Unproved
		return peers, err
	}
	return i.weigh(ctx, peers), nil
}

// read takes the peers from the body of /headers.
func read(got Response) Peers {
	header, err := headersIn(got)
	if err != nil {
		return unproved("the answer of /headers cannot be read", "ask an httpbin")
	}
	values := header.Values(xfccHeader)
	if len(values) == 0 {
		return unproved("the server's app got no "+xfccHeader,
			"see that the pods of server and client have sidecars, and that forwardedClientCert is not customised")
	}
	certs, err := ParseXFCC(strings.Join(values, ","))
	if err != nil || len(certs) == 0 {
		return unproved("the server's "+xfccHeader+" cannot be read", "see whether something other than Envoy writes it")
	}
	last := certs[len(certs)-1]
	client, clientErr := only(last.Values("URI"))
	server, serverErr := only(last.Values("By"))
	if clientErr != nil || serverErr != nil {
		return unproved("the server's "+xfccHeader+" does not name one client and one server by Istio's SPIFFE IDs",
			"see that both have certificates of istiod, and that forwardedClientCert is not customised")
	}
	if len(certs) > 1 {
		// The first hop's element came with the request: nobody on this side verified it.
		return Peers{
			client, server, Unproved, fmt.Sprintf("the header tells of %d hops: a proxy in between ends TLS", len(certs)),
			"go through an AUTO_PASSTHROUGH gateway, which leaves TLS alone",
		}
	}
	return Peers{Client: client, Server: server, Proof: Observed}
}

func only(values []string) (SPIFFEID, error) {
	if len(values) != 1 {
		return SPIFFEID{}, fmt.Errorf("probe: %d identities, not one", len(values))
	}
	return ParseSPIFFEID(values[0])
}

func unproved(why, hint string) Peers { return Peers{Proof: Unproved, Why: why, Hint: hint} }

func (i Identity) compare(p Peers) error {
	if !i.Client.IsZero() && p.Client != i.Client {
		return &IdentityError{"client", i.Client, p.Client}
	}
	if !i.Server.IsZero() && p.Server != i.Server {
		return &IdentityError{"server", i.Server, p.Server}
	}
	return nil
}

// Probe implements [Prober]: Passed if proved, Warned if observed, Failed if the client or server was somebody else.
func (i Identity) Probe(ctx context.Context) Result {
	return examine("mutual-tls", shownURL(i.URL), func() Result {
		peers, err := i.Look(ctx)
		if wrong, ok := errors.AsType[*IdentityError](err); ok {
			return Result{
				Status: Failed, Err: err, Summary: withoutPrefix(wrong),
				Hint: "see which service account that pod runs as, and whether another service has this name",
			}
		}
		if err != nil {
			return failed(Sighting{Err: err})
		}
		summary := peers.Why
		if !peers.Client.IsZero() {
			summary = fmt.Sprintf("mutual TLS %s: %s called %s: %s", peers.Proof, peers.Client, peers.Server, peers.Why)
		}
		return Result{Status: peers.Proof.Status(), Summary: summary, Hint: peers.Hint}
	})
}

var errNotHTTPBin = errors.New("probe: the body is not that of an httpbin")

// words is a header's value in the JSON of either httpbin: Python's writes a string, go-httpbin a list of them.
type words []string

func (w *words) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*w = words{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(w))
}

// headersIn reads the answer of /headers: what the server's app was sent.
func headersIn(got Response) (http.Header, error) {
	var answer struct {
		Headers map[string]words `json:"headers"`
	}
	if got.Cut() {
		return nil, fmt.Errorf("%w: it is too long", errNotHTTPBin)
	}
	if err := json.Unmarshal(got.body(), &answer); err != nil {
		return nil, fmt.Errorf("%w: %w", errNotHTTPBin, err)
	}
	if answer.Headers == nil {
		return nil, fmt.Errorf("%w: it has no headers", errNotHTTPBin)
	}
	header := http.Header{}
	for name, values := range answer.Headers {
		for _, value := range values {
			header.Add(name, value)
		}
	}
	return header, nil
}
