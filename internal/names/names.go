// Package names makes names of Kubernetes objects from cluster IDs and other text that may not be one.
package names

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/meshpeer/meshpeer/internal/printable"
)

// Label returns id if it is a lower-case DNS label; else a readable label with 8 hex digits of its SHA-256. Nothing of an id
// that looks like a credential is readable.
func Label(id string) string {
	if len(validation.IsDNS1123Label(id)) == 0 {
		return id
	}
	readable := ""
	if printable.Value(id) == id {
		readable = dashed(id)
	}
	return WithHash(readable, id, validation.DNS1123LabelMaxLength)
}

// dashed replaces what a lower-case DNS label does not allow by dashes.
func dashed(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(s))
}

// WithHash cuts readable so that it fits limit with a hash of the original behind it.
func WithHash(readable, original string, limit int) string {
	sum := sha256.Sum256([]byte(original))
	suffix := hex.EncodeToString(sum[:4])
	readable = strings.Trim(readable[:min(len(readable), limit-len(suffix)-1)], "-.")
	if readable == "" {
		return suffix
	}
	return readable + "-" + suffix
}
