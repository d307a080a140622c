package secrets_test

import (
	"context"
	"errors"
	"maps"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/secrets"
)

const tokenName = "reader-token-2"

func request() secrets.Request {
	return secrets.Request{
		Reader: "west", ServiceAccount: "reader", ServiceAccountUID: "account-uid", Generation: 2,
		Labels: map[string]string{"team": "mesh"}, Annotations: map[string]string{"run": "1"},
	}
}

func TestDurableToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var made *corev1.Secret
		s := &store{onGet: func(n int, s *store, name string) error {
			if n == 3 {
				made = s.objects[name].DeepCopy()
				s.fill(name, "token", "account-uid")
			}
			return nil
		}}
		start, req := time.Now(), request()
		token, err := secrets.Durable{Secrets: s}.Token(t.Context(), req)
		require.NoError(t, err)
		require.Equal(t, request(), req, "the request's maps are not ours")
		require.Equal(t, 200*time.Millisecond+300*time.Millisecond+450*time.Millisecond, time.Since(start), "the pause grows by half")
		require.Equal(t, "token", token.Reveal())
		require.Equal(t, secrets.Ref{
			Kind: secrets.KindDurable, Namespace: "istio-system", Name: tokenName, UID: "uid-1",
			ServiceAccount: "reader", ServiceAccountUID: "account-uid", Generation: 2, Fingerprint: "3c469e9d",
		}, token.Ref())

		require.Equal(t, corev1.SecretTypeServiceAccountToken, made.Type)
		require.Equal(t, map[string]string{"team": "mesh"}, made.Labels)
		require.Equal(t, map[string]string{
			"run": "1", "kubernetes.io/service-account.name": "reader", "kubernetes.io/service-account.uid": "account-uid",
		}, made.Annotations)
	})
}

// TestUsedAtOnce has what the API server would write at the token's first use written with it.
func TestUsedAtOnce(t *testing.T) {
	for _, labels := range []map[string]string{nil, {"team": "mesh"}} {
		synctest.Test(t, func(t *testing.T) {
			time.Sleep(12 * time.Hour)
			s := &store{onGet: func(_ int, s *store, name string) error { s.fill(name, "token", "account-uid"); return nil }}
			req := request()
			req.Labels = maps.Clone(labels)
			_, err := secrets.Durable{Secrets: s, UsedAtOnce: true}.Token(t.Context(), req)
			require.NoError(t, err)
			require.Equal(t, labels, req.Labels, "the request's maps are not ours")
			want := map[string]string{"kubernetes.io/legacy-token-last-used": "2000-01-01"}
			maps.Copy(want, labels)
			require.Equal(t, want, s.objects[tokenName].Labels)
		})
	}
}

func TestDurableDefaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{onGet: func(_ int, s *store, name string) error { s.fill(name, "token", ""); return nil }}
		token, err := secrets.Durable{Secrets: s}.Token(t.Context(), secrets.Request{})
		require.NoError(t, err)
		require.Equal(t, "istio-reader-service-account", token.Ref().ServiceAccount)
		require.Equal(t, "istio-system", token.Ref().Namespace)
		require.Contains(t, s.objects, "istio-reader-service-account-token-0")
	})
}

// TestDurableFails has every way in which no token comes. In each the Secret
// that was made is gone in the end.
func TestDurableFails(t *testing.T) {
	for _, c := range []struct {
		name   string
		onGet  func(n int, s *store, name string) error
		reason secrets.Reason
		hint   string
		left   []string
		took   time.Duration
	}{
		{name: "nothing happens", reason: secrets.ReasonUntouched, hint: "--service-account-private-key-file", took: 30 * time.Second},
		{name: "ca.crt only", onGet: func(_ int, s *store, name string) error {
			s.objects[name].Data = map[string][]byte{"ca.crt": []byte("ca")}
			return nil
		}, reason: secrets.ReasonHalfFilled, hint: "ca.crt is there", took: 30 * time.Second},
		{name: "deleted by the controller", onGet: func(n int, s *store, name string) error {
			if n == 2 {
				delete(s.objects, name)
			}
			return nil
		}, reason: secrets.ReasonDeleted, hint: "create the account first", took: 500 * time.Millisecond},
		{name: "being deleted", onGet: func(_ int, s *store, name string) error {
			s.objects[name].DeletionTimestamp = &metav1.Time{Time: time.Now()}
			return nil
		}, reason: secrets.ReasonDeleted, hint: "create the account first", took: 200 * time.Millisecond},
		{name: "replaced", onGet: func(_ int, s *store, name string) error {
			s.put(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name}})
			return nil
		}, reason: secrets.ReasonReplaced, hint: "another run", left: []string{tokenName}, took: 200 * time.Millisecond},
		{name: "replaced by one that ends", onGet: func(_ int, s *store, name string) error {
			s.put(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name}})
			s.objects[name].DeletionTimestamp = &metav1.Time{Time: time.Now()}
			return nil
		}, reason: secrets.ReasonReplaced, hint: "another run", left: []string{tokenName}, took: 200 * time.Millisecond},
		{name: "may not read", onGet: func(int, *store, string) error { return forbidden() }, reason: secrets.ReasonUnreadable, hint: "permission to get Secrets", took: 200 * time.Millisecond},
		{name: "cannot read", onGet: func(int, *store, string) error { return errors.New("connection refused") }, reason: secrets.ReasonUnreadable, hint: "connection refused", took: 30 * time.Second},
		{name: "other account", onGet: func(_ int, s *store, name string) error {
			s.fill(name, "token", "other-uid")
			return nil
		}, reason: secrets.ReasonWrongAccount, hint: "other-uid", took: 200 * time.Millisecond},
		{name: "invalidated", onGet: func(_ int, s *store, name string) error {
			s.fill(name, "token", "account-uid")
			s.objects[name].Labels["kubernetes.io/legacy-token-invalid-since"] = "2026-01-02"
			return nil
		}, reason: secrets.ReasonInvalidated, hint: "since 2026-01-02", took: 200 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, start := &store{onGet: c.onGet}, time.Now()
				token, err := secrets.Durable{Secrets: s}.Token(t.Context(), request())
				require.True(t, token.IsZero())
				require.ErrorIs(t, err, secrets.ErrNoToken)
				var none *secrets.NoTokenError
				require.ErrorAs(t, err, &none)
				require.Equal(t, c.reason, none.Reason)
				require.ErrorContains(t, err, c.hint)
				require.ErrorContains(t, err, `ServiceAccount "reader", Secret istio-system/`+tokenName)
				require.ElementsMatch(t, c.left, s.names())
				require.Equal(t, c.took, time.Since(start))
			})
		})
	}
}

func TestDurablePausesAtMostTwoSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{}
		_, err := secrets.Durable{Secrets: s}.Token(t.Context(), request())
		require.Error(t, err)
		require.Equal(t, 18, s.gets, "6 in the first 4 seconds, then one each 2 seconds")
	})
}

func TestDurableRecoversFromReadErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{onGet: func(n int, s *store, name string) error {
			if n < 4 {
				return apierrors.NewTooManyRequests("slow down", 1)
			}
			s.fill(name, "token", "account-uid")
			return nil
		}}
		_, err := secrets.Durable{Secrets: s, Timeout: time.Minute, Poll: time.Second}.Token(t.Context(), request())
		require.NoError(t, err)
	})
}

func TestDurableUndoesAfterCancellation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		reason := errors.New("the user has had enough")
		s := &store{onGet: func(n int, _ *store, _ string) error {
			if n == 2 {
				cancel(reason)
			}
			return nil
		}}
		_, err := secrets.Durable{Secrets: s}.Token(ctx, request())
		require.ErrorIs(t, err, reason)
		var none *secrets.NoTokenError
		require.ErrorAs(t, err, &none)
		require.Equal(t, secrets.ReasonInterrupted, none.Reason)
		require.Empty(t, s.names())
	})
}

func TestDurableNamesWhatItLeavesBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("connection refused")
		s := &store{deleteErr: broken}
		_, err := secrets.Durable{Secrets: s}.Token(t.Context(), request())
		var none *secrets.NoTokenError
		require.ErrorAs(t, err, &none)
		var leftover *secrets.LeftoverError
		require.ErrorAs(t, err, &leftover)
		require.ErrorIs(t, err, broken)
		require.Equal(t, secrets.Ref{
			Kind: secrets.KindDurable, Namespace: "istio-system", Name: tokenName, UID: "uid-1",
			ServiceAccount: "reader", Generation: 2,
		}, leftover.Ref)
		require.ErrorContains(t, err, "was left behind, delete it")
	})
}
