package secrets

import (
	"fmt"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	"k8s.io/apimachinery/pkg/types"
)

// slack is what a granted life may fall short of the asked one without a
// warning: rounding and the way of the request.
const slack = time.Minute

// granted makes the Token of a TokenRequest's answer: what was granted counts,
// not what was asked for.
func (b Bound) granted(req Request, marker types.UID, answer *authenticationv1.TokenRequest, asked time.Time) (Token, error) {
	if answer == nil || answer.Status.Token == "" {
		return Token{}, req.noToken(ReasonEmpty, "see what stands between here and the API server", nil)
	}
	value := answer.Status.Token
	claims, _ := NewToken(value, time.Time{}).Claims() // an opaque token has none, and that is fine
	if req.ServiceAccountUID != "" && claims.ServiceAccountUID != "" && claims.ServiceAccountUID != req.ServiceAccountUID {
		return Token{}, req.noToken(ReasonWrongAccount, "it is of UID "+claims.ServiceAccountUID+", not "+req.ServiceAccountUID+": the account was made anew, look it up again", nil)
	}
	expires := earliest(claims.Expires, answer.Status.ExpirationTimestamp.Time)
	if !claims.IssuedAt.IsZero() {
		asked = claims.IssuedAt // the API server's clock, not ours
	}
	ref := req.ref(KindBound, marker)
	ref.ServiceAccountUID, ref.Issued = claims.ServiceAccountUID, asked.UTC()
	switch life := expires.Sub(asked).Round(time.Second); {
	case expires.IsZero():
		ref.Warnings = append(ref.Warnings, "the API server does not say when the token expires")
	case life < b.lifetime()-slack:
		ref.Warnings = append(ref.Warnings, fmt.Sprintf("asked for a life of %v, granted %v: the API server caps it (--service-account-max-token-expiration)", b.lifetime(), life))
	}
	return NewToken(value, expires).WithRef(ref), nil
}

func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b.UTC()
	}
	return a
}
