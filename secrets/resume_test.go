package secrets_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/secrets"
)

// left is the object that an interrupted run has left in s.
func left(s *store, kind corev1.SecretType) *corev1.Secret {
	return s.put(&corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "istio-system", Name: tokenName,
			Annotations: map[string]string{corev1.ServiceAccountNameKey: "reader"},
		},
		Type: kind,
	}).DeepCopy()
}

func TestDurableResumes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{onGet: func(n int, s *store, name string) error {
			if n == 1 {
				s.fill(name, "token", "account-uid")
			}
			return nil
		}}
		existing := left(s, corev1.SecretTypeServiceAccountToken)
		durable := secrets.Durable{Secrets: s}
		token, err := durable.Resume(t.Context(), request(), existing)
		require.NoError(t, err)
		require.Equal(t, "token", token.Reveal())
		require.Equal(t, "uid-1", token.Ref().UID)
		require.Equal(t, 1, s.gets)

		token, err = durable.Resume(t.Context(), request(), s.objects[tokenName])
		require.NoError(t, err)
		require.Equal(t, "token", token.Reveal())
		require.Equal(t, 1, s.gets, "a filled one needs no call")
	})
}

func TestDurableResumeLeavesTheObject(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{}
		_, err := secrets.Durable{Secrets: s, Timeout: time.Second}.Resume(t.Context(), request(), left(s, corev1.SecretTypeServiceAccountToken))
		require.ErrorContains(t, err, string(secrets.ReasonUntouched))
		require.Equal(t, []string{tokenName}, s.names())
	})
}

func TestBoundResumes(t *testing.T) {
	s := &store{}
	existing := left(s, corev1.SecretTypeOpaque)
	token, err := secrets.Bound{Secrets: s, Accounts: issuer(t, time.Hour)}.Resume(t.Context(), request(), existing)
	require.NoError(t, err)
	claims, err := token.Claims()
	require.NoError(t, err)
	require.Equal(t, "uid-1", claims.SecretUID)
	require.Equal(t, "uid-1", token.Ref().UID)
	require.Equal(t, 1, s.made, "no second marker")
}

func TestResumeRefuses(t *testing.T) {
	durable, bound := secrets.Durable{Secrets: &store{}}, secrets.Bound{Secrets: &store{}, Accounts: issuer(t, time.Hour)}
	for _, c := range []struct {
		name    string
		resumer secrets.Resumer
		kind    corev1.SecretType
		spoil   func(*corev1.Secret)
		want    string
	}{
		{"marker as token Secret", durable, corev1.SecretTypeOpaque, func(*corev1.Secret) {}, "is not the object of a durable token"},
		{"token Secret as marker", bound, corev1.SecretTypeServiceAccountToken, func(*corev1.Secret) {}, "is not the object of a bound token"},
		{"somebody's data", bound, corev1.SecretTypeOpaque, func(s *corev1.Secret) { s.Data = map[string][]byte{"a": nil} }, "is not the object of a bound token"},
		{"other name", bound, corev1.SecretTypeOpaque, func(s *corev1.Secret) { s.Name = "other" }, "is not the stored Secret"},
		{"marker of another namespace", bound, corev1.SecretTypeOpaque, func(s *corev1.Secret) { s.Namespace = "istio-canary" }, "in the namespace of the account"},
		{"token Secret of another namespace", durable, corev1.SecretTypeServiceAccountToken, func(s *corev1.Secret) { s.Namespace = "istio-canary" }, "istio-canary/reader-token-2"},
		{"without a namespace", durable, corev1.SecretTypeServiceAccountToken, func(s *corev1.Secret) { s.Namespace = "" }, "is not the stored Secret"},
		{"not stored", durable, corev1.SecretTypeServiceAccountToken, func(s *corev1.Secret) { s.UID = "" }, "read it from the API server"},
		{"being deleted", durable, corev1.SecretTypeServiceAccountToken, func(s *corev1.Secret) { s.DeletionTimestamp = &metav1.Time{} }, "wait until it is gone"},
		{"other account", durable, corev1.SecretTypeServiceAccountToken, func(s *corev1.Secret) {
			s.Annotations[corev1.ServiceAccountNameKey] = "other"
		}, `is of ServiceAccount "other", not "reader"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			existing := left(&store{}, c.kind)
			c.spoil(existing)
			_, err := c.resumer.Resume(t.Context(), request(), existing)
			require.ErrorIs(t, err, secrets.ErrNotResumable)
			require.ErrorContains(t, err, c.want)
		})
	}
	_, err := durable.Resume(t.Context(), request(), nil)
	require.ErrorIs(t, err, secrets.ErrNotResumable)
}

func TestRevoke(t *testing.T) {
	ref := secrets.Ref{Kind: secrets.KindDurable, Namespace: "istio-system", Name: tokenName, UID: "uid-1"}
	s := &store{}
	left(s, corev1.SecretTypeServiceAccountToken)
	durable := secrets.Durable{Secrets: s}
	require.NoError(t, durable.Revoke(t.Context(), ref))
	require.Empty(t, s.names())
	require.NoError(t, durable.Revoke(t.Context(), ref), "already gone")

	left(s, corev1.SecretTypeServiceAccountToken)
	err := durable.Revoke(t.Context(), ref)
	var replaced *secrets.ReplacedError
	require.ErrorAs(t, err, &replaced)
	require.Equal(t, secrets.ReplacedError{Namespace: "istio-system", Name: tokenName, Want: "uid-1", Got: "uid-2"}, *replaced)
	require.ErrorContains(t, err, "was left alone")
	require.Equal(t, []string{tokenName}, s.names())

	ref.UID = "uid-2"
	bound := secrets.Bound{Secrets: s, Accounts: issuer(t, time.Hour)}
	require.ErrorIs(t, bound.Revoke(t.Context(), ref), secrets.ErrNotRevocable)
	ref.Kind = secrets.KindBound
	require.NoError(t, bound.Revoke(t.Context(), ref))
}

func TestRevokeFails(t *testing.T) {
	ref := secrets.Ref{Kind: secrets.KindDurable, Name: tokenName, UID: "uid-1"}
	broken := errors.New("connection refused")
	require.ErrorIs(t, secrets.Durable{Secrets: &store{deleteErr: broken}}.Revoke(t.Context(), ref), broken)
	require.ErrorContains(t, secrets.Durable{}.Revoke(t.Context(), ref), "Secrets: is nil")
	require.ErrorContains(t, secrets.Durable{Secrets: &store{}}.Revoke(t.Context(), secrets.Ref{Kind: secrets.KindDurable, Name: tokenName}), "lacks the name or UID")

	// Gone between the refused delete and the look at who is there.
	s := &store{onGet: func(_ int, s *store, name string) error { delete(s.objects, name); return nil }}
	left(s, corev1.SecretTypeServiceAccountToken)
	ref.UID = "uid-0"
	require.NoError(t, secrets.Durable{Secrets: s}.Revoke(t.Context(), ref))

	s = &store{onGet: func(int, *store, string) error { return broken }}
	left(s, corev1.SecretTypeServiceAccountToken)
	require.ErrorContains(t, secrets.Durable{Secrets: s}.Revoke(t.Context(), ref), "deleting Secret /"+tokenName)
}
