package secrets

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Claims is what a ServiceAccount token says about itself (Kubernetes
// pkg/serviceaccount/claims.go and, for a token Secret, legacy.go). A field that
// the token does not have is zero.
type Claims struct {
	// Issuer, Subject and Audiences are iss, sub and aud. The subject is
	// system:serviceaccount:<namespace>:<name>; a token Secret's has no audience.
	Issuer    string
	Subject   string
	Audiences []string
	// IssuedAt and Expires are iat and exp.
	IssuedAt, Expires time.Time
	// Namespace, ServiceAccount and ServiceAccountUID identify the account.
	Namespace, ServiceAccount, ServiceAccountUID string
	// SecretName and SecretUID identify the Secret that the token is bound to; the
	// UID is known for bound tokens only.
	SecretName, SecretUID string
}

// Claims reads the token's claims without checking its signature: they are good
// for reports and schedules, and prove nothing. ErrNotJWT if it has none.
func (t Token) Claims() (Claims, error) {
	// Errors below say nothing of the content: it is the token.
	parts := strings.Split(t.Reveal(), ".")
	if len(parts) != 3 {
		return Claims{}, fmt.Errorf("secrets: token claims: %w", ErrNotJWT)
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return Claims{}, fmt.Errorf("secrets: token claims: %w", ErrNotJWT)
	}
	var p claimsPayload
	if json.Unmarshal(payload, &p) != nil {
		return Claims{}, fmt.Errorf("secrets: token claims: %w", ErrNotJWT)
	}
	return p.claims(), nil
}

type claimsPayload struct {
	Issuer     string      `json:"iss"`
	Subject    string      `json:"sub"`
	Audiences  audiences   `json:"aud"`
	IssuedAt   numericDate `json:"iat"`
	Expires    numericDate `json:"exp"`
	Kubernetes struct {
		Namespace      string     `json:"namespace"`
		ServiceAccount namedClaim `json:"serviceaccount"`
		Secret         namedClaim `json:"secret"`
	} `json:"kubernetes.io"`
	LegacyNamespace  string `json:"kubernetes.io/serviceaccount/namespace"`
	LegacyAccount    string `json:"kubernetes.io/serviceaccount/service-account.name"`
	LegacyAccountUID string `json:"kubernetes.io/serviceaccount/service-account.uid"`
	LegacySecret     string `json:"kubernetes.io/serviceaccount/secret.name"`
}

type namedClaim struct {
	Name string `json:"name"`
	UID  string `json:"uid"`
}

func (p claimsPayload) claims() Claims {
	k := p.Kubernetes
	return Claims{
		Issuer: p.Issuer, Subject: p.Subject, Audiences: p.Audiences,
		IssuedAt: p.IssuedAt.Time, Expires: p.Expires.Time,
		Namespace:         cmp.Or(k.Namespace, p.LegacyNamespace),
		ServiceAccount:    cmp.Or(k.ServiceAccount.Name, p.LegacyAccount),
		ServiceAccountUID: cmp.Or(k.ServiceAccount.UID, p.LegacyAccountUID),
		SecretName:        cmp.Or(k.Secret.Name, p.LegacySecret),
		SecretUID:         k.Secret.UID,
	}
}

// audiences is one string or a list of them (RFC 7519, section 4.1.3).
type audiences []string

func (a *audiences) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*a = audiences{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(a))
}

// numericDate is seconds since 1970 (RFC 7519, section 2).
type numericDate struct{ time.Time }

// maxDate is the last second that JSON can write as a time, in the year 9999.
const maxDate = 253402300799

func (d *numericDate) UnmarshalJSON(data []byte) error {
	var seconds float64
	if err := json.Unmarshal(data, &seconds); err != nil {
		return err
	}
	if seconds > 0 && seconds <= maxDate {
		d.Time = time.Unix(int64(seconds), 0).UTC()
	}
	return nil
}

// expiry is the exp claim of a token, if it has one.
func expiry(value string) time.Time {
	claims, err := NewToken(value, time.Time{}).Claims()
	if err != nil {
		return time.Time{}
	}
	return claims.Expires
}
