package peering

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/meshpeer/meshpeer/internal/istio"
	"github.com/meshpeer/meshpeer/internal/kube"
	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/secrets"
)

// userAgent is how this module appears in audit logs; manager is its field manager.
const (
	userAgent = "meshpeer/v0"
	manager   = "meshpeer"
)

// ConnectOptions change what Connect makes from a rest.Config.
type ConnectOptions struct {
	Namespace      string            // of istiod and of the remote secrets it reads. Default istio-system
	IstiodSelector string            // label selector of istiod's Pods, for one revision of several or other labels. Default app=istiod
	Hosted         bool              // the control plane runs elsewhere, as ASM's managed one does: links from here are only verified
	Endpoint       *secrets.Endpoint // the API server as other clusters' istiods reach it. Default: what the rest.Config says; links judge it
	AllowLoopback  bool              // links may use a rest.Config with a loopback address, which no istiod elsewhere can reach. For labs
}

// Connect makes a Cluster without network I/O. Of 16 requests in flight each ends after 30 s; the config's rate limit is
// lifted.
func Connect(id ID, config *rest.Config, o ConnectOptions) (*Cluster, error) {
	if id == (ID{}) {
		return nil, errors.New("peering: Connect: the ID is empty: make one with ParseID")
	}
	if config == nil || config.Host == "" {
		return nil, fmt.Errorf("peering: Connect %q: rest.Config.Host is empty: load a kubeconfig with client-go's clientcmd", id)
	}
	if err := istio.Validate("ConnectOptions.IstiodSelector", o.IstiodSelector); err != nil {
		return nil, fmt.Errorf("peering: Connect %q: %w", id, err)
	}
	if _, _, err := rest.DefaultServerUrlFor(config); err != nil { // which quotes the host, with a user in it
		why := "is not the URL of an API server: write https://host:port"
		if field, ok := errors.AsType[*secrets.FieldError](secrets.Endpoint{Server: config.Host}.Validate()); ok {
			why = field.Reason + "; " + field.Remedy
		}
		return nil, fmt.Errorf("peering: Connect %q: rest.Config.Host %q %s", id, address(secrets.Endpoint{Server: config.Host}), why)
	}
	endpoint, err := endpointOf(config, o)
	if err != nil {
		return nil, fmt.Errorf("peering: Connect %q: %w", id, printedErr(err))
	}
	warned := &warnings{}
	original := config
	config = kube.Configure(config, userAgent, warned)
	objects, err := kube.NewObjects(config, manager)
	if err != nil {
		return nil, fmt.Errorf("peering: Connect %q: %w", id, printedErr(err))
	}
	c := &Cluster{
		ID: id, Namespace: o.Namespace, Hosted: o.Hosted, Endpoint: endpoint, warnings: warned,
		Objects: objects,
		As:      bearer{config.Dial}.as, Dial: config.Dial,
		Exec: kube.PodExec{Config: config}.In,
		Accounts: func(namespace string) secrets.TokenCreator {
			return objects.Accounts(namespace)
		},
	}
	checks, err := preflight.Connect(id.String(), original)
	if err != nil {
		return nil, fmt.Errorf("peering: Connect %q: %w", id, printedErr(err))
	}
	checks.Namespace, checks.Hosted, checks.IstiodSelector = c.namespace(), o.Hosted, o.IstiodSelector
	c.Checks = &checks
	if !o.Hosted {
		c.Istiods = istiod.Pods{
			List: func(ctx context.Context, namespace, selector string) ([]*corev1.Pod, error) {
				return kube.ListAs(ctx, c.Objects, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace}}, selector)
			},
			Namespace: c.namespace(), Selector: o.IstiodSelector, Dial: kube.PodDialer{Config: config}.Dial,
		}
	}
	return c, nil
}

func endpointOf(config *rest.Config, o ConnectOptions) (secrets.Endpoint, error) {
	if o.Endpoint != nil {
		return *o.Endpoint, o.Endpoint.Validate()
	}
	server, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return secrets.Endpoint{}, err
	}
	ca := config.CAData
	if len(ca) == 0 && config.CAFile != "" {
		if ca, err = os.ReadFile(config.CAFile); err != nil {
			return secrets.Endpoint{}, err
		}
	}
	server.Path = strings.TrimSuffix(server.Path, "/")
	return secrets.Endpoint{Server: server.String(), CA: ca, TLSServerName: config.ServerName, AllowLoopback: o.AllowLoopback}, nil
}

// bearer reaches an API server as the holder of a token, dialling as the caller's own connection does.
type bearer struct {
	dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// as refuses an endpoint without TLS: client-go would send the token in clear.
func (b bearer) as(e secrets.Endpoint, token secrets.Token) (Objects, error) {
	if u, err := url.Parse(e.Server); err != nil || u.Scheme != "https" {
		return nil, fmt.Errorf("peering: no token is sent to %s: it is not an https URL", address(e))
	}
	config := &rest.Config{
		Host:            e.Server,
		BearerToken:     token.Reveal(),
		TLSClientConfig: rest.TLSClientConfig{CAData: e.CA, ServerName: e.TLSServerName, Insecure: e.InsecureSkipTLSVerify},
		Dial:            b.dial,
	}
	if err := useProxy(config, e); err != nil {
		return nil, err
	}
	objects, err := kube.NewObjects(kube.Configure(config, userAgent, rest.NoWarnings{}), manager)
	if err != nil {
		return nil, err
	}
	return objects, nil
}

// useProxy dials as istiod will.
func useProxy(config *rest.Config, e secrets.Endpoint) error {
	proxy, err := e.Proxy()
	if err == nil && proxy != nil {
		config.Proxy = http.ProxyURL(proxy)
	}
	return err
}

// address is where an endpoint is, as a person may see it: one that nobody has validated may hold a user.
func address(e secrets.Endpoint) string { return secrets.Endpoint{Server: e.Server}.String() }

// chosen is an endpoint with its CA.
type chosen struct {
	endpoint secrets.Endpoint
	unseen   []string // of the CA
	warnings []string // what depends on a proxy, on the network or on the image of From's istiod, which nobody can see here
	err      error
}

// endpoint of the link, with a CA. Links with the same endpoint share one look.
func (r *run) endpoint(ctx context.Context, l Link, to *snapshot) chosen {
	e := l.endpoint()
	key := l.To.ID.String()
	if l.Endpoint != nil {
		key += " " + whole(e)
	}
	c, _ := r.endpoints.get(key, func() (chosen, error) {
		c := chosen{}
		c.endpoint, c.unseen, c.err = r.chooseCA(ctx, l, to)
		if c.err == nil && r.goal != Absent {
			for _, warning := range c.endpoint.Warnings() {
				c.warnings = append(c.warnings, warning.Error())
			}
		}
		return c, nil
	})
	return c
}

// whole is every field of an endpoint, which no two others share. It may hold a password: it is never shown.
func whole(e secrets.Endpoint) string {
	proxy := ""
	if u, err := e.Proxy(); err == nil && u != nil {
		proxy = u.String()
	}
	return fmt.Sprintf("%q %q %q %q %t %t %s", e.Server, e.TLSServerName, e.ProxyURL, proxy, e.InsecureSkipTLSVerify, e.AllowLoopback, fingerprint(e.CA))
}

// chooseCA completes the endpoint with a CA that verifies it, seen by a TLS handshake with its own server name and proxy.
// To's own endpoint needs no look: every request of this call verifies it.
func (r *run) chooseCA(ctx context.Context, l Link, to *snapshot) (secrets.Endpoint, []string, error) {
	e := l.endpoint()
	if l.Endpoint == nil || e.InsecureSkipTLSVerify || r.goal == Absent {
		return e, nil, nil
	}
	var candidates []secrets.CandidateCA
	if len(e.CA) == 0 {
		candidates = append(candidates, secrets.CandidateCA{Name: "CA of the caller's own connection", PEM: l.To.Endpoint.CA})
		root, err := to.find(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: l.To.namespace(), Name: "kube-root-ca.crt"}})
		if err == nil && root != nil {
			candidates = append(candidates, secrets.CandidateCA{Name: "ConfigMap kube-root-ca.crt", PEM: []byte(root.(*corev1.ConfigMap).Data["ca.crt"])})
		}
	}
	choice, err := secrets.ChooseCA(ctx, e, candidates, secrets.ChooseOptions{Dial: l.To.Dial})
	if err != nil {
		return e, nil, err
	}
	var warned []string
	if choice.Unknown {
		warned = append(warned, "CA of "+address(e)+" could not be checked from here: "+choice.Why)
	}
	e.CA = choice.PEM
	return e, warned, nil
}
