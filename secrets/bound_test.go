package secrets_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/meshpeer/meshpeer/secrets"
)

// issuer answers TokenRequests as the API server does, with at most granted.
func issuer(t *testing.T, granted time.Duration) accounts {
	return func(_ context.Context, account string, req *authenticationv1.TokenRequest) (*authenticationv1.TokenRequest, error) {
		life := min(granted, time.Duration(*req.Spec.ExpirationSeconds)*time.Second)
		now := time.Now().Truncate(time.Second).Add(-time.Hour) // a clock that is not ours
		ref := req.Spec.BoundObjectRef
		answer := req.DeepCopy()
		answer.Status.Token = jwt(t, map[string]any{
			"iat": now.Unix(), "exp": now.Add(life).Unix(), "sub": "system:serviceaccount:istio-system:" + account,
			"kubernetes.io": map[string]any{
				"namespace":      "istio-system",
				"serviceaccount": map[string]any{"name": account, "uid": "account-uid"},
				"secret":         map[string]any{"name": ref.Name, "uid": ref.UID},
			},
		})
		answer.Status.ExpirationTimestamp = metav1.NewTime(now.Add(life))
		return answer, nil
	}
}

func TestBoundToken(t *testing.T) {
	s := &store{}
	var asked *authenticationv1.TokenRequest
	answer := issuer(t, 365*24*time.Hour)
	bound := secrets.Bound{Secrets: s, Accounts: accounts(func(ctx context.Context, account string, req *authenticationv1.TokenRequest) (*authenticationv1.TokenRequest, error) {
		asked = req
		return answer(ctx, account, req)
	})}
	token, err := bound.Token(t.Context(), request())
	require.NoError(t, err)

	require.EqualValues(t, 24*60*60, *asked.Spec.ExpirationSeconds)
	require.Empty(t, asked.Spec.Audiences)
	require.EqualValues(t, "account-uid", asked.UID)
	require.Equal(t, &authenticationv1.BoundObjectReference{APIVersion: "v1", Kind: "Secret", Name: tokenName, UID: "uid-1"}, asked.Spec.BoundObjectRef)

	marker := s.objects[tokenName]
	require.Equal(t, corev1.SecretTypeOpaque, marker.Type)
	require.Empty(t, marker.Data)
	require.Equal(t, map[string]string{"team": "mesh"}, marker.Labels)
	require.Equal(t, secrets.KindBound, secrets.KindOf(marker))

	claims, err := token.Claims()
	require.NoError(t, err)
	require.Equal(t, "uid-1", claims.SecretUID)
	require.Equal(t, claims.Expires, token.Expires())
	ref := token.Ref()
	require.Len(t, ref.Fingerprint, 8)
	ref.Fingerprint = ""
	require.Equal(t, secrets.Ref{
		Kind: secrets.KindBound, Namespace: "istio-system", Name: tokenName, UID: "uid-1",
		ServiceAccount: "reader", ServiceAccountUID: "account-uid", Generation: 2, Issued: claims.IssuedAt.UTC(), Expires: claims.Expires,
	}, ref)
}

func TestBoundTellsAShortenedLife(t *testing.T) {
	token, err := secrets.Bound{Secrets: &store{}, Accounts: issuer(t, time.Hour), Lifetime: 48 * time.Hour}.Token(t.Context(), request())
	require.NoError(t, err)
	require.Equal(t, []string{"asked for a lifetime of 48h0m0s, granted 1h0m0s: the API server caps it (--service-account-max-token-expiration)"}, token.Ref().Warnings)
}

func TestBoundTakesTheEarlierExpiry(t *testing.T) {
	early, late := time.Now().Truncate(time.Second).Add(25*time.Hour).UTC(), time.Now().Truncate(time.Second).Add(30*time.Hour).UTC()
	for _, c := range []struct {
		name         string
		exp, status  time.Time
		want         time.Time
		wantWarnings int
	}{
		{"claim", early, late, early, 0},
		{"status", late, early, early, 0},
		{"claim alone", early, time.Time{}, early, 0},
		{"status alone", time.Time{}, early, early, 0},
		{"neither", time.Time{}, time.Time{}, time.Time{}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			answer := &authenticationv1.TokenRequest{Status: authenticationv1.TokenRequestStatus{Token: "token"}}
			if !c.exp.IsZero() {
				answer.Status.Token = jwt(t, map[string]any{"exp": c.exp.Unix()})
			}
			answer.Status.ExpirationTimestamp = metav1.NewTime(c.status)
			bound := secrets.Bound{Secrets: &store{}, Accounts: accounts(func(context.Context, string, *authenticationv1.TokenRequest) (*authenticationv1.TokenRequest, error) {
				return answer, nil
			})}
			token, err := bound.Token(t.Context(), request())
			require.NoError(t, err)
			require.True(t, c.want.Equal(token.Expires()), "%v is not %v", token.Expires(), c.want)
			require.Len(t, token.Ref().Warnings, c.wantWarnings)
		})
	}
}

func TestBoundFails(t *testing.T) {
	accountsResource := schema.GroupResource{Resource: "serviceaccounts"}
	for _, c := range []struct {
		name   string
		answer *authenticationv1.TokenRequest
		err    error
		reason secrets.Reason
		hint   string
	}{
		{"no account", nil, apierrors.NewNotFound(accountsResource, "reader"), secrets.ReasonRefused, "create the ServiceAccount in istio-system first"},
		{"forbidden", nil, forbidden(), secrets.ReasonRefused, "create serviceaccounts/token"},
		{"other UID", nil, apierrors.NewConflict(accountsResource, "reader", nil), secrets.ReasonRefused, "was recreated"},
		{"not served", nil, apierrors.NewMethodNotSupported(accountsResource, "create"), secrets.ReasonRefused, "serves TokenRequests"},
		{"no answer", nil, nil, secrets.ReasonEmpty, "between here and the API server"},
		{"empty answer", &authenticationv1.TokenRequest{}, nil, secrets.ReasonEmpty, "between here and the API server"},
		{"other account", &authenticationv1.TokenRequest{Status: authenticationv1.TokenRequestStatus{Token: jwt(t, map[string]any{
			"kubernetes.io": map[string]any{"serviceaccount": map[string]any{"uid": "other-uid"}},
		})}}, nil, secrets.ReasonWrongAccount, "its UID is other-uid, not account-uid"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &store{}
			bound := secrets.Bound{Secrets: s, Accounts: accounts(func(context.Context, string, *authenticationv1.TokenRequest) (*authenticationv1.TokenRequest, error) {
				return c.answer, c.err
			})}
			_, err := bound.Token(t.Context(), request())
			var none *secrets.NoTokenError
			require.ErrorAs(t, err, &none)
			require.Equal(t, c.reason, none.Reason)
			require.ErrorContains(t, err, c.hint)
			require.ErrorIs(t, err, secrets.ErrNoToken)
			require.Empty(t, s.names(), "the marker is gone again")
		})
	}
}

func TestBoundUndoesAfterCancellation(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := &store{}
	bound := secrets.Bound{Secrets: s, Accounts: accounts(func(ctx context.Context, _ string, _ *authenticationv1.TokenRequest) (*authenticationv1.TokenRequest, error) {
		cancel()
		return nil, errors.New("request canceled")
	})}
	_, err := bound.Token(ctx, request())
	require.ErrorIs(t, err, context.Canceled)
	require.Empty(t, s.names())
}

func TestBoundRefusesLifetimes(t *testing.T) {
	for _, life := range []time.Duration{-time.Hour, time.Second, 10*time.Minute - time.Second, time.Hour + time.Millisecond, (1<<32 + 1) * time.Second} {
		_, err := secrets.Bound{Secrets: &store{}, Accounts: issuer(t, time.Hour), Lifetime: life}.Token(t.Context(), request())
		require.ErrorContains(t, err, `Bound.Lifetime "`+life.String()+`"`)
	}
	for _, life := range []time.Duration{10 * time.Minute, (1 << 32) * time.Second} { // the bounds themselves
		_, err := secrets.Bound{Secrets: &store{}, Accounts: issuer(t, life), Lifetime: life}.Token(t.Context(), request())
		require.NoError(t, err)
	}
}

// TestBoundAllowsForRoundingAndTheWay: a life that falls short by up to a minute is what was asked for.
func TestBoundAllowsForRoundingAndTheWay(t *testing.T) {
	for short, warnings := range map[time.Duration]int{0: 0, time.Second: 0, time.Minute: 0, time.Minute + time.Second: 1, time.Hour: 1} {
		token, err := secrets.Bound{Secrets: &store{}, Accounts: issuer(t, 48*time.Hour-short), Lifetime: 48 * time.Hour}.Token(t.Context(), request())
		require.NoError(t, err)
		require.Len(t, token.Ref().Warnings, warnings, "short of %v", short)
	}
}
