package secrets

import (
	"cmp"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
)

// ProxyAuth is the user and password of a proxy. Like a [Token] it cannot be
// printed: every formatting verb and encoding says REDACTED, or shows the address of
// a function in an unexported field of another value. The zero ProxyAuth holds none.
// A ProxyAuth is immutable and safe for concurrent use.
type ProxyAuth struct {
	// A closure, since fmt and dumpers follow pointers and unexported fields but not functions.
	reveal func() *url.Userinfo
}

// NewProxyAuth wraps a user and a password.
func NewProxyAuth(user, password string) ProxyAuth {
	return proxyAuth(url.UserPassword(user, password))
}

func proxyAuth(info *url.Userinfo) ProxyAuth {
	if info == nil {
		return ProxyAuth{}
	}
	return ProxyAuth{reveal: func() *url.Userinfo { return info }}
}

func (a ProxyAuth) userinfo() *url.Userinfo {
	if a.reveal == nil {
		return nil
	}
	return a.reveal()
}

// Reveal returns the user and the password; both are empty for the zero ProxyAuth.
func (a ProxyAuth) Reveal() (user, password string) {
	info := cmp.Or(a.userinfo(), &url.Userinfo{})
	password, _ = info.Password()
	return info.Username(), password
}

// IsZero reports whether a holds nothing.
func (a ProxyAuth) IsZero() bool { return a.reveal == nil }

// Equal reports whether a and b hold the same user and password, in a time that
// does not depend on how much of them agrees.
func (a ProxyAuth) Equal(b ProxyAuth) bool {
	sum := func(auth ProxyAuth) []byte {
		user, password := auth.Reveal()
		sum := sha256.Sum256(fmt.Appendf(nil, "%d %s%s", len(user), user, password))
		return sum[:]
	}
	return a.IsZero() == b.IsZero() && subtle.ConstantTimeCompare(sum(a), sum(b)) == 1
}

// String returns REDACTED.
func (ProxyAuth) String() string { return redacted }

// GoString returns REDACTED.
func (ProxyAuth) GoString() string { return redacted }

// Format writes REDACTED whatever the verb.
func (ProxyAuth) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, redacted) }

// MarshalJSON returns "REDACTED" in quotes.
func (ProxyAuth) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalText returns REDACTED.
func (ProxyAuth) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue returns REDACTED.
func (ProxyAuth) LogValue() slog.Value { return slog.StringValue(redacted) }

// UnmarshalText fails: what was printed does not hold the password.
func (*ProxyAuth) UnmarshalText([]byte) error {
	return errors.New("secrets: a ProxyAuth cannot be read from text, because its text never holds the password: make it with NewProxyAuth")
}

// splitProxy takes the user information out of the URL of a proxy. A URL that does
// not parse stays as it is.
func splitProxy(raw string) (string, ProxyAuth) {
	if raw == "" {
		return "", ProxyAuth{}
	}
	u, err := url.Parse(raw)
	if err != nil || u.User == nil {
		return raw, ProxyAuth{}
	}
	auth := proxyAuth(u.User)
	u.User = nil
	return u.String(), auth
}
