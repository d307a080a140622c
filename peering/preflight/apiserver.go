package preflight

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/version"

	"github.com/meshpeer/meshpeer/secrets"
)

// tokenRequestServed: without it only token Secrets are left.
func tokenRequestServed(ctx context.Context, f *facts) []verdict {
	answer, err := f.to.ask(ctx, "/api/v1")
	if err != nil {
		return one(unread(f.to.name, err))
	}
	var served metav1.APIResourceList
	if err := json.Unmarshal(answer.Body, &served); err != nil {
		return one(unknown(f.to.name, "give the address of a Kubernetes API server", "/api/v1 does not answer with a list of resources: %v", err))
	}
	if !slices.ContainsFunc(served.APIResources, func(r metav1.APIResource) bool { return r.Name == "serviceaccounts/token" }) {
		return one(fail(f.to.name, "use token Secrets", "serviceaccounts/token is not served"))
	}
	return one(pass(f.to.name, "serviceaccounts/token is served"))
}

// clockSkew compares the clocks of the two API servers by the Date header, to the second. Kubernetes allows a token one
// minute (Kubernetes pkg/serviceaccount/claims.go), Istio back-dates workload certificates by two.
func clockSkew(ctx context.Context, f *facts) []verdict {
	const subject = "From and To"
	var offsets [2]time.Duration
	for i, s := range []*server{f.from, f.to} {
		answer, err := s.ask(ctx, "/version")
		if err != nil {
			return one(unread(s.name, err))
		}
		if answer.Date.IsZero() {
			return one(unknown(s.name, "compare the clocks of the nodes by hand", "the API server sends no Date header"))
		}
		offsets[i] = answer.Date.Sub(answer.at).Round(time.Second)
	}
	apart := (offsets[0] - offsets[1]).Abs()
	const remedy = "let both clusters follow the same time servers"
	switch {
	case apart > time.Minute:
		return one(fail(subject, remedy, "their clocks differ by %v: tokens and certificates of one cluster are not yet valid in the other", apart))
	case apart > 30*time.Second:
		return one(fail(subject, remedy, "their clocks differ by %v", apart).as(Warns))
	}
	for i, s := range []*server{f.from, f.to} {
		if offsets[i].Abs() > time.Minute {
			return one(fail(s.name, "correct the clock of this machine: expiry times are compared with it", "its clock and the local clock differ by %v", offsets[i].Abs()).as(Warns))
		}
	}
	return one(pass(subject, "their clocks differ by %v", apart))
}

// floors are the oldest Kubernetes minors that an Istio minor supports, from the one given on
// (Istio istioctl/pkg/install/k8sversion/version.go, MinK8SVersion, of each release branch).
var floors = []struct{ istio, kubernetes int }{{30, 32}, {28, 30}, {26, 29}, {24, 28}, {22, 26}, {20, 25}}

// kubernetesVersion compares both API servers with what From's istiod supports.
func kubernetesVersion(ctx context.Context, f *facts) []verdict {
	versions, err := f.istioVersions(ctx)
	if err != nil {
		return one(unread(f.from.name, err))
	}
	if len(versions) == 0 {
		return one(unknown(f.from.name, "give Input.IstioVersion", "no istiod was found whose image tells its version"))
	}
	var found []verdict
	for _, version := range versions {
		found = append(found, f.supports(ctx, version)...)
	}
	return found
}

// supports compares both API servers with what one version of istiod supports.
func (f *facts) supports(ctx context.Context, version string) []verdict {
	istio, ok := parseRelease(version)
	if !ok {
		return one(unknown(f.from.name, "give Input.IstioVersion", "%q does not tell the version of an istiod", version))
	}
	floor := 0
	for _, line := range floors {
		if istio.major == 1 && istio.minor >= line.istio {
			floor = line.kubernetes
			break
		}
	}
	var found []verdict
	for _, s := range []*server{f.from, f.to} {
		found = append(found, s.atLeast(ctx, istio, floor))
	}
	return found
}

func (s *server) atLeast(ctx context.Context, istio release, floor int) verdict {
	answer, err := s.ask(ctx, "/version")
	if err != nil {
		return unread(s.name, err)
	}
	var info version.Info
	kubernetes, ok := release{}, false
	if json.Unmarshal(answer.Body, &info) == nil {
		kubernetes, ok = parseRelease(info.GitVersion)
	}
	switch {
	case !ok && info.GitVersion != "":
		return unknown(s.name, "ask whoever built it for its version of Kubernetes", "/version answers with %q, which is not a release", info.GitVersion)
	case !ok:
		return unknown(s.name, "give the address of a Kubernetes API server", "/version does not answer with a version")
	case floor == 0:
		return unknown(s.name, "look at the support page of that version of Istio", "the oldest Kubernetes that Istio %v supports is not known here", istio)
	case kubernetes.major == 1 && kubernetes.minor < floor:
		return fail(s.name, fmt.Sprintf("upgrade to 1.%d or newer", floor), "Kubernetes %s is older than Istio %v supports", info.GitVersion, istio)
	}
	return pass(s.name, "Kubernetes %s; Istio %v supports 1.%d and newer", info.GitVersion, istio, floor)
}

// serverURL judges the address by itself: istiod elsewhere cannot use a loopback address or plain http. What a proxy or the
// network decides is a warning: the minted token's proof tells.
func serverURL(ctx context.Context, f *facts) []verdict {
	if f.Endpoint.Server == "" {
		return one(unknown(f.to.name, "give Input.Endpoint", "no endpoint is given"))
	}
	if err := f.Endpoint.Validate(); err != nil {
		var field *secrets.FieldError
		if errors.As(err, &field) {
			return one(fail(f.to.name, field.Remedy, "%s %q %s", field.Field, field.Value, field.Reason))
		}
		return one(fail(f.to.name, "give another endpoint", "%v", err))
	}
	var found []verdict
	for _, w := range f.Endpoint.Warnings() {
		switch w.Field {
		case "Endpoint.Server", "Endpoint.ProxyURL":
			found = append(found, fail(f.to.name, w.Remedy, "%s %q %s", w.Field, w.Value, w.Reason).as(Warns))
		default: // of the CA, which server-certificate looks at
		}
	}
	server, _ := url.Parse(f.Endpoint.Server) // Validate has parsed it
	if address, err := netip.ParseAddr(server.Hostname()); err == nil && address.IsPrivate() {
		found = append(found, fail(f.to.name, "make sure that istiod in "+f.from.name+" has a route to it, or give the public endpoint (of an ACK cluster: bind an EIP)",
			"%s is a private address", address).as(Informs))
	}
	found = append(found, f.clusterIP(ctx)...)
	return or(found, pass(f.to.name, "%s is a usable URL", secrets.Endpoint{Server: f.Endpoint.Server}))
}

// clusterIP: inside of a cluster its API server is at the address of Service default/kubernetes, which is the same in every
// cluster with the same range of Services. It is what rest.InClusterConfig gives.
func (f *facts) clusterIP(ctx context.Context) []verdict {
	address, ok := f.dialledIP()
	if !ok {
		return nil
	}
	for _, s := range []*server{f.from, f.to} {
		if s == f.from && f.From.Hosted { // istiod runs elsewhere
			continue
		}
		svc, err := get(ctx, s, kindService, metav1.NamespaceDefault, "kubernetes")
		switch {
		case err != nil && absent(err):
		case err != nil:
			return one(unread(s.name, err).as(Warns))
		case !slices.ContainsFunc(append([]string{svc.Spec.ClusterIP}, svc.Spec.ClusterIPs...), func(ip string) bool {
			own, err := netip.ParseAddr(ip)
			return err == nil && own.Unmap() == address
		}):
		case s == f.from:
			return one(fail(f.to.name, "give the address of the API server of "+f.to.name+" that is reached from outside of it",
				"%s is the address of Service default/kubernetes of %s: its istiod would read its own cluster", address, s.name))
		default:
			return one(fail(f.to.name, "give the address of the API server of "+f.to.name+" that is reached from outside of it",
				"%s is the address of Service default/kubernetes of %s, which pods of that cluster reach", address, s.name).as(Warns))
		}
	}
	return nil
}

// dialledIP is the address of the Endpoint if From's istiod itself dials it, and it is one of another machine.
func (f *facts) dialledIP() (netip.Addr, bool) {
	server, err := url.Parse(f.Endpoint.Server)
	if err != nil || f.Endpoint.ProxyURL != "" {
		return netip.Addr{}, false
	}
	address, err := netip.ParseAddr(server.Hostname())
	address = address.Unmap()
	return address, err == nil && !address.IsLoopback()
}

// serverCertificate makes the TLS handshake that istiod will make, from here, and sends nothing.
func serverCertificate(ctx context.Context, f *facts) []verdict {
	if f.Endpoint.Server == "" {
		return one(unknown(f.to.name, "give Input.Endpoint", "no endpoint is given"))
	}
	if f.Endpoint.Validate() != nil {
		return one(skip(f.to.name, "the endpoint is not usable"))
	}
	if f.Endpoint.InsecureSkipTLSVerify {
		return one(fail(f.to.name, "give the CA instead of InsecureSkipTLSVerify", "istiod would send the token to whoever answers").as(Warns))
	}
	var candidates []secrets.CandidateCA
	if len(f.Endpoint.CA) == 0 {
		candidates = []secrets.CandidateCA{{Name: "system roots"}}
	}
	choice, err := secrets.ChooseCA(ctx, f.Endpoint, candidates, secrets.ChooseOptions{Dial: f.Dial})
	var refused *secrets.CAError
	switch {
	case errors.As(err, &refused):
		return one(fail(f.to.name, "pass the CA of the server that answers there, or set TLSServerName to a name in its certificate",
			"the certificate of %s is issued by %q for %v, which the CA does not verify as %q", refused.Address, refused.Issuer, refused.SANs, refused.Name))
	case errors.Is(err, secrets.ErrUnreachable) || err == nil && choice.Unknown:
		return one(unknown(f.to.name, "no action is needed if istiod in "+f.from.name+" reaches it: its sync status will tell", "the endpoint does not answer a TLS dial from here"))
	case err != nil:
		return one(unread(f.to.name, err))
	}
	if len(choice.PEM) == 0 {
		return one(fail(f.to.name, "give the CA of the server: the istiod image may have other roots",
			"the system roots of this machine verify it, and the system roots of the istiod image decide").as(Warns))
	}
	return one(pass(f.to.name, "%s", choice.Why))
}
