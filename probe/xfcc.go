package probe

import (
	"fmt"
	"strings"
)

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

// ParseXFCC reads the value of X-Forwarded-Client-Cert: elements parted by commas, fields by semicolons, values in
// double quotes where they hold either, with \" for a quote. An empty value has no elements. What does not fit this
// grammar is an error, never a guess: it is evidence.
func ParseXFCC(value string) ([]ClientCert, error) {
	p := xfccParser{in: value}
	if strings.TrimSpace(value) == "" {
		return nil, nil
	}
	var certs []ClientCert
	for {
		cert, err := p.cert()
		if err != nil {
			return nil, fmt.Errorf("probe: %s: %w at byte %d; it was not written by Envoy", xfccHeader, err, p.at)
		}
		certs = append(certs, cert)
		if !p.take(',') {
			return certs, nil
		}
	}
}

type xfccParser struct {
	in string
	at int
}

type xfccError string

func (e xfccError) Error() string { return string(e) }

func (p *xfccParser) cert() (ClientCert, error) {
	var cert ClientCert
	for {
		key, err := p.key()
		if err != nil {
			return nil, err
		}
		value, err := p.value()
		if err != nil {
			return nil, err
		}
		cert = append(cert, CertField{key, value})
		if p.take(';') {
			continue
		}
		if p.at < len(p.in) && p.in[p.at] != ',' {
			return nil, xfccError("text after a quoted value")
		}
		return cert, nil
	}
}

func (p *xfccParser) key() (string, error) {
	p.blank()
	length := strings.IndexAny(p.in[p.at:], "=,;\" \t")
	if length <= 0 || p.in[p.at+length] != '=' {
		return "", xfccError("a field without key=value")
	}
	key := p.in[p.at : p.at+length]
	p.at += length + 1
	return key, nil
}

func (p *xfccParser) value() (string, error) {
	if !p.take('"') {
		rest := p.in[p.at:]
		if end := strings.IndexAny(rest, ",;"); end >= 0 {
			rest = rest[:end]
		}
		if strings.Contains(rest, `"`) {
			return "", xfccError("a quote within a value")
		}
		p.at += len(rest)
		return strings.TrimRight(rest, " \t"), nil
	}
	var b strings.Builder
	for ; p.at < len(p.in); p.at++ {
		c := p.in[p.at]
		switch {
		case c == '"':
			p.at++
			p.blank()
			return b.String(), nil
		case c == '\\' && p.at+1 < len(p.in) && (p.in[p.at+1] == '"' || p.in[p.at+1] == '\\'):
			p.at++
			b.WriteByte(p.in[p.at])
		default:
			b.WriteByte(c)
		}
	}
	return "", xfccError("a quoted value without end")
}

func (p *xfccParser) take(c byte) bool {
	if p.at < len(p.in) && p.in[p.at] == c {
		p.at++
		return true
	}
	return false
}

func (p *xfccParser) blank() {
	for p.at < len(p.in) && (p.in[p.at] == ' ' || p.in[p.at] == '\t') {
		p.at++
	}
}
