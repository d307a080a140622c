package printable

import "regexp"

const maxName = 253 // Kubernetes apimachinery pkg/util/validation, DNS1123SubdomainMaxLength

var name = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)

// Name tells whether text may be the name of a pod or another object: a DNS-1123 subdomain.
func Name(text string) bool { return len(text) <= maxName && name.MatchString(text) }
