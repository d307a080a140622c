package secrets

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// String describes e in one line, without credentials.
func (e Endpoint) String() string {
	notes := []string{}
	if len(e.CA) > 0 {
		notes = append(notes, "CA sha256:"+fingerprint(string(e.CA)))
	}
	if e.TLSServerName != "" {
		notes = append(notes, "server name "+e.TLSServerName)
	}
	if e.ProxyURL != "" {
		notes = append(notes, "through "+redactURL(e.ProxyURL))
	}
	if e.InsecureSkipTLSVerify {
		notes = append(notes, "not verified")
	}
	if len(notes) == 0 {
		return redactURL(e.Server)
	}
	return redactURL(e.Server) + " (" + strings.Join(notes, ", ") + ")"
}

// GoString is String with the type in front.
func (e Endpoint) GoString() string { return fmt.Sprintf("secrets.Endpoint{%q}", e.String()) }

// Format writes String, or GoString for %#v, whatever the verb.
func (e Endpoint) Format(s fmt.State, verb rune) {
	text := e.String()
	if verb == 'v' && s.Flag('#') {
		text = e.GoString()
	}
	_, _ = io.WriteString(s, text)
}

// LogValue returns String.
func (e Endpoint) LogValue() slog.Value { return slog.StringValue(e.String()) }

// MarshalText returns String.
func (e Endpoint) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// MarshalJSON writes the fields without the user information of a URL and
// without anything but certificates in CA.
func (e Endpoint) MarshalJSON() ([]byte, error) {
	type plain Endpoint // has no methods
	p := plain(e)
	p.Server, p.ProxyURL = redactURL(e.Server), redactURL(e.ProxyURL)
	if bytes.Contains(e.CA, []byte("PRIVATE KEY")) {
		p.CA = nil
	}
	return json.Marshal(p)
}
