package preflight

import (
	"cmp"
	"context"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/meshpeer/meshpeer/secrets"
)

// defaultCluster is the ID of an istiod and a proxy that were given none (Istio chart value global.multiCluster.clusterName).
const defaultCluster = "Kubernetes"

// distinctClusters compares the UID of kube-system, which no two clusters share.
func distinctClusters(ctx context.Context, f *facts) []verdict {
	const subject = "From and To"
	from, err := get(ctx, f.from, namespace(metav1.NamespaceSystem))
	if err != nil {
		return one(unread(f.from.name, err))
	}
	to, err := get(ctx, f.to, namespace(metav1.NamespaceSystem))
	if err != nil {
		return one(unread(f.to.name, err))
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
	case len(validation.IsDNS1123Label(id)) > 0:
		return one(fail(subject, "nothing needs to be done if proxies claim this very ID",
			"%q is no lower-case DNS label, so the Secret is named %s", id, secrets.SecretName(id)).as(Informs))
	}
	return one(pass(subject, "%q can be a data key and part of a name", id))
}

// clusterIDMatchesProxies compares the ID with what To's own proxies and istiod say.
func clusterIDMatchesProxies(ctx context.Context, f *facts) []verdict {
	id, pod, err := f.claimedID(ctx, f.to)
	switch {
	case err != nil:
		return one(unread(f.to.name, err))
	case id == "":
		return one(unknown(f.to.name, "let one Pod there have a sidecar, or give Input.Workload", "no Pod that was read has a proxy"))
	case id != f.To.ID:
		return one(fail(pod, "peer under the ID "+id+": under another its endpoints get the wrong cluster label and locality",
			"the proxies say that they are in cluster %q, not %q", id, f.To.ID))
	}
	return one(pass(pod, "the proxies say that they are in cluster %q", id))
}

// clusterIDNotOwn: istiod ignores a remote secret for its own cluster.
func clusterIDNotOwn(ctx context.Context, f *facts) []verdict {
	id, pod, err := f.claimedID(ctx, f.from)
	switch {
	case err != nil:
		return one(unread(f.from.name, err))
	case id == "":
		return one(unknown(f.from.name, "give the caller list on pods of istiod's namespace", "no Pod that was read tells its cluster ID"))
	case id == f.To.ID:
		return one(fail(pod, "give each cluster an ID of its own (chart value global.multiCluster.clusterName)",
			"it calls itself %q: istiod would ignore the Secret, for it \"would overwrite the config cluster\"", id))
	}
	return one(pass(pod, "it calls itself %q", id))
}

// claimedID is what the istiod of a side calls its cluster, or its proxies where there is no istiod, and the Pod that says so.
func (f *facts) claimedID(ctx context.Context, s *server) (id, pod string, err error) {
	istiods, err := s.istiods(ctx)
	if err == nil && len(istiods) > 0 && discovery(istiods[0]) != nil {
		return cmp.Or(env(discovery(istiods[0]), "CLUSTER_ID"), defaultCluster), s.object(istiods[0]), nil
	}
	proxies, err := f.proxies(ctx, s)
	if len(proxies) == 0 {
		return "", s.name, err
	}
	return cmp.Or(env(proxy(proxies[0]), "ISTIO_META_CLUSTER_ID"), defaultCluster), s.object(proxies[0]), nil
}
