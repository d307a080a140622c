package probe

import (
	"crypto/x509"
	"strings"
	"time"
)

// describe tells what the server presented: names from the certificate are quoted as they are, they are public.
func describe(chain []*x509.Certificate) string {
	if len(chain) == 0 {
		return "no certificate"
	}
	leaf := chain[0]
	var text strings.Builder
	text.WriteString("certificate of " + orNone(leaf.Subject.String()) + " issued by " + orNone(leaf.Issuer.String()))
	text.WriteString(", for " + orNone(strings.Join(names(leaf), ", ")))
	text.WriteString(", until " + leaf.NotAfter.UTC().Format(time.RFC3339))
	for _, above := range chain[1:] {
		text.WriteString("; sent with " + orNone(above.Subject.String()))
	}
	return text.String()
}

// names are the subject alternative names.
func names(c *x509.Certificate) []string {
	all := append([]string(nil), c.DNSNames...)
	for _, ip := range c.IPAddresses {
		all = append(all, ip.String())
	}
	for _, uri := range c.URIs {
		all = append(all, uri.Redacted())
	}
	return append(all, c.EmailAddresses...)
}

func orNone(s string) string {
	if s == "" {
		return "(no name)"
	}
	return s
}
