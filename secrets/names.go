package secrets

import (
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/meshpeer/meshpeer/internal/names"
	"github.com/meshpeer/meshpeer/internal/printable"
)

const (
	// LabelMultiCluster with the value "true" makes a Secret a remote secret
	// (Istio pkg/kube/multicluster/secretcontroller.go).
	LabelMultiCluster = "istio/multiCluster"
	// AnnotationCluster names the cluster for people; istioctl writes it, istiod
	// does not read it (Istio istioctl/pkg/multicluster/remote_secret.go).
	AnnotationCluster = "networking.istio.io/cluster"

	namePrefix            = "istio-remote-secret-"
	defaultNamespace      = "istio-system"
	defaultServiceAccount = "istio-reader-service-account"
)

// SecretName returns the usual name of the remote secret of cluster:
// istio-remote-secret-<cluster>, as istioctl names it, if that is a legal name.
// Otherwise cluster becomes a readable label with 8 hex digits of its SHA-256. If
// cluster looks like a credential, only its hash is used.
func SecretName(cluster string) string {
	if name := namePrefix + cluster; len(validation.IsDNS1123Subdomain(name)) == 0 && printable.Line(cluster) == cluster {
		return name
	}
	return namePrefix + names.Label(cluster)
}
