package secrets

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"
)

// Token is a bearer token of an API server. It cannot be printed: every formatting verb, JSON,
// text and log encoding of it says REDACTED, also inside other values. Only Reveal returns the
// value. Therefore reflect.DeepEqual finds no two Tokens equal: compare with Equal. The zero
// Token holds none. A Token is immutable and safe for concurrent use.
type Token struct {
	// A closure, since fmt and dumpers follow pointers and unexported fields but not functions.
	reveal  func() string
	expires time.Time
	ref     Ref
}

// NewToken wraps value, which stops working at expires. The zero time says that
// no expiry is known, which is true of a token from a token Secret.
func NewToken(value string, expires time.Time) Token {
	if value == "" {
		return Token{expires: expires}
	}
	return Token{reveal: func() string { return value }, expires: expires}
}

// Reveal returns the token's value; "" for the zero Token.
func (t Token) Reveal() string {
	if t.reveal == nil {
		return ""
	}
	return t.reveal()
}

// IsZero reports whether t holds no value.
func (t Token) IsZero() bool { return t.reveal == nil }

// Expires returns when the token stops working, or the zero time if no expiry is known.
func (t Token) Expires() time.Time { return t.expires }

// Equal reports whether t and u hold the same value, in a time that does not
// depend on how much of it agrees. References and expiry do not count.
func (t Token) Equal(u Token) bool {
	a, b := sha256.Sum256([]byte(t.Reveal())), sha256.Sum256([]byte(u.Reveal()))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// Ref returns what may be said and stored about the token: where it came from
// and what revokes it. Expires and Fingerprint are always those of this token.
func (t Token) Ref() Ref {
	ref := t.ref
	ref.Warnings = slices.Clone(ref.Warnings)
	ref.Expires = t.expires
	ref.Fingerprint = fingerprint(t.Reveal())
	return ref
}

// WithRef returns the same token with another reference. Expires and
// Fingerprint of ref are ignored: they belong to the token itself.
func (t Token) WithRef(ref Ref) Token {
	ref.Warnings = slices.Clone(ref.Warnings)
	t.ref = ref
	return t
}

func fingerprint(value string) string {
	if value == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(value))
	return hex.EncodeToString(sum[:4])
}

const redacted = "REDACTED"

// String returns REDACTED.
func (Token) String() string { return redacted }

// GoString returns REDACTED.
func (Token) GoString() string { return redacted }

// Format writes REDACTED whatever the verb.
func (Token) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, redacted) }

// MarshalJSON returns "REDACTED" in quotes.
func (Token) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalText returns REDACTED.
func (Token) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// UnmarshalText fails: what was printed does not hold the token.
func (*Token) UnmarshalText([]byte) error {
	return errors.New("secrets: a Token cannot be read from text, because its text never holds the token: make it with NewToken")
}

// LogValue returns REDACTED.
func (Token) LogValue() slog.Value { return slog.StringValue(redacted) }
