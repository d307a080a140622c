package preflight

import (
	"cmp"
	"context"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/meshpeer/meshpeer/internal/istio"
	"github.com/meshpeer/meshpeer/internal/names"
	"github.com/meshpeer/meshpeer/secrets"
)

// defaultCluster is the ID of an istiod and a proxy that were given none (Istio chart value global.multiCluster.clusterName).
const defaultCluster = "Kubernetes"

// distinctClusters compares the UID of kube-system, which no two clusters share.
func distinctClusters(ctx context.Context, f *facts) []verdict {
	const subject = "From and To"
	from, err := get(ctx, f.from, kindNamespace, "", metav1.NamespaceSystem)
	if err != nil {
		return one(unread(f.from.name, err))
	}
	to, err := get(ctx, f.to, kindNamespace, "", metav1.NamespaceSystem)
	if err != nil {
		return one(unread(f.to.name, err))
	}
	if from.UID == "" || to.UID == "" {
		return one(unknown(subject, "give a Reader that returns whole objects", "namespace kube-system was read without its UID"))
	}
	if from.UID == to.UID {
		return one(fail(subject, "check the kubeconfig contexts", "%s and %s are the same cluster: kube-system has UID %s in both", f.from.name, f.to.name, from.UID))
	}
	return one(pass(subject, "kube-system has different UIDs"))
}

// clusterIDValid: the ID is the data key of the remote secret (Istio pkg/kube/multicluster/secretcontroller.go).
func clusterIDValid(_ context.Context, f *facts) []verdict {
	id, subject := f.To.ID, f.to.name
	switch {
	case id == "":
		return one(unknown(subject, "give Input.To.ID", "no cluster ID is given"))
	case len(validation.IsConfigMapKey(id)) > 0:
		return one(fail(subject, "use the cluster's ID (of an ACK cluster: c and 32 digits), not the name of a context",
			"%q cannot be a data key: %s", id, strings.Join(validation.IsConfigMapKey(id), ", ")))
	case secrets.SecretName(id) != "istio-remote-secret-"+id:
		return one(fail(subject, "no action is needed if the proxies claim exactly this ID",
			"%q cannot be part of a name, so the Secret is named %s", id, secrets.SecretName(id)).as(Informs))
	}
	return one(pass(subject, "%q can be a data key and part of a name", id))
}

// clusterIDMatchesProxies compares the ID with what To's own proxies and istiod say.
func clusterIDMatchesProxies(ctx context.Context, f *facts) []verdict {
	said, err := f.claimedIDs(ctx, f.to)
	switch {
	case err != nil:
		return one(unread(f.to.name, err))
	case len(said) == 0:
		return one(unknown(f.to.name, "run a Pod with a sidecar there, or set Input.Workload", "no Pod that was read has a proxy"))
	}
	var found []verdict
	for _, id := range said {
		subject := f.to.object(id.by)
		v := pass(subject, "the proxies say that they are in cluster %q", id.value)
		if id.value != f.To.ID {
			v = fail(subject, "peer under the ID "+id.value+": under another its endpoints get the wrong cluster label and locality",
				"the proxies say that they are in cluster %q, not %q", id.value, f.To.ID)
		}
		found = append(found, v)
	}
	return found
}

// clusterIDNotOwn: istiod ignores a remote secret for its own cluster.
func clusterIDNotOwn(ctx context.Context, f *facts) []verdict {
	said, err := f.claimedIDs(ctx, f.from)
	switch {
	case err != nil:
		return one(unread(f.from.name, err))
	case len(said) == 0:
		return one(unknown(f.from.name, "let the caller list Pods of istiod's namespace", "no Pod that was read tells its cluster ID"))
	}
	var found []verdict
	for _, id := range said {
		subject := f.from.object(id.by)
		v := pass(subject, "it calls its cluster %q", id.value)
		if id.value == f.To.ID {
			v = fail(subject, "give each cluster an ID of its own (chart value global.multiCluster.clusterName)",
				"it calls its cluster %q: istiod would ignore the Secret, for it \"would overwrite the config cluster\"", id.value)
		}
		found = append(found, v)
	}
	return found
}

// claimedIDs are what the istiods of a side call their cluster, or its proxies where there is no istiod, in order.
func (f *facts) claimedIDs(ctx context.Context, s *server) ([]saying, error) {
	return fact(ctx, s, f.workloadKey("cluster IDs", s), func(ctx context.Context) (said []saying, err error) {
		say := func(id string, pod *corev1.Pod) {
			if !slices.ContainsFunc(said, func(s saying) bool { return s.value == id }) {
				said = append(said, saying{id, pod})
			}
		}
		istiods, err := s.istiods(ctx)
		for _, pod := range istiods {
			if c := istio.Container(pod); c != nil && !takenFrom(c, "CLUSTER_ID") {
				say(cmp.Or(env(c, "CLUSTER_ID"), defaultCluster), pod)
			}
		}
		if len(said) == 0 {
			var proxies []*corev1.Pod
			proxies, err = f.proxies(ctx, s)
			for _, pod := range proxies {
				say(cmp.Or(env(proxy(pod), "ISTIO_META_CLUSTER_ID"), defaultCluster), pod)
			}
		}
		slices.SortFunc(said, func(a, b saying) int { return strings.Compare(a.value, b.value) })
		return said, err
	})
}

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
	for _, s := range remotes.naming[f.To.ID] {
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
		default:
			found = append(found, fail(f.from.object(s), "see whether it is meant for the same cluster: istiod goes by the key",
				"its annotation says %q, its keys %q", f.To.ID, sortedKeys(s.Data)).as(Warns))
		}
	}
	return or(found, pass(f.from.name, "no other of %d remote secrets names cluster %q", len(remotes.all), f.To.ID))
}

// presentName is the name of the link's Secret: the one asked for, or the one that this link has for To already. Earlier
// versions gave other names where the ID has a dot.
func (f *facts) presentName(remotes remotes) string {
	if remotes.byName[f.SecretName] == nil {
		earlier := "istio-remote-secret-" + names.Label(f.To.ID)
		if s := remotes.byName[earlier]; s != nil && f.owns(s) {
			return earlier
		}
	}
	return f.SecretName
}

// secretNameFree: an object that is not ours is never edited.
func secretNameFree(ctx context.Context, f *facts) []verdict {
	subject := f.from.thing(kindSecret.name, f.from.Namespace, f.SecretName)
	names, err := f.from.secretNames(ctx)
	if err != nil {
		return one(unread(subject, err))
	}
	s, taken := names[f.SecretName]
	switch {
	case !taken:
		return one(pass(subject, "the name is free"))
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
