package probe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
)

// Sighting is what was seen of a request that went wrong.
type Sighting struct {
	Response  Response   // the answer, if there was one
	Err       error      // why there was none, or what is wrong with it
	Endpoints []Endpoint // what the client's proxy has for the service, if it was read; nil says nothing
}

// Diagnosis is what most likely lies behind a [Sighting].
type Diagnosis struct {
	Symptom string // stable name
	Seen    string // what it is told by, for people: curl's and Envoy's words stand in backquotes
	Status  Status // Failed, or Unknown if the check itself could not be made
	Cause   string // one sentence
	Remedy  string // the next step
}

// Diagnose names the first symptom of the table that fits; "unexplained" if none does.
func Diagnose(seen Sighting) Diagnosis {
	for _, s := range symptoms {
		if s.fits(seen) {
			return s.Diagnosis
		}
	}
	return unexplained
}

// Diagnoses are all that [Diagnose] may return, in the order in which they are tried: the table of docs/troubleshooting.md.
func Diagnoses() []Diagnosis {
	all := make([]Diagnosis, 0, len(symptoms)+1)
	for _, s := range symptoms {
		if !slices.Contains(all, s.Diagnosis) { // several rows may tell the same
			all = append(all, s.Diagnosis)
		}
	}
	return append(all, unexplained)
}

var unexplained = Diagnosis{
	"unexplained", "anything else", Failed, "it fits none of the known symptoms",
	"look at the access logs of the client's proxy, the east-west gateway and the server's proxy, in this order",
}

// Explain is p with a better diagnosis if it Failed. What the client's proxy has for the service, by Envoy's name, tells a
// service that was not discovered from an address that cannot be reached.
func Explain(p Prober, proxy PilotAgent, service string) Prober {
	return ProberFunc(func(ctx context.Context) Result {
		r := guarded(ctx, "", p)
		if r.Status != Failed {
			return r
		}
		endpoints, err := proxy.Endpoints(ctx, service)
		if err != nil {
			r.Summary += "; the client's proxy could not be read"
			return r.Clean()
		}
		if d := Diagnose(Sighting{Err: r.Err, Endpoints: endpoints}); d.Symptom != unexplained.Symptom {
			if !strings.HasSuffix(r.Summary, d.Cause) { // the prober may have come to the same
				r.Summary += "; " + d.Cause
			}
			r.Hint = d.Remedy
		}
		r.Summary += "; the client's proxy has " + listed(endpoints)
		return r.Clean()
	})
}

func listed(endpoints []Endpoint) string {
	if len(endpoints) == 0 {
		return "no endpoint"
	}
	var parts []string
	for _, e := range endpoints {
		parts = append(parts, fmt.Sprintf("%s (%s, %d failed to connect)", brief(e.Address, 50), brief(e.Health, 30), e.ConnectFailed))
	}
	return firstOf(parts, 4, 120)
}

func badInput(s Sighting) bool { _, ok := errors.AsType[*FieldError](s.Err); return ok }

func isCanceled(s Sighting) bool { return errors.Is(s.Err, context.Canceled) }

func isKind(k Kind) func(Sighting) bool {
	return func(s Sighting) bool { return s.Err != nil && kindOf(s.Err) == k }
}

// isTimeoutHere fits a request of this process, which no sidecar sends on: it knows the cause itself.
func isTimeoutHere(s Sighting) bool {
	failed, ok := asRequestError(s.Err)
	return isKind(KindTimeout)(s) && (!ok || failed.Err != nil)
}

// tlsSays fits a failure of TLS whose text has one of the words: OpenSSL's, BoringSSL's, GnuTLS's, NSS's, mbedTLS's and Go's.
func tlsSays(words ...string) func(Sighting) bool {
	return func(s Sighting) bool {
		if !isKind(KindTLS)(s) {
			return false
		}
		text := strings.ToLower(s.Err.Error())
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(text, w) })
	}
}

var (
	isTLSPlain = tlsSays("wrong version number", "server gave http response", "does not look like a tls handshake", "packet length too long",
		"unknown protocol", "http request", "unexpected tls packet", "exceeded the maximum permissible length", "invalid ssl record")
	isTLSName = tlsSays("does not match", "no alternative certificate subject name", "is valid for", "not valid for any names",
		"doesn't contain any ip sans", "hostname mismatch")
	isTLSTime   = tlsSays("has expired", "not yet valid", "certificate expired", "is expired")
	isTLSIssuer = tlsSays("unknown authority", "local issuer certificate", "self-signed certificate", "self signed certificate", "signer not found",
		"issuer is not recognized", "issuer has been marked")
	isTLSClient = tlsSays("certificate required", "bad certificate", "peer did not return a certificate", "unknown certificate authority",
		"alert unknown ca", "cannot verify your certificate")
	isTLSVersion = tlsSays("protocol version", "unsupported protocol", "no shared cipher", "no protocols available", "unsupported versions")
	isTLSCut     = tlsSays("connection reset", "ssl_error_syscall", "unexpected eof", ": eof", "connection was aborted", "non-properly terminated", "closed abruptly",
		"end of file", "pr_end_of_file_error", "pr_connect_reset_error", "unknown ssl protocol error", "error:00000000:lib(0)")
)

// gatewayPort is where east-west gateways listen unless a label says otherwise (istio/istio
// pilot/pkg/serviceregistry/kube/controller/network.go).
const gatewayPort = "15443"

// answered fits an answer of the status whose body has one of the texts.
func answered(status int, texts ...string) func(Sighting) bool {
	return func(s Sighting) bool {
		r := s.response()
		return r.Status() == status && slices.ContainsFunc(texts, func(t string) bool { return bytes.Contains(r.body(), []byte(t)) })
	}
}

// answeredBare fits an answer that an Envoy made of its own: it has no body and no service time.
func answeredBare(status int) func(Sighting) bool {
	return func(s Sighting) bool {
		r := s.response()
		header := r.Header()
		return r.Status() == status && len(r.body()) == 0 && strings.Contains(header.Get("Server"), "envoy") &&
			header.Get("X-Envoy-Upstream-Service-Time") == ""
	}
}

// response is the answer, also if only the error has it.
func (s Sighting) response() Response {
	if err, ok := asAnswerError(s.Err); ok && s.Response.Status() == 0 {
		return err.Response
	}
	return s.Response
}

// rawPodIP fits a proxy that failed to connect to an address that is not a gateway's.
func rawPodIP(s Sighting) bool {
	return slices.ContainsFunc(s.Endpoints, func(e Endpoint) bool {
		_, port, err := net.SplitHostPort(e.Address)
		return err == nil && port != gatewayPort && e.ConnectFailed > 0
	}) && (isKind(KindTimeout)(s) || isKind(KindConnectTimeout)(s) || s.response().Status() == 503 || s.response().Status() == 504)
}

// allEjected fits a proxy that has endpoints and uses none.
func allEjected(s Sighting) bool {
	return s.response().Status() == 503 && len(s.Endpoints) > 0 && !slices.ContainsFunc(s.Endpoints, Endpoint.Healthy)
}
