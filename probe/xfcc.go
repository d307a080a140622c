package probe

import "strings"

// xfccHeader is where a proxy tells the app behind it whose certificate the client showed.
const xfccHeader = "X-Forwarded-Client-Cert"

// CertField is one key=value of a [ClientCert]: By (the server's own URI), Hash, Subject, URI, DNS, Cert or Chain.
type CertField struct{ Key, Value string }

// ClientCert is one element of X-Forwarded-Client-Cert, which tells of one hop; the last is the immediate peer's (Envoy
// documentation, HTTP header manipulation, x-forwarded-client-cert).
type ClientCert []CertField

// Values are the values of a key, whose case does not matter; By, URI and DNS may come several times.
func (c ClientCert) Values(key string) []string {
	var values []string
	for _, field := range c {
		if strings.EqualFold(field.Key, key) {
			values = append(values, field.Value)
		}
	}
	return values
}

// FormatXFCC writes the elements as a header value that [ParseXFCC] reads back.
func FormatXFCC(certs []ClientCert) string {
	var b strings.Builder
	for i, cert := range certs {
		if i > 0 {
			b.WriteByte(',')
		}
		for j, field := range cert {
			if j > 0 {
				b.WriteByte(';')
			}
			b.WriteString(field.Key + "=" + quoted(field.Value))
		}
	}
	return b.String()
}

// quoted puts a value in quotes if it needs them. An empty one gets them too, as Envoy writes Subject="".
func quoted(value string) string {
	if value != "" && !strings.ContainsAny(value, ",;=\"\\ \t") {
		return value
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`
}
