package preflight

import (
	"context"
	"errors"
	"net/netip"
	"net/url"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/secrets"
)

// endpoint is what an Endpoint is by itself.
type endpoint struct {
	refused *verdict  // why nobody can use it
	warned  []verdict // what may be wrong with it
	shown   string
	private netip.Addr // valid if it is an address of a private network
	dialled netip.Addr // valid if istiod dials it without a proxy, and it is not of the local host
}

// endpointKey names a fact about the Endpoint: links that have the same one share it.
func (f *facts) endpointKey(what string) key {
	c := f.to.cluster
	c.facts.mu.Lock()
	defer c.facts.mu.Unlock()
	n := slices.IndexFunc(c.endpoints, func(e secrets.Endpoint) bool {
		return e.AllowLoopback == f.Endpoint.AllowLoopback && e.Equal(f.Endpoint)
	})
	if n < 0 {
		n = len(c.endpoints)
		c.endpoints = append(c.endpoints, f.Endpoint)
	}
	return key{what: what, name: strconv.Itoa(n)}
}

func (f *facts) endpoint(ctx context.Context) (endpoint, error) {
	return fact(ctx, f.to, f.endpointKey("endpoint"), func(context.Context) (e endpoint, err error) {
		if err := f.Endpoint.Validate(); err != nil {
			v := fail(f.to.name, "give another endpoint", "%v", err)
			if field, ok := errors.AsType[*secrets.FieldError](err); ok {
				v = fail(f.to.name, field.Remedy, "%s %q %s", field.Field, field.Value, field.Reason)
			}
			e.refused = &v
			return e, nil
		}
		for _, w := range f.Endpoint.Warnings() {
			switch w.Field {
			case "Endpoint.Server", "Endpoint.ProxyURL":
				e.warned = append(e.warned, fail(f.to.name, w.Remedy, "%s %q %s", w.Field, w.Value, w.Reason).as(Warns))
			default: // of the CA, which server-certificate looks at
			}
		}
		e.shown = secrets.Endpoint{Server: f.Endpoint.Server}.String()
		server, _ := url.Parse(f.Endpoint.Server) // Validate has parsed it
		address, err := netip.ParseAddr(server.Hostname())
		if err == nil && address.IsPrivate() {
			e.private = address
		}
		if err == nil && f.Endpoint.ProxyURL == "" && !address.Unmap().IsLoopback() {
			e.dialled = address.Unmap()
		}
		return e, nil
	})
}

// serverURL judges the address by itself: istiod elsewhere cannot use a loopback address or plain http. What a proxy or the
// network decides is a warning: the minted token's proof tells.
func serverURL(ctx context.Context, f *facts) []verdict {
	if f.Endpoint.Server == "" {
		return one(unknown(f.to.name, "give Input.Endpoint", "no endpoint is given"))
	}
	e, err := f.endpoint(ctx)
	switch {
	case err != nil:
		return one(unread(f.to.name, err))
	case e.refused != nil:
		return one(*e.refused)
	}
	found := slices.Clone(e.warned)
	if e.private.IsValid() {
		found = append(found, fail(f.to.name, "make sure that istiod in "+f.from.name+" has a route to it, or give the public endpoint (of an ACK cluster: bind an EIP)",
			"%s is a private address", e.private).as(Informs))
	}
	found = append(found, f.clusterIP(ctx)...)
	return or(found, pass(f.to.name, "%s is a usable URL", e.shown))
}

// clusterIP: inside of a cluster its API server is at the address of Service default/kubernetes, which is the same in every
// cluster with the same range of Services. It is what rest.InClusterConfig gives.
func (f *facts) clusterIP(ctx context.Context) []verdict {
	e, _ := f.endpoint(ctx)
	for _, s := range []*server{f.from, f.to} {
		svc, err := f.kubernetes(ctx, s)
		switch {
		case svc == nil && err == nil:
		case err != nil && absent(err):
		case err != nil:
			return one(unread(s.name, err).as(Warns))
		case !slices.ContainsFunc(append([]string{svc.Spec.ClusterIP}, svc.Spec.ClusterIPs...), func(ip string) bool {
			own, err := netip.ParseAddr(ip)
			return err == nil && own.Unmap() == e.dialled
		}):
		case s == f.from:
			return one(fail(f.to.name, "give the address of the API server of "+f.to.name+" that is reached from outside of it",
				"%s is the address of Service default/kubernetes of %s: its istiod would read its own cluster", e.dialled, s.name))
		default:
			return one(fail(f.to.name, "give the address of the API server of "+f.to.name+" that is reached from outside of it",
				"%s is the address of Service default/kubernetes of %s, which pods of that cluster reach", e.dialled, s.name).as(Warns))
		}
	}
	return nil
}

// kubernetes is Service default/kubernetes; nil if the endpoint cannot be its address.
func (f *facts) kubernetes(ctx context.Context, s *server) (*corev1.Service, error) {
	e, err := f.endpoint(ctx)
	if err != nil || !e.dialled.IsValid() || s == f.from && f.From.Hosted { // istiod runs elsewhere
		return nil, nil
	}
	return get(ctx, s, kindService, metav1.NamespaceDefault, "kubernetes")
}

// serverCertificate makes the TLS handshake that istiod will make, from here, and sends nothing.
func serverCertificate(ctx context.Context, f *facts) []verdict {
	if f.Endpoint.Server == "" {
		return one(unknown(f.to.name, "give Input.Endpoint", "no endpoint is given"))
	}
	if e, err := f.endpoint(ctx); err == nil && e.refused != nil {
		return one(skip(f.to.name, "the endpoint is not usable"))
	}
	if f.Endpoint.InsecureSkipTLSVerify {
		return one(fail(f.to.name, "give the CA instead of InsecureSkipTLSVerify", "istiod would send the token to whoever answers").as(Warns))
	}
	choice, err := f.handshake(ctx)
	refused, isRefused := errors.AsType[*secrets.CAError](err)
	switch {
	case isRefused:
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

// handshake dials the Endpoint, once for all links.
func (f *facts) handshake(ctx context.Context) (secrets.CAChoice, error) {
	return fact(ctx, f.to, f.endpointKey("handshake"), func(ctx context.Context) (secrets.CAChoice, error) {
		var candidates []secrets.CandidateCA
		if len(f.Endpoint.CA) == 0 {
			candidates = []secrets.CandidateCA{{Name: "system roots"}}
		}
		return secrets.ChooseCA(ctx, f.Endpoint, candidates, secrets.ChooseOptions{Dial: f.Dial})
	})
}
