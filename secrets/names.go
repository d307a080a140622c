package secrets

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
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
// istio-remote-secret-<cluster>, as istioctl names it. Where cluster is no
// lower-case DNS label, and so may be no part of a Secret's name, a readable
// label is made of it and 8 hex digits of its SHA-256.
func SecretName(cluster string) string {
	if len(validation.IsDNS1123Label(cluster)) == 0 {
		return namePrefix + cluster
	}
	return namePrefix + withHash(label(cluster), cluster, validation.DNS1123LabelMaxLength)
}

// label replaces what a lower-case DNS label does not allow by dashes.
func label(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(s))
}

// withHash cuts readable so that it fits limit with a hash of the original behind it.
func withHash(readable, original string, limit int) string {
	sum := sha256.Sum256([]byte(original))
	suffix := hex.EncodeToString(sum[:4])
	readable = strings.Trim(readable[:min(len(readable), limit-len(suffix)-1)], "-.")
	if readable == "" {
		return suffix
	}
	return readable + "-" + suffix
}
