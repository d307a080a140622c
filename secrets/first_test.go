package secrets_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/secrets"
)

func failing(err error) secrets.TokenSource {
	return secrets.TokenSourceFunc(func(context.Context, secrets.Request) (secrets.Token, error) { return secrets.Token{}, err })
}

func TestFirstFallsBack(t *testing.T) {
	denied := &store{createErr: forbidden()}
	source := secrets.First(
		nil,
		secrets.Bound{Secrets: denied, Accounts: issuer(t, time.Hour)},
		&secrets.Durable{Secrets: denied},
		failing(errors.New("vault is sealed")),
		secrets.Static(secrets.Token{}),
		secrets.Static(secrets.NewToken("token", time.Time{})),
		failing(errors.New("must not be asked")),
	)
	token, err := source.Token(t.Context(), request())
	require.NoError(t, err)
	require.Equal(t, "token", token.Reveal())
	require.Equal(t, secrets.KindStatic, token.Ref().Kind)
	warnings := token.Ref().Warnings
	require.Len(t, warnings, 4)
	require.Contains(t, warnings[0], "source 2 (bound) gave no token: no token for ServiceAccount \"reader\"")
	require.Contains(t, warnings[1], "source 3 (durable)")
	require.Equal(t, "source 4 (secrets.TokenSourceFunc) gave no token: vault is sealed", warnings[2])
	require.Contains(t, warnings[3], "source 5 (static)")
}

func TestFirstKeepsTheSourcesWarnings(t *testing.T) {
	source := secrets.First(failing(errors.New("no")), secrets.Bound{Secrets: &store{}, Accounts: issuer(t, time.Hour)})
	token, err := source.Token(t.Context(), request())
	require.NoError(t, err)
	require.Len(t, token.Ref().Warnings, 2)
}

func TestFirstJoinsErrors(t *testing.T) {
	one, two := errors.New("one"), errors.New("two")
	_, err := secrets.First(failing(one), failing(two)).Token(t.Context(), request())
	require.ErrorIs(t, err, one)
	require.ErrorIs(t, err, two)
	_, err = secrets.First().Token(t.Context(), request())
	require.ErrorIs(t, err, secrets.ErrNoToken)
}

func TestFirstStops(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
	}{
		{"the name is taken", &secrets.ExistsError{}},
		{"something is left behind", errors.Join(errors.New("no"), &secrets.LeftoverError{Err: errors.New("no")})},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := secrets.First(failing(c.err), secrets.Static(secrets.NewToken("token", time.Time{}))).Token(t.Context(), request())
			require.ErrorIs(t, err, c.err)
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := secrets.First(failing(ctx.Err()), secrets.Static(secrets.NewToken("token", time.Time{}))).Token(ctx, request())
	require.ErrorIs(t, err, context.Canceled)
}

func TestFirstTurnsToTheSourceThatMadeIt(t *testing.T) {
	s := &store{}
	source := secrets.First(
		secrets.Static(secrets.Token{}),
		secrets.Durable{Secrets: s, Timeout: time.Second},
		secrets.Bound{Secrets: s, Accounts: issuer(t, 48*time.Hour)},
	)
	marker := left(s, corev1.SecretTypeOpaque)
	token, err := source.(secrets.Resumer).Resume(t.Context(), request(), marker)
	require.NoError(t, err)
	require.Equal(t, secrets.KindBound, token.Ref().Kind)
	require.NoError(t, source.(secrets.Revoker).Revoke(t.Context(), token.Ref()))
	require.Empty(t, s.names())

	require.ErrorIs(t, source.(secrets.Revoker).Revoke(t.Context(), secrets.Ref{Kind: secrets.KindStatic}), secrets.ErrNotRevocable)
	_, err = source.(secrets.Resumer).Resume(t.Context(), request(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: tokenName}, Type: corev1.SecretTypeTLS})
	require.ErrorIs(t, err, secrets.ErrNotResumable)
}

func TestStatic(t *testing.T) {
	value := jwt(t, map[string]any{"kubernetes.io": map[string]any{
		"namespace": "mesh", "serviceaccount": map[string]any{"name": "reader", "uid": "u1"},
	}})
	token, err := secrets.Static(secrets.NewToken(value, time.Time{})).Token(t.Context(), request())
	require.NoError(t, err)
	ref := token.Ref()
	require.Equal(t, secrets.Ref{
		Kind: secrets.KindStatic, Namespace: "mesh", ServiceAccount: "reader", ServiceAccountUID: "u1", Generation: 2, Fingerprint: ref.Fingerprint,
	}, ref)

	mine := secrets.Ref{Kind: "vault", Name: "lease"}
	token, err = secrets.Static(secrets.NewToken("token", time.Time{}).WithRef(mine)).Token(t.Context(), request())
	require.NoError(t, err)
	require.Equal(t, secrets.Kind("vault"), token.Ref().Kind)

	_, revocable := secrets.Static(token).(secrets.Revoker)
	require.False(t, revocable)
}
