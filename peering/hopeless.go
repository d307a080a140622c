package peering

import (
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/secrets"
)

// hopeless says why To's API server, which has just answered 401 to a token, will not take it later either; "" if it may.
// A token that this call had made in To only needs a moment. Of another one the claims tell what to look for. They prove
// nothing, but the API server has already refused the token.
func (t *task) hopeless(ctx context.Context, r secrets.Request, token secrets.Token) string {
	if t.Tokens == nil {
		return ""
	}
	if made, err := t.made(ctx, r); err != nil || made != nil {
		return ""
	}
	claims, err := token.Claims()
	account, now := t.currentAccount(ctx), time.Now()
	switch {
	case err != nil:
		return "it is not a JSON web token, and the API server does not know it"
	case !claims.Expires.IsZero() && !now.Before(claims.Expires):
		return "it expired at " + utc(claims.Expires)
	case claims.Subject != t.want.reader.user():
		return fmt.Sprintf("it speaks for %s, not for %s", line(claims.Subject), t.want.reader.user())
	case claims.ServiceAccountUID != "" && account != "" && claims.ServiceAccountUID != account:
		return "it speaks for an account of this name in another cluster, or for one that was deleted"
	case len(claims.Audiences) > 0 && claims.Issuer != "" && !slices.Contains(claims.Audiences, claims.Issuer):
		return "its audience is " + line(fmt.Sprint(claims.Audiences)) + ", not an API server"
	case !t.livesBy(ctx, claims, token):
		return fmt.Sprintf("Secret %s/%s, which it needs, is not in %s or belongs to another token", line(claims.Namespace), line(claims.SecretName), t.To.ID)
	case !claims.IssuedAt.IsZero() && now.Sub(claims.IssuedAt) > newToken:
		return "it was issued at " + utc(claims.IssuedAt) + ", long enough ago to be known: it was revoked, or another cluster issued it"
	}
	return ""
}

// newToken is how long a token counts as new, whose API servers may not know it yet. Clocks differ by less.
const newToken = 2 * time.Minute

// currentAccount is the UID of the link's account, which this call may have created; "" if it cannot be told.
func (t *task) currentAccount(ctx context.Context) string {
	like := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: t.want.reader.namespace, Name: t.want.reader.name}}
	if found, err := find(ctx, t.to.objects, like); err == nil && found != nil {
		return string(found.GetUID())
	}
	return ""
}

// livesBy says whether the Secret that a token names is there and holds no other token, or may be.
func (t *task) livesBy(ctx context.Context, claims secrets.Claims, token secrets.Token) bool {
	if claims.SecretName == "" {
		return true
	}
	found, err := find(ctx, t.to.objects, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: claims.Namespace, Name: claims.SecretName}})
	if err != nil {
		return true
	}
	if found == nil || claims.SecretUID != "" && claims.SecretUID != string(found.GetUID()) {
		return false
	}
	stored := found.(*corev1.Secret).Data[corev1.ServiceAccountTokenKey]
	return len(stored) == 0 || token.Equal(secrets.NewToken(string(stored), time.Time{}))
}
