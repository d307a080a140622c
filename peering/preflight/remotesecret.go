package preflight

import (
	"context"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/meshpeer/meshpeer/internal/names"
	"github.com/meshpeer/meshpeer/secrets"
)

// hostedFrom skips what is not ours to write where From's control plane runs elsewhere.
func hostedFrom(_ context.Context, f *facts) *verdict {
	if !f.From.Hosted {
		return nil
	}
	v := skip(f.from.name, "the control plane is hosted: no remote secret is written there")
	return &v
}

// clusterIDInUse: of two Secrets with one ID istiod keeps the first and ignores the other
// (Istio pkg/kube/multicluster/secretcontroller.go).
func clusterIDInUse(ctx context.Context, f *facts) []verdict {
	remotes, err := f.remoteSecrets(ctx)
	if err != nil {
		return one(unread(f.from.name, err))
	}
	var found []verdict
	present := f.presentName(remotes)
	for _, s := range remotes {
		if s.Name == present {
			continue // secret-name-free looks at it
		}
		_, holds := s.Data[f.To.ID]
		switch {
		case holds && f.owns(s):
			found = append(found, fail(f.from.object(s), "delete it: it is an earlier one of this link", "it names cluster %q too", f.To.ID))
		case holds:
			found = append(found, fail(f.from.object(s), "delete it, or go on using it instead of peering",
				"cluster %q is registered by it; it belongs to %s", f.To.ID, owner(s)))
		case s.Annotations[secrets.AnnotationCluster] == f.To.ID:
			found = append(found, fail(f.from.object(s), "see whether it is meant for the same cluster: istiod goes by the key",
				"its annotation says %q, its keys %q", f.To.ID, sortedKeys(s.Data)).as(Warns))
		}
	}
	return or(found, pass(f.from.name, "no other of %d remote secrets names cluster %q", len(remotes), f.To.ID))
}

// presentName is the name of the link's Secret: the one asked for, or the one that this link has for To already. Earlier
// versions gave other names where the ID has a dot.
func (f *facts) presentName(remotes []*corev1.Secret) string {
	earlier := "istio-remote-secret-" + names.Label(f.To.ID)
	isNamed := func(s *corev1.Secret) bool { return s.Name == f.SecretName }
	isEarlier := func(s *corev1.Secret) bool { return s.Name == earlier && f.owns(s) }
	if slices.ContainsFunc(remotes, isEarlier) && !slices.ContainsFunc(remotes, isNamed) {
		return earlier
	}
	return f.SecretName
}

// secretNameFree: an object that is not ours is never edited.
func secretNameFree(ctx context.Context, f *facts) []verdict {
	s, err := get(ctx, f.from, secret(f.from.Namespace, f.SecretName))
	subject := f.from.object(secret(f.from.Namespace, f.SecretName))
	switch {
	case err != nil && absent(err):
		return one(pass(subject, "the name is free"))
	case err != nil:
		return one(unread(subject, err))
	case f.owns(s):
		return one(pass(subject, "it is this link's"))
	}
	return one(fail(subject, "rename or remove it, or choose another name", "it exists and is not this link's: it belongs to %s", owner(s)))
}

// secretSize adds up what will be in the Secret: the CA in base64, and room for the token and the rest of the kubeconfig.
func secretSize(_ context.Context, f *facts) []verdict {
	const rest = 16 << 10
	if f.Endpoint.Server == "" {
		return one(unknown(f.SecretName, "give Input.Endpoint", "no endpoint is given"))
	}
	size := len(f.Endpoint.CA)*4/3 + rest
	if size > corev1.MaxSecretSize {
		return one(fail(f.SecretName, "shorten Endpoint.CA to the CA that signs the API server's certificate", "the Secret would have %d bytes of at most %d", size, corev1.MaxSecretSize))
	}
	return one(pass(f.SecretName, "about %d bytes of at most %d", size, corev1.MaxSecretSize))
}

// owns says whether o carries every label of this link.
func (f *facts) owns(o Object) bool {
	return len(f.OwnLabels) > 0 && within(f.OwnLabels, o.GetLabels())
}

// owner guesses from labels, annotations and field managers who made an object.
func owner(o Object) string {
	for _, from := range []map[string]string{o.GetAnnotations(), o.GetLabels()} {
		for _, key := range sortedKeys(from) {
			if slices.Contains(ownerKeys, key) {
				return key + "=" + from[key]
			}
		}
	}
	for _, entry := range o.GetManagedFields() {
		if entry.Manager != "" {
			return "field manager " + entry.Manager
		}
	}
	return "an unknown owner"
}

var ownerKeys = []string{
	"meta.helm.sh/release-name", "argocd.argoproj.io/tracking-id", "kustomize.toolkit.fluxcd.io/name",
	"meshpeer.io/from", "app.kubernetes.io/managed-by",
}
