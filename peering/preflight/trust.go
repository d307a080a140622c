package preflight

import (
	"bytes"
	"cmp"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// roots are the certificates that workloads of a side trust, as istiod publishes them in every namespace
// (Istio security/pkg/k8s/controller, ConfigMap istio-ca-root-cert).
func (f *facts) roots(ctx context.Context, s *server) ([]*x509.Certificate, error) {
	in := s.Namespace
	if f.Workload != nil {
		in = f.Workload.Namespace
	}
	return fact(ctx, s, key{what: "roots", namespace: in}, func(ctx context.Context) ([]*x509.Certificate, error) {
		o, err := get(ctx, s, kindConfigMap, in, "istio-ca-root-cert")
		if err != nil {
			return nil, err
		}
		return s.certificates(o)
	})
}

// certificates are those of a bundle, all of them or none.
func (s *server) certificates(o *corev1.ConfigMap) ([]*x509.Certificate, error) {
	var certs []*x509.Certificate
	bundle := []byte(o.Data["root-cert.pem"])
	blocks := bytes.Count(bundle, []byte("-----BEGIN "))
	for block, rest := pem.Decode(bundle); block != nil; block, rest = pem.Decode(rest) {
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, &contentError{s.object(o), err}
		}
		certs = append(certs, cert)
	}
	if len(certs) < blocks {
		return nil, &contentError{s.object(o), fmt.Errorf("%d of its %d PEM blocks do not decode", blocks-len(certs), blocks)}
	}
	if len(certs) == 0 {
		return nil, &contentError{s.object(o), errors.New("it holds no certificate")}
	}
	return certs, nil
}

// rootCA: mutual TLS across clusters needs a root that both trust. Sets are compared: a bundle may hold several.
func rootCA(ctx context.Context, f *facts) []verdict {
	const subject = "From and To"
	from, err := f.roots(ctx, f.from)
	if err != nil {
		return one(unread(f.from.name, err))
	}
	to, err := f.roots(ctx, f.to)
	if err != nil {
		return one(unread(f.to.name, err))
	}
	var shared []*x509.Certificate
	for _, cert := range from {
		if slices.ContainsFunc(to, cert.Equal) {
			shared = append(shared, cert)
		}
	}
	if len(shared) == 0 {
		return one(fail(subject, "give both clusters intermediates of one root (Secret cacerts), then restart the workloads",
			"they have no root in common: %s trusts %q, %s trusts %q", f.from.name, subjects(from), f.to.name, subjects(to)))
	}
	last := slices.MaxFunc(shared, func(a, b *x509.Certificate) int { return a.NotAfter.Compare(b.NotAfter) })
	left := last.NotAfter.Sub(f.Now())
	const renew = "renew the root in both clusters; first trust the new one alongside the old"
	switch {
	case left <= 0:
		return one(fail(subject, renew, "the shared root %q expired at %s", last.Subject, last.NotAfter.UTC().Format(time.RFC3339)))
	case left < 30*24*time.Hour:
		return one(fail(subject, renew, "the shared root %q expires at %s", last.Subject, last.NotAfter.UTC().Format(time.RFC3339)).as(Warns))
	case len(shared) < len(from) || len(shared) < len(to):
		return one(fail(subject, "complete the exchange of roots", "they share %d roots, %s trusts %d and %s %d", len(shared), f.from.name, len(from), f.to.name, len(to)).as(Warns))
	}
	return one(pass(subject, "they share %d of %d roots", len(shared), len(from)))
}

func subjects(certs []*x509.Certificate) []string {
	var all []string
	for _, c := range certs {
		all = append(all, c.Subject.String())
	}
	return all
}

// domain is the trust domain of a side, with its aliases. The mesh configuration says it, else the proxies do.
func (f *facts) domain(ctx context.Context, s *server) (domain string, aliases []string, err error) {
	m, err := s.mesh(ctx)
	if err == nil {
		return cmp.Or(m.GetTrustDomain(), "cluster.local"), m.GetTrustDomainAliases(), nil
	}
	said, saidErr := f.said(ctx, s, "TRUST_DOMAIN")
	if saidErr != nil {
		return "", nil, err
	}
	for _, domain := range said {
		if domain.value != "" {
			return domain.value, nil, nil
		}
	}
	return "", nil, err
}

// trustDomain: a peer of another domain is refused unless it is an alias (Istio security/pkg/pki,
// meshConfig.trustDomainAliases).
func trustDomain(ctx context.Context, f *facts) []verdict {
	const subject = "From and To"
	from, fromAliases, err := f.domain(ctx, f.from)
	if err != nil {
		return one(unread(f.from.name, err))
	}
	to, toAliases, err := f.domain(ctx, f.to)
	if err != nil {
		return one(unread(f.to.name, err))
	}
	switch {
	case from == to:
		return one(pass(subject, "both use trust domain %s", from))
	case slices.Contains(fromAliases, to) && slices.Contains(toAliases, from):
		return one(pass(subject, "trust domains %s and %s are aliases of each other", from, to))
	case slices.Contains(fromAliases, to) || slices.Contains(toAliases, from):
		return one(fail(subject, "name the alias in both mesh configurations (trustDomainAliases)", "trust domains %s and %s are aliases in one direction only", from, to).as(Warns))
	}
	return one(fail(subject, "give both meshes one trust domain, or name each other's as alias (trustDomainAliases)", "trust domains %s and %s are not aliases of each other", from, to))
}

func joined(said []saying) string {
	var all []string
	for _, s := range said {
		all = append(all, s.value)
	}
	return strings.Join(all, ", ")
}

// meshID compares what the proxies of both sides were told (Istio chart value global.meshID).
func meshID(ctx context.Context, f *facts) []verdict {
	var ids [2]string
	for i, s := range []*server{f.from, f.to} {
		said, err := f.said(ctx, s, "ISTIO_META_MESH_ID")
		if err != nil {
			return one(unread(s.name, err))
		}
		if ids[i] = joined(said); ids[i] == "" {
			return one(unknown(s.name, "run a Pod with a sidecar there, or set Input.Workload", "no proxy that was read names its mesh"))
		}
	}
	if ids[0] != ids[1] {
		return one(fail("From and To", "install both with one global.meshID", "the proxies are in meshes %s and %s", ids[0], ids[1]))
	}
	return one(pass("From and To", "the proxies are in mesh %s", ids[0]))
}
