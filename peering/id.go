package peering

import (
	"fmt"
	"regexp"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/meshpeer/meshpeer/internal/printable"
)

// ID is the cluster ID that istiod and the proxies of a cluster use for it: env CLUSTER_ID of istiod, Istio's chart value
// global.multiCluster.clusterName, for ASM the ACK cluster ID. It becomes the data key of the remote secret, so a wrong
// one gives endpoints the wrong cluster label. Make one with [ParseID]; the zero ID names no cluster.
type ID struct{ name string }

// String is the ID as it was parsed.
func (id ID) String() string { return id.name }

// MarshalText writes the ID as a plain string.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.name), nil }

// UnmarshalText reads what MarshalText wrote, under the rules of [ParseIstioID]. An empty text is the zero ID.
func (id *ID) UnmarshalText(text []byte) (err error) {
	if len(text) == 0 {
		*id = ID{}
		return nil
	}
	*id, err = ParseIstioID(string(text))
	return err
}

// ParseID accepts a DNS-1123 label: lower-case letters, digits and '-', at most 63 characters. ACK cluster IDs are such
// labels, and only such an ID can be part of a Secret's name unchanged.
func ParseID(s string) (ID, error) {
	if problems := validation.IsDNS1123Label(s); len(problems) > 0 {
		return ID{}, fmt.Errorf("peering: cluster ID \"%s\": %s; use the ID that the cluster's proxies carry in "+
			"ISTIO_META_CLUSTER_ID, and ParseIstioID if that one is not a DNS label", printable.Value(s), problems[0])
	}
	return ID{s}, nil
}

// istioID is what both a data key of a Secret, which istiod takes for the cluster ID, and a label value can be
// (k8s.io/apimachinery/pkg/util/validation: IsConfigMapKey, IsValidLabelValue).
var istioID = regexp.MustCompile(`^[a-zA-Z0-9]([-._a-zA-Z0-9]{0,61}[a-zA-Z0-9])?$`)

// ParseIstioID accepts every ID that istiod does and a label value can hold, for meshes whose proxies already carry an ID
// that is not a DNS label, such as Istio's default "Kubernetes". Secret names are then derived with a hash.
func ParseIstioID(s string) (ID, error) {
	if !istioID.MatchString(s) {
		return ID{}, fmt.Errorf("peering: cluster ID \"%s\": must be 1 to 63 of the characters a-z A-Z 0-9 '-' '_' '.', "+
			"with a letter or digit at both ends; use the ID that the cluster's proxies carry in ISTIO_META_CLUSTER_ID", printable.Value(s))
	}
	return ID{s}, nil
}

// constant is satisfied by untyped string constants only: MustID of a variable does not compile outside this package.
type constant string

// MustID is [ParseID] for constants in source code. It panics if the constant is not a valid ID.
func MustID(s constant) ID {
	id, err := ParseID(string(s))
	if err != nil {
		panic(err)
	}
	return id
}
