package preflight

import (
	"context"
	"errors"
	"net/netip"
	"net/url"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/secrets"
)

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
		svc, err := get(ctx, s, service(metav1.NamespaceDefault, "kubernetes"))
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
