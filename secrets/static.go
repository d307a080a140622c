package secrets

import "context"

// Static gives the same token for every request: one that the caller has from
// elsewhere. It cannot be revoked. Its Ref says KindStatic and, where the token
// has claims, whose it is.
func Static(token Token) TokenSource { return static{token} }

type static struct{ token Token }

func (s static) Token(_ context.Context, req Request) (Token, error) {
	if s.token.IsZero() {
		return Token{}, &NoTokenError{ServiceAccount: req.ServiceAccount, Reason: ReasonEmpty, Hint: "give Static a token"}
	}
	ref := s.token.Ref()
	if ref.Kind == "" {
		ref.Kind = KindStatic
		ref.Generation = req.Generation
		if claims, err := s.token.Claims(); err == nil {
			ref.Namespace, ref.ServiceAccount, ref.ServiceAccountUID = claims.Namespace, claims.ServiceAccount, claims.ServiceAccountUID
		}
	}
	return s.token.WithRef(ref), nil
}
