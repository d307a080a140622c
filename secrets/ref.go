package secrets

import (
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Kind says how a token was made, and so what ends it.
type Kind string

const (
	// KindDurable is a token of a kubernetes.io/service-account-token Secret. It
	// has no expiry and works until the Secret or its ServiceAccount is deleted
	// (Kubernetes pkg/serviceaccount/legacy.go).
	KindDurable Kind = "durable"
	// KindBound is a token of a TokenRequest, bound to an empty marker Secret. It
	// works until it expires or the marker is deleted (Kubernetes
	// pkg/serviceaccount/claims.go).
	KindBound Kind = "bound"
	// KindStatic is a token that the caller brought; nothing here can revoke it.
	KindStatic Kind = "static"
)

// KindOf returns the kind of token that secret, found in the cluster that is
// read, stands for: KindDurable for a token Secret, KindBound for an Opaque
// marker, "" for any other object.
func KindOf(secret *corev1.Secret) Kind {
	switch {
	case secret == nil:
		return ""
	case secret.Type == corev1.SecretTypeServiceAccountToken:
		return KindDurable
	case (secret.Type == corev1.SecretTypeOpaque || secret.Type == "") && len(secret.Data) == 0:
		return KindBound
	default:
		return ""
	}
}

// Ref is a token without its value: safe to print, to store and to send. It
// names the object whose deletion revokes the token.
type Ref struct {
	// Kind says which source can revoke the token.
	Kind Kind `json:"kind,omitempty"`
	// Namespace, Name and UID identify the token Secret or the marker Secret.
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name,omitempty"`
	UID       string `json:"uid,omitempty"`
	// ServiceAccount is the account that the token speaks for, in Namespace. Its
	// UID, where known, tells it from a later account of the same name.
	ServiceAccount    string `json:"serviceAccount,omitempty"`
	ServiceAccountUID string `json:"serviceAccountUID,omitempty"`
	// Generation is the one of the Request.
	Generation int `json:"generation,omitempty"`
	// Issued is when the token was granted; zero if not known. With Expires it
	// gives the granted lifetime, from which the time to renew follows.
	Issued time.Time `json:"issued,omitzero"`
	// Expires is when the token stops working; zero if no expiry is known.
	Expires time.Time `json:"expires,omitzero"`
	// Fingerprint is the first 8 hex digits of the token's SHA-256.
	Fingerprint string `json:"fingerprint,omitempty"`
	// Warnings say how the token differs from what was asked for: a shorter
	// lifetime, another source.
	Warnings []string `json:"warnings,omitempty"`
}
