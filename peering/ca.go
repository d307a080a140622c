package peering

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/secrets"
)

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
	key := l.To.ID.String() + " " + e.Server + " " + e.TLSServerName + " " + hostPort(e.ProxyURL, "80") + " " + fingerprint(e.CA)
	if l.Endpoint == nil {
		key = l.To.ID.String()
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
