package secrets

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"

	corev1 "k8s.io/api/core/v1"

	"github.com/meshpeer/meshpeer/internal/printable"
)

// Parse returns the clusters that istiod finds in secret, in the order of their
// IDs. A key that istiod would refuse, or a Secret that it would not look at, is an
// error: the joined Problems of severity error that Lint reports. StringData
// overrides Data, as it does when the API server stores the Secret. The user and
// password of a proxy are in Endpoint.ProxyAuth.
//
// A credential that is not a plain token is named in Remote.Credential; its value
// is not kept. Token.Expires is the token's own exp claim.
func Parse(secret *corev1.Secret) ([]Remote, error) {
	found := scan(secret, LintOptions{})
	var errs []error
	for _, p := range found.problems() {
		if p.Severity == SeverityError {
			errs = append(errs, p)
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	remotes := make([]Remote, 0, len(found.keys))
	for _, in := range found.keys {
		remotes = append(remotes, in.remote)
	}
	return remotes, nil
}

// Remote is one cluster as a remote secret describes it: its ID, its API server
// and a credential for it.
type Remote struct {
	// Cluster is the ID under which istiod knows the cluster; it is the data key of
	// the Secret. It must equal what that cluster's proxies and istiod call
	// themselves (ISTIO_META_CLUSTER_ID, chart value
	// global.multiCluster.clusterName), otherwise their workloads are not found.
	Cluster string
	// Endpoint is the API server as the reading istiod reaches it.
	Endpoint Endpoint
	// Token is the bearer token.
	Token Token
	// Credential is "" for a plain bearer token. Parse sets it to the name of
	// anything else that istiod would accept (Istio pkg/kube/util.go
	// sanitizeKubeConfig), such as "client certificate", "basic auth", "oidc auth
	// provider", "impersonation" or "none", joined by " + ". Build refuses it.
	Credential string
	// CAFile is set by Parse when the kubeconfig names a certificate-authority
	// file, which istiod would read in its own file system. Build refuses it.
	CAFile string
}

// Options name and decorate the Secret that Build makes.
type Options struct {
	// Namespace is the one of the reading istiod, the only one whose remote secrets
	// it sees. Default istio-system.
	Namespace string
	// Name of the Secret. Default SecretName of the cluster.
	Name string
	// Labels and Annotations are added to those that istiod and istioctl use,
	// which they cannot change.
	Labels, Annotations map[string]string
}

// String names the cluster, its server and the kind of credential, a token by
// its fingerprint.
func (r Remote) String() string {
	credential := "no credential"
	switch ref := r.Token.Ref(); {
	case !r.Token.IsZero() && r.Credential != "":
		credential = "token " + ref.Fingerprint + " + " + printable.Value(r.Credential)
	case !r.Token.IsZero():
		credential = "token " + ref.Fingerprint
	case r.Credential != "":
		credential = printable.Value(r.Credential)
	}
	return fmt.Sprintf("%s at %v with %s", shownName(r.Cluster), r.Endpoint, credential)
}

// GoString is String with the type in front.
func (r Remote) GoString() string { return fmt.Sprintf("secrets.Remote{%q}", r.String()) }

// Format writes String, or GoString for %#v, whatever the verb. Without it, fmt
// would show the fields of a pointer to a Remote under a verb that does not fit.
func (r Remote) Format(s fmt.State, verb rune) {
	text := r.String()
	if verb == 'v' && s.Flag('#') {
		text = r.GoString()
	}
	_, _ = io.WriteString(s, text)
}

// MarshalText returns String.
func (r Remote) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// MarshalJSON writes the fields as far as they may be shown. The result cannot be
// read back: a Token says REDACTED.
func (r Remote) MarshalJSON() ([]byte, error) {
	type plain Remote // has no methods
	p := plain(r)
	p.Cluster, p.Credential, p.CAFile = shownName(r.Cluster), printable.Value(r.Credential), printable.Value(r.CAFile)
	return json.Marshal(p)
}

// LogValue returns String.
func (r Remote) LogValue() slog.Value { return slog.StringValue(r.String()) }
