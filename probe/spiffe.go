package probe

import (
	"fmt"
	"strings"

	"github.com/meshpeer/meshpeer/internal/invalid"
)

// SPIFFEID is the identity of a workload as Istio writes it: spiffe://<trust domain>/ns/<namespace>/sa/<service account>
// (istio/istio pkg/spiffe/spiffe.go; the SPIFFE-ID standard, section 2). The zero value holds no identity; IDs compare
// with ==.
type SPIFFEID struct{ trustDomain, namespace, serviceAccount string }

// ParseSPIFFEID reads an ID of Istio's form; any other, however valid, is a [*FieldError].
func ParseSPIFFEID(s string) (SPIFFEID, error) {
	wrong := func(reason string) (SPIFFEID, error) {
		return SPIFFEID{}, invalid.Field("SPIFFEID", s, reason, "write it like spiffe://cluster.local/ns/default/sa/httpbin")
	}
	rest, found := strings.CutPrefix(s, "spiffe://")
	if !found {
		return wrong("it does not begin with spiffe://")
	}
	parts := strings.Split(rest, "/")
	if len(parts) != 5 || parts[1] != "ns" || parts[3] != "sa" {
		return wrong("its path is not /ns/<namespace>/sa/<service account>")
	}
	if !madeOf(parts[0], "-._") || len(parts[0]) > 255 {
		return wrong("its trust domain is not made of lower-case letters, digits, dots, dashes and underscores")
	}
	if !madeOf(parts[2], "-") || !madeOf(parts[4], "-.") || len(parts[2]) > 63 || len(parts[4]) > 253 {
		return wrong("its namespace or service account is not a Kubernetes name")
	}
	return SPIFFEID{parts[0], parts[2], parts[4]}, nil
}

// MustSPIFFEID is ParseSPIFFEID for constants: it panics if s is not an ID.
func MustSPIFFEID(s string) SPIFFEID {
	id, err := ParseSPIFFEID(s)
	if err != nil {
		panic(err)
	}
	return id
}

// madeOf says that s is not empty and has lower-case letters, digits and the characters of extra only.
func madeOf(s, extra string) bool {
	return s != "" && strings.TrimLeft(s, "abcdefghijklmnopqrstuvwxyz0123456789"+extra) == ""
}

// TrustDomain is the mesh's, e.g. cluster.local.
func (id SPIFFEID) TrustDomain() string { return id.trustDomain }

// Namespace is the workload's.
func (id SPIFFEID) Namespace() string { return id.namespace }

// ServiceAccount is the workload's.
func (id SPIFFEID) ServiceAccount() string { return id.serviceAccount }

// IsZero reports whether it holds no identity.
func (id SPIFFEID) IsZero() bool { return id == SPIFFEID{} }

// String is the ID as a URI, "" for the zero value.
func (id SPIFFEID) String() string {
	if id.IsZero() {
		return ""
	}
	return fmt.Sprintf("spiffe://%s/ns/%s/sa/%s", id.trustDomain, id.namespace, id.serviceAccount)
}

// MarshalText is String, for JSON and flags.
func (id SPIFFEID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText is ParseSPIFFEID; empty text is the zero value.
func (id *SPIFFEID) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*id = SPIFFEID{}
		return nil
	}
	parsed, err := ParseSPIFFEID(string(text))
	if err == nil {
		*id = parsed
	}
	return err
}
