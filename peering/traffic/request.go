package traffic

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/meshpeer/meshpeer/internal/printable"
	"github.com/meshpeer/meshpeer/probe"
)

// teapot asks for one, until To answers.
func (l *levels) teapot(ctx context.Context) probe.Result {
	return l.trust(ctx, l.ask(ctx, probe.Teapot{From: toward{l}, URL: l.url()}))
}

// mutualTLS looks who the server in To was told to be talking to.
func (l *levels) mutualTLS(ctx context.Context) probe.Result {
	if l.client == nil {
		return l.nobody()
	}
	i := probe.Identity{From: toward{l}, URL: l.url(), Client: identityOf(l.client.pod)}
	if pod, err := l.to.runningPod(ctx, l.Namespace, l.Server); err == nil {
		i.Server = identityOf(pod)
	}
	if l.Control != "" {
		i.Control = probe.Curl{In: Executor{Side: l.to, Namespace: l.Namespace, Deployment: l.Control}}
		i.ControlName = fmt.Sprintf("%s/%s of %s", l.Namespace, l.Control, l.to.ID)
	}
	r := l.ask(ctx, i)
	if r.Status == probe.Warned && l.Control == "" {
		r.Hint = "set Workload.Control to a Deployment without sidecar in " + l.to.ID
	}
	return r
}

// answeredBy asks who answers, until it is To.
func (l *levels) answeredBy(ctx context.Context) probe.Result {
	if l.client == nil {
		return l.nobody()
	}
	who := l.who(l.from, l.to, l.client.curl, l.client.proxy)
	who.Locator = probe.LocatorFunc(l.locate)
	others := 0
	for id, has := range l.holders {
		if has && id != l.from.ID && id != l.to.ID {
			others++
		}
	}
	if !l.known || others > 0 {
		who.LocalReady = nil // somebody else may have answered
	}
	return l.ask(ctx, untilTo{who, l.to.ID, l.Asks})
}

// ask probes. If To did not answer at all, the result is Unknown: it might still.
func (l *levels) ask(ctx context.Context, p probe.Prober) probe.Result {
	if l.client == nil {
		return l.nobody()
	}
	explained := probe.Explain(probe.ProberFunc(func(ctx context.Context) probe.Result {
		r := p.Probe(ctx)
		if elsewhere, ok := errors.AsType[*ElsewhereError](r.Err); ok {
			r.Status, r.Summary, r.Hint = probe.Unknown, elsewhere.seen(), stays
		}
		if lookup, ok := errors.AsType[*lookupError](r.Err); ok {
			r.Status, r.Summary, r.Hint = probe.Unknown, lookup.Error(), "" // the class of its cause has a hint
		}
		return r
	}), l.client.proxy, l.cluster())
	return explained.Probe(ctx)
}

func (l *levels) nobody() probe.Result {
	return probe.Result{Status: probe.Skipped, Summary: "there is no client to ask from, see proxy-endpoints"}
}

// untilTo is a Who that is asked until To answers.
type untilTo struct {
	who  probe.Who
	to   string
	asks int
}

// Probe implements [probe.Prober].
func (u untilTo) Probe(ctx context.Context) probe.Result {
	r := probe.Result{Check: "answered-by", Target: u.who.URL}
	asked := 0
	for range asks(ctx, u.asks) {
		asked++
		a, err := u.who.Ask(ctx)
		if err != nil {
			d := probe.Diagnose(probe.Sighting{Err: err})
			r.Status, r.Summary, r.Hint, r.Err = d.Status, d.Cause, d.Remedy, err
			return r
		}
		if a.Cluster != u.to {
			continue
		}
		r.Status, r.Summary = a.Proof.Status(), "answered by "+a.String()
		if a.Proof != probe.Proved {
			r.Hint = "let the app say who it is: USE_REAL_HOSTNAME=1 for go-httpbin"
		}
		return r
	}
	elsewhere := &ElsewhereError{u.to, asked}
	r.Status, r.Summary, r.Hint, r.Err = probe.Failed, elsewhere.seen(), stays, elsewhere
	return r
}

// trust says more of a connection that was cut. Envoys that hide why from the client (runtime feature
// envoy.reloadable_features.hide_transport_failure_reason_in_response_body) give different roots the look of a wrong gateway, so
// what the workloads of both sides trust is compared.
func (l *levels) trust(ctx context.Context, r probe.Result) probe.Result {
	if r.Status != probe.Failed || probe.Diagnose(probe.Sighting{Err: r.Err}).Symptom != "gateway-reset" {
		return r
	}
	from, to := l.from.roots(ctx, l.Namespace), l.to.roots(ctx, l.Namespace)
	if len(from) == 0 || len(to) == 0 || slices.ContainsFunc(from, func(c *x509.Certificate) bool { return slices.ContainsFunc(to, c.Equal) }) {
		return r
	}
	r.Summary = fmt.Sprintf("%s: the proxies of client and server do not trust each other's certificates: %s trusts %q, %s trusts %q",
		strings.TrimPrefix(r.Err.Error(), "probe: "), l.from.ID, namesOf(from), l.to.ID, namesOf(to))
	r.Hint = "give the istiods of both clusters intermediates of one root (Secret cacerts) and restart the workloads"
	return r
}

// roots are what workloads of a namespace trust, as istiod publishes it (Istio security/pkg/k8s/controller, ConfigMap
// istio-ca-root-cert). Without all of them nothing is said: none then.
func (s Side) roots(ctx context.Context, namespace string) (certs []*x509.Certificate) {
	o, err := s.Objects.Get(ctx, &corev1.ConfigMap{ObjectMeta: meta(namespace, "istio-ca-root-cert")})
	if err != nil {
		return nil
	}
	bundle := []byte(o.(*corev1.ConfigMap).Data["root-cert.pem"])
	for block, rest := pem.Decode(bundle); block != nil; block, rest = pem.Decode(rest) {
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil
		}
		certs = append(certs, cert)
	}
	if len(certs) != bytes.Count(bundle, []byte("-----BEGIN ")) {
		return nil // a root that does not decode may be the one that both trust
	}
	return certs
}

func namesOf(certs []*x509.Certificate) (names []string) {
	for _, c := range certs {
		names = append(names, printable.Line(c.Subject.String()))
	}
	return names
}
