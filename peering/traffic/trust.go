package traffic

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/meshpeer/meshpeer/internal/printable"
	"github.com/meshpeer/meshpeer/probe"
)

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
