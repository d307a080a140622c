package secrets

import (
	"fmt"
	"io"
	"log/slog"
)

// String names the cluster, its server and the kind of credential, a token by
// its fingerprint.
func (r Remote) String() string {
	credential := "no credential"
	switch ref := r.Token.Ref(); {
	case !r.Token.IsZero() && r.Credential != "":
		credential = "token " + ref.Fingerprint + " + " + r.Credential
	case !r.Token.IsZero():
		credential = "token " + ref.Fingerprint
	case r.Credential != "":
		credential = r.Credential
	}
	return fmt.Sprintf("%s at %v with %s", r.Cluster, r.Endpoint, credential)
}

// GoString is String with the type in front.
func (r Remote) GoString() string { return fmt.Sprintf("secrets.Remote{%q}", r.String()) }

// Format writes String, or GoString for %#v, whatever the verb. Without it, fmt
// would show the fields of a pointer to a Remote under a verb that does not fit.
func (r Remote) Format(s fmt.State, verb rune) {
	text := r.String()
	if verb == 'v' && s.Flag('#') {
		text = r.GoString()
	}
	_, _ = io.WriteString(s, text)
}

// LogValue returns String.
func (r Remote) LogValue() slog.Value { return slog.StringValue(r.String()) }
