package preflight

import (
	"cmp"
	"context"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/meshpeer/meshpeer/internal/istiod"
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
	ids, err := f.claimedIDs(ctx, f.to)
	switch {
	case err != nil:
		return one(unread(f.to.name, err))
	case len(ids) == 0:
		return one(unknown(f.to.name, "run a Pod with a sidecar there, or set Input.Workload", "no Pod that was read has a proxy"))
	}
	var found []verdict
	for _, id := range sortedKeys(ids) {
		v := pass(ids[id], "the proxies say that they are in cluster %q", id)
		if id != f.To.ID {
			v = fail(ids[id], "peer under the ID "+id+": under another its endpoints get the wrong cluster label and locality",
				"the proxies say that they are in cluster %q, not %q", id, f.To.ID)
		}
		found = append(found, v)
	}
	return found
}

// clusterIDNotOwn: istiod ignores a remote secret for its own cluster.
func clusterIDNotOwn(ctx context.Context, f *facts) []verdict {
	ids, err := f.claimedIDs(ctx, f.from)
	switch {
	case err != nil:
		return one(unread(f.from.name, err))
	case len(ids) == 0:
		return one(unknown(f.from.name, "let the caller list Pods of istiod's namespace", "no Pod that was read tells its cluster ID"))
	}
	var found []verdict
	for _, id := range sortedKeys(ids) {
		v := pass(ids[id], "it calls its cluster %q", id)
		if id == f.To.ID {
			v = fail(ids[id], "give each cluster an ID of its own (chart value global.multiCluster.clusterName)",
				"it calls its cluster %q: istiod would ignore the Secret, for it \"would overwrite the config cluster\"", id)
		}
		found = append(found, v)
	}
	return found
}

// claimedIDs are what the istiods of a side call their cluster, or its proxies where there is no istiod, each with a Pod that
// says so.
func (f *facts) claimedIDs(ctx context.Context, s *server) (map[string]string, error) {
	ids := map[string]string{}
	say := func(id string, pod *corev1.Pod) {
		if ids[id] == "" {
			ids[id] = s.object(pod)
		}
	}
	istiods, err := s.istiods(ctx)
	for _, pod := range istiods {
		if c := istiod.Container(pod); c != nil && !takenFrom(c, "CLUSTER_ID") {
			say(cmp.Or(env(c, "CLUSTER_ID"), defaultCluster), pod)
		}
	}
	if len(ids) > 0 {
		return ids, err
	}
	proxies, err := f.proxies(ctx, s)
	for _, pod := range proxies {
		say(cmp.Or(env(proxy(pod), "ISTIO_META_CLUSTER_ID"), defaultCluster), pod)
	}
	return ids, err
}
