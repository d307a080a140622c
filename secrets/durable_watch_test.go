package secrets_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/meshpeer/meshpeer/secrets"
)

// watched is a store that can watch.
type watched struct {
	*store
	options metav1.ListOptions
	stream  *watch.RaceFreeFakeWatcher
	err     error
}

func (w *watched) Watch(_ context.Context, o metav1.ListOptions) (watch.Interface, error) {
	w.options = o
	return w.stream, w.err
}

// TestDurableIsToldOfItsToken: what a watch tells spares a look; whatever else becomes of it, looks go on as without one.
func TestDurableIsToldOfItsToken(t *testing.T) {
	const told, looked = 30 * time.Millisecond, 200 * time.Millisecond
	for name, c := range map[string]struct {
		send func(*watched, *corev1.Secret) // 30 ms after the creation, when the token is there
		err  error
		took time.Duration
		gets int
		fail string
	}{
		"told": {send: func(w *watched, s *corev1.Secret) { w.stream.Modify(s) }, took: told},
		"told of a moment before": {send: func(w *watched, s *corev1.Secret) {
			empty := s.DeepCopy()
			empty.Data = nil
			w.stream.Add(empty)
			w.stream.Modify(s)
		}, took: told},
		"not told":          {send: func(*watched, *corev1.Secret) {}, took: looked, gets: 1},
		"may not watch":     {send: func(*watched, *corev1.Secret) {}, err: apierrors.NewForbidden(secretsResource, "", nil), took: looked, gets: 1},
		"the watch ends":    {send: func(w *watched, _ *corev1.Secret) { w.stream.Stop() }, took: told + looked, gets: 1},
		"told of a failure": {send: func(w *watched, _ *corev1.Secret) { w.stream.Error(&metav1.Status{Code: 410}) }, took: told + looked, gets: 1},
		"told of another": {send: func(w *watched, s *corev1.Secret) {
			other := s.DeepCopy()
			other.Name = "other"
			w.stream.Modify(other)
		}, took: told + looked, gets: 1},
		"a look will tell of a deletion": {send: func(w *watched, s *corev1.Secret) { w.stream.Delete(s) }, took: told + looked, gets: 1},
		"told of nothing":                {send: func(w *watched, _ *corev1.Secret) { w.stream.Modify((*corev1.Secret)(nil)) }, took: told + looked, gets: 1},
		"replaced": {send: func(w *watched, s *corev1.Secret) {
			other := s.DeepCopy()
			other.UID = "another"
			w.stream.Modify(other)
		}, fail: "another run works on the same name"},
		"going": {send: func(w *watched, s *corev1.Secret) {
			going := s.DeepCopy()
			going.DeletionTimestamp = &metav1.Time{Time: time.Now()}
			w.stream.Modify(going)
		}, fail: "create the account first"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &watched{store: &store{}, stream: watch.NewRaceFreeFake(), err: c.err}
				start, name := time.Now(), ""
				go func() {
					time.Sleep(told)
					w.mu.Lock()
					name = w.names()[0]
					w.fill(name, "token", "account-uid")
					filled := w.objects[name].DeepCopy()
					w.mu.Unlock()
					c.send(w, filled)
				}()
				token, err := secrets.Durable{Secrets: w}.Token(t.Context(), request())
				if c.fail != "" {
					require.ErrorContains(t, err, c.fail)
					return
				}
				require.NoError(t, err)
				synctest.Wait()
				require.Equal(t, "token", token.Reveal())
				require.Equal(t, c.took, time.Since(start))
				require.Equal(t, c.gets, w.gets)
				require.Equal(t, metav1.ListOptions{FieldSelector: "metadata.name=" + name, ResourceVersion: "1"}, w.options, "from the creation on")
			})
		})
	}
}

// TestDurableLooksLessWhileWatching: a short pause is for those who cannot watch.
func TestDurableLooksLessWhileWatching(t *testing.T) {
	for _, may := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			s := &store{onGet: func(_ int, s *store, name string) error { s.fill(name, "token", "account-uid"); return nil }}
			w := &watched{store: s, stream: watch.NewRaceFreeFake()}
			took := 50 * time.Millisecond
			if !may {
				w.err, took = apierrors.NewForbidden(secretsResource, "", nil), 5*time.Millisecond
			}
			start := time.Now()
			_, err := secrets.Durable{Secrets: w, Poll: 5 * time.Millisecond}.Token(t.Context(), request())
			require.NoError(t, err)
			require.Equal(t, took, time.Since(start))
		})
	}
}

// blank's watch is none.
type blank struct {
	*store
	panics bool
}

func (b blank) Watch(context.Context, metav1.ListOptions) (watch.Interface, error) {
	if b.panics {
		panic("a client of somebody else's")
	}
	return nil, nil
}

// TestDurableSurvivesItsClient: whatever a watch is, looks go on.
func TestDurableSurvivesItsClient(t *testing.T) {
	for _, panics := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			s := &store{onGet: func(_ int, s *store, name string) error { s.fill(name, "token", "account-uid"); return nil }}
			_, err := secrets.Durable{Secrets: blank{s, panics}}.Token(t.Context(), request())
			require.NoError(t, err)
		})
	}
}

// TestDurableStopsWatching: a watch that does not end with its context ends with the wait.
func TestDurableStopsWatching(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &watched{store: &store{onGet: func(_ int, s *store, name string) error { s.fill(name, "token", "account-uid"); return nil }}, stream: watch.NewRaceFreeFake()}
		_, err := secrets.Durable{Secrets: w}.Token(t.Context(), request())
		require.NoError(t, err)
		synctest.Wait()
		require.True(t, w.stream.IsStopped())
	})
}
