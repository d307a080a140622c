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

	"github.com/meshpeer/meshpeer/internal/istio"
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
	switch {
	case err != nil && absent(err) && f.served(ctx):
		return one(skip(f.to.name, "the istiod of %s writes its root there once it reads the cluster", f.from.name))
	case err != nil:
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

// trusted is a trust domain with those whose workloads the side accepts besides.
type trusted struct {
	domain   string
	aliases  []string // trustDomainAliases, which its clients accept too
	accepted []string // what its servers accept
	any      bool     // its servers accept every domain
	unread   error    // why only the domain is known
}

// trusted is what the mesh configuration of a side says, or its proxies of the domain alone.
func (f *facts) trusted(ctx context.Context, s *server) (trusted, error) {
	serving := s
	if s == f.to {
		serving = f.configures(ctx)
	}
	m, err := serving.mesh(ctx)
	if err == nil {
		t := trusted{domain: m.domain(), aliases: m.GetTrustDomainAliases()}
		t.accepted = slices.Clone(t.aliases)
		for _, ca := range m.GetCaCertificates() {
			t.accepted = append(t.accepted, ca.GetTrustDomains()...)
		}
		istiods, _ := serving.istiods(ctx) // where none can be read, the configuration counts
		t.any = len(istiods) > 0 && !slices.ContainsFunc(istiods, func(pod *corev1.Pod) bool { return env(istio.Container(pod), skipTrustDomain) != "true" })
		return t, nil
	}
	said, saidErr := f.said(ctx, s, "TRUST_DOMAIN")
	if saidErr != nil {
		return trusted{}, err
	}
	for _, domain := range said {
		if domain.value != "" {
			return trusted{domain: domain.value, unread: err}, nil
		}
	}
	return trusted{}, err
}

// skipTrustDomain makes servers accept callers of every trust domain (Istio pilot/pkg/features/security.go).
const skipTrustDomain = "PILOT_SKIP_VALIDATE_TRUST_DOMAIN"

// trustDomain: a server accepts callers of its own trust domain and of those that the mesh configuration of its istiod names
// (Istio pilot/pkg/networking/plugin/authn/util.go). A client accepts a server whose domain its istiod knows, from To's mesh
// configuration or as an alias (pilot/pkg/model/push_context.go, addServiceAccounts). Calls on the lab went so each way.
func trustDomain(ctx context.Context, f *facts) []verdict {
	const subject = "From and To"
	from, err := f.trusted(ctx, f.from)
	if err != nil {
		return one(unread(f.from.name, err))
	}
	to, err := f.trusted(ctx, f.to)
	switch {
	case err != nil:
		return one(unread(f.to.name, err))
	case from.domain == to.domain:
		return one(pass(subject, "both use trust domain %s", from.domain))
	case to.unread != nil:
		return one(unread(f.to.name, to.unread))
	case !to.any && !slices.Contains(to.accepted, from.domain):
		return one(fail(subject, fmt.Sprintf("name %s in trustDomainAliases of %s, or give both meshes one trust domain", from.domain, f.to.name),
			"trust domain %s of %s is none of the aliases of %s, which is of %s: workloads there refuse its calls", from.domain, f.from.name, f.to.name, to.domain))
	case slices.Contains(from.aliases, to.domain):
		return one(pass(subject, "trust domains %s and %s are aliases of each other", from.domain, to.domain))
	}
	return one(f.knowsDomain(ctx, from, to.domain))
}

// knowsDomain says whether clients in From accept servers of a trust domain that is no alias there.
func (f *facts) knowsDomain(ctx context.Context, from trusted, to string) verdict {
	const subject = "From and To"
	remedy := fmt.Sprintf("name %s in trustDomainAliases of %s", to, f.from.name)
	if from.unread != nil {
		return unread(f.from.name, from.unread)
	}
	revisions, err := f.from.revisions(ctx)
	if err != nil {
		return unread(f.from.name, err)
	}
	for _, revision := range revisions {
		name := f.to.thing(kindConfigMap.name, f.to.Namespace, istio.MeshConfig(revision))
		m, err := f.to.meshOfRevision(ctx, revision)
		switch {
		case err != nil && absent(err):
			return f.missing(subject, remedy, "the istiod of %s knows trust domain %s neither as an alias nor by %s, which is not there: its clients refuse the servers", f.from.name, to, name)
		case err != nil:
			return unread(name, err)
		case m.domain() != to:
			return fail(subject, remedy, "the istiod of %s takes the servers of %s to be of trust domain %s, by %s: its clients refuse them", f.from.name, to, m.domain(), name)
		}
	}
	versions, err := f.istioVersions(ctx)
	if err != nil {
		return unread(f.from.name, err)
	}
	if len(versions) == 0 {
		versions = []string{"none"}
	}
	for _, version := range versions {
		r, ok := parseRelease(version)
		switch {
		case !ok:
			return unknown(f.from.name, remedy+", or give Input.IstioVersion", "trust domain %s is no alias, and whether istiod (version %s) reads it in %s is not known", to, version, f.to.name)
		case r.compare(readsRemoteMesh) < 0:
			return fail(subject, remedy, "istiod %s of %s does not read the mesh configuration of %s, and trust domain %s is none of its aliases: its clients refuse the servers", version, f.from.name, f.to.name, to)
		}
	}
	return pass(subject, "%s accepts trust domain %s, and the istiod of %s learns %s from the mesh configuration there", f.to.name, from.domain, f.from.name, to)
}

// readsRemoteMesh is the first istiod that reads the mesh configuration of the clusters that it reads (Istio
// pilot/pkg/serviceregistry/kube/controller/multicluster.go, NewMulticluster).
var readsRemoteMesh = release{major: 1, minor: 29}

// domain is the trust domain that the configuration names.
func (m *mesh) domain() string { return cmp.Or(m.GetTrustDomain(), "cluster.local") }

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
