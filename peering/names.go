package peering

import (
	"fmt"
	"maps"
	"strconv"

	corev1 "k8s.io/api/core/v1"

	"github.com/meshpeer/meshpeer/internal/names"
)

// Labels and annotations of what this package makes. The labels say whose an object is; nothing without them is edited.
const (
	LabelManagedBy  = "app.kubernetes.io/managed-by" // ManagedBy
	LabelFrom       = "meshpeer.io/from"             // the link's From
	LabelTo         = "meshpeer.io/to"               // the link's To
	LabelGeneration = "meshpeer.io/generation"       // of a token, counting from 1

	// AnnotationCredential is on the remote secret: the secrets.Ref of the token in it, as JSON.
	AnnotationCredential = "meshpeer.io/credential"
	// AnnotationRun is a nonce of the call that created an object. After a lost reply it tells whose creation won.
	AnnotationRun = "meshpeer.io/run"

	// AnnotationLocalRoles is on the ClusterRole of a link: the namespaces, joined by commas, that hold or held a Role and a
	// RoleBinding of the link besides.
	AnnotationLocalRoles = "meshpeer.io/local-roles"

	ManagedBy = "meshpeer"
)

// reader is the name of the link's ServiceAccount, roles and bindings in To: it tells To's audit log which cluster reads.
func (l Link) reader() string { return "meshpeer-reader-" + safeName(l.From.ID) }

// safeName is the ID as it can stand in the name of an object: itself, or a label with a hash.
func safeName(id ID) string {
	return names.Label(id.String())
}

func (l Link) labels() map[string]string {
	return map[string]string{LabelManagedBy: ManagedBy, LabelFrom: l.From.ID.String(), LabelTo: l.To.ID.String()}
}

func (l Link) selector() string {
	return fmt.Sprintf("%s=%s,%s=%s,%s=%s", LabelManagedBy, ManagedBy, LabelFrom, l.From.ID, LabelTo, l.To.ID)
}

func generationLabels(l Link, generation int) map[string]string {
	labels := maps.Clone(l.labels())
	labels[LabelGeneration] = strconv.Itoa(generation)
	return labels
}

// generation of a token object; 0 if its label is missing or not a number.
func generation(s *corev1.Secret) int {
	n, _ := strconv.Atoi(s.Labels[LabelGeneration])
	return n
}
