package asmtest

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"regexp"
	"strings"
	"time"

	openapiutil "github.com/alibabacloud-go/darabonba-openapi/v2/utils"
	"github.com/alibabacloud-go/tea/dara"
	"github.com/alibabacloud-go/tea/tea"
)

var authorization = regexp.MustCompile(`^ACS3-HMAC-SHA256 Credential=([^,]+),SignedHeaders=([^,]+),Signature=([0-9a-f]{64})$`)

// badSignature is what is wrong with a request's signature; "" if it is the key's own, of this body, fresh and used once.
func (s *Server) badSignature(r *http.Request, body []byte) string {
	given := r.Header.Get("Authorization")
	parts := authorization.FindStringSubmatch(given)
	if parts == nil {
		return "there is no Authorization header of the form ACS3-HMAC-SHA256"
	}
	if parts[1] != s.keyID {
		return "there is no such access key"
	}
	digest := sha256.Sum256(body)
	if r.Header.Get("X-Acs-Content-Sha256") != hex.EncodeToString(digest[:]) {
		return "x-acs-content-sha256 is not that of the body"
	}
	for _, name := range []string{"host", "x-acs-action", "x-acs-version", "x-acs-date", "x-acs-signature-nonce", "x-acs-content-sha256"} {
		if !strings.Contains(";"+parts[2]+";", ";"+name+";") {
			return name + " is not signed"
		}
	}
	signed := &dara.Request{Method: &r.Method, Pathname: tea.String(r.URL.EscapedPath()), Query: map[string]*string{}, Headers: map[string]*string{}}
	for _, name := range strings.Split(parts[2], ";") {
		value := r.Header.Get(name)
		if name == "host" {
			value = r.Host
		}
		signed.Headers[name] = &value
	}
	for name, values := range r.URL.Query() {
		signed.Query[name] = &values[0]
	}
	want := openapiutil.GetAuthorization(signed, tea.String("ACS3-HMAC-SHA256"), tea.String(hex.EncodeToString(digest[:])), &s.keyID, &s.secret)
	if subtle.ConstantTimeCompare([]byte(given), []byte(tea.StringValue(want))) != 1 {
		return "the signature does not match"
	}
	at, err := time.Parse(time.RFC3339, r.Header.Get("X-Acs-Date"))
	if apart := time.Since(at).Abs(); err != nil || apart > 15*time.Minute {
		return "x-acs-date is not of the last 15 minutes"
	}
	nonce := r.Header.Get("X-Acs-Signature-Nonce")
	if s.nonces[nonce] {
		return "the nonce was used before"
	}
	s.nonces[nonce] = true
	return ""
}
