package peering

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/secrets"
)

// address is where an endpoint is, as a person may see it: one that nobody has validated may hold a user.
func address(e secrets.Endpoint) string { return secrets.Endpoint{Server: e.Server}.String() }

// warnOfEndpoint reports what depends on a proxy, on the network or on the image of From's istiod, which nobody can see here.
func (w *work) warnOfEndpoint() {
	if w.goal == Absent {
		return
	}
	for _, warning := range w.endpoint.Warnings() {
		w.warn("the endpoint of " + w.To.ID.String() + " for " + w.From.ID.String() + ": " + warning.Error())
	}
}

// chooseCA completes the endpoint with a CA that verifies it, seen by a TLS handshake with its own server name and proxy.
// To's own endpoint needs no look: every request of this call verifies it.
func (w *work) chooseCA(ctx context.Context) (secrets.Endpoint, error) {
	e := w.Link.endpoint()
	if w.Link.Endpoint == nil || e.InsecureSkipTLSVerify || w.goal == Absent {
		return e, nil
	}
	var candidates []secrets.CandidateCA
	if len(e.CA) == 0 {
		candidates = append(candidates, secrets.CandidateCA{Name: "CA of the caller's own connection", PEM: w.To.Endpoint.CA})
		root, err := find(ctx, w.to.Objects, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: w.To.namespace(), Name: "kube-root-ca.crt"}})
		if err == nil && root != nil {
			candidates = append(candidates, secrets.CandidateCA{Name: "ConfigMap kube-root-ca.crt", PEM: []byte(root.(*corev1.ConfigMap).Data["ca.crt"])})
		}
	}
	choice, err := secrets.ChooseCA(ctx, e, candidates, secrets.ChooseOptions{Dial: w.To.Dial})
	if err != nil {
		return e, err
	}
	if choice.Unknown {
		w.warn("CA of " + address(e) + " could not be checked from here: " + choice.Why)
	}
	e.CA = choice.PEM
	return e, nil
}
