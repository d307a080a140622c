package apply_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/meshpeer/meshpeer/internal/apply"
	"github.com/meshpeer/meshpeer/internal/kube"
)

// first lets the first n calls of a verb fail.
func first(n int, verb string, f fault) func(int, string, kube.Object) fault {
	return func(_ int, v string, _ kube.Object) fault {
		if v != verb || n == 0 {
			return fault{}
		}
		n--
		return f
	}
}

var busy = apierrors.NewServiceUnavailable("x")

func TestReadsAreTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(secret("s", "x"))
		objects := apply.Steady(s, apply.Policy{})
		s.fault = first(4, "get", fault{err: busy})
		got, err := objects.Get(t.Context(), secret("s", ""))
		require.NoError(t, err)
		require.Equal(t, "s", got.GetName())

		s.fault = first(4, "list", fault{err: io.EOF})
		all, err := objects.List(t.Context(), &corev1.Secret{}, "a=b")
		require.NoError(t, err)
		require.Len(t, all, 1)

		s.fault = first(5, "get", fault{err: busy})
		_, err = objects.Get(t.Context(), secret("s", ""))
		require.Equal(t, busy, err)

		s.calls = nil
		_, err = objects.Get(t.Context(), secret("none", ""))
		require.True(t, apierrors.IsNotFound(err))
		require.Len(t, s.calls, 1)
	})
}

func TestRefusalsAreTakenWithoutALook(t *testing.T) {
	resource := group(secret("", ""))
	for name, refusal := range map[string]error{
		"400": apierrors.NewBadRequest("x"), "401": apierrors.NewUnauthorized("x"), "403": apierrors.NewForbidden(resource, "s", errors.New("x")),
		"409": apierrors.NewConflict(resource, "s", errors.New("x")), "413": apierrors.NewRequestEntityTooLargeError("x"),
		"422":      apierrors.NewInvalid(corev1.SchemeGroupVersion.WithKind("Secret").GroupKind(), "s", nil),
		"webhook":  apierrors.NewInternalError(errors.New(`failed calling webhook "x": failed to call webhook: Post "https://x": EOF`)),
		"a reason": status(0, metav1.StatusReasonForbidden, "x"),
		"no host":  &net.DNSError{Err: "no such host", IsNotFound: true},
		"refused":  &net.OpError{Op: "dial", Err: errors.New("connection refused")},
		"proxy":    &net.OpError{Op: "proxyconnect", Err: &net.OpError{Op: "dial", Err: errors.New("connection refused")}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer()
			objects := apply.Steady(s, apply.Policy{})
			live := s.add(secret("s", "x"))
			s.fault = func(int, string, kube.Object) fault { return fault{err: refusal} }
			_, err := objects.Create(t.Context(), live)
			require.Equal(t, refusal, err)
			_, err = objects.Update(t.Context(), live)
			require.Equal(t, refusal, err)
			require.Equal(t, refusal, objects.Delete(t.Context(), live))
			require.Equal(t, []string{"create " + meddled, "update " + meddled, "delete " + meddled}, s.calls)
		})
	}
}

// These failures do not tell by themselves: one look each.
func TestDoubtfulFailures(t *testing.T) {
	for name, failure := range map[string]error{
		"500": apierrors.NewInternalError(errors.New("x")), "408": status(408, "", "x"), "302": status(302, "", "x"), "text": errors.New("x"),
		"client-go tried before": fmt.Errorf("%w - error from a previous attempt: EOF", &net.OpError{Op: "dial", Err: errors.New("connection refused")}),
		"read":                   &net.OpError{Op: "read", Err: errors.New("x")},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer()
			s.fault = first(1, "create", fault{failure, atOnce})
			_, err := apply.Steady(s, apply.Policy{}).Create(t.Context(), earlier(secret("s", "x")))
			require.NoError(t, err)
			require.Equal(t, []string{"create " + meddled, "get " + meddled}, s.calls)
		})
	}
}

func TestABusyServerHasNotWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer()
		s.fault = func(int, string, kube.Object) fault { return fault{err: apierrors.NewTooManyRequests("x", 1)} }
		_, err := apply.Steady(s, apply.Policy{}).Create(t.Context(), earlier(secret("s", "x")))
		require.Equal(t, apply.NotDone, apply.OutcomeOf(err))
		require.True(t, apierrors.IsTooManyRequests(err))
		require.Len(t, s.calls, 5, "no look, which it would not answer either: %v", s.calls)
	})
}

// Every outcome of a write whose reply was lost, by what the look finds.
func TestLostReplies(t *testing.T) {
	const create, update, remove = "create", "update", "delete"
	lost, again := []string{"", "get"}, []string{"", "get", ""}
	for name, tt := range map[string]struct {
		verb  string
		found func(s *server, sent *corev1.Secret)
		want  apply.Outcome
		is    func(error) bool
		calls []string // "" is the write
	}{
		"create, there":            {create, func(s *server, sent *corev1.Secret) { s.add(sent) }, apply.Done, nil, lost},
		"create, not there":        {create, func(*server, *corev1.Secret) {}, apply.Done, nil, again},
		"create, somebody else's":  {create, func(s *server, sent *corev1.Secret) { s.add(secret("s", "x")) }, apply.NotDone, apierrors.IsAlreadyExists, []string{"", "get", "", "get"}},
		"create, already deleted":  {create, func(s *server, sent *corev1.Secret) { s.add(dying(sent)) }, apply.Unknown, nil, lost},
		"update, written":          {update, func(s *server, sent *corev1.Secret) { s.put(sent) }, apply.Done, nil, lost},
		"update, not written":      {update, func(*server, *corev1.Secret) {}, apply.Done, nil, again},
		"update, changed since":    {update, func(s *server, sent *corev1.Secret) { sent.Data = nil; s.put(sent) }, apply.Unknown, nil, lost},
		"update, by another run":   {update, func(s *server, sent *corev1.Secret) { sent.Annotations = nil; s.put(sent) }, apply.Unknown, nil, lost},
		"update, gone":             {update, func(s *server, sent *corev1.Secret) { delete(s.objects, meddled) }, apply.Unknown, nil, lost},
		"update, another UID":      {update, func(s *server, sent *corev1.Secret) { delete(s.objects, meddled); s.add(sent) }, apply.Unknown, nil, lost},
		"delete, gone":             {remove, func(s *server, sent *corev1.Secret) { delete(s.objects, meddled) }, apply.Done, nil, lost},
		"delete, another UID":      {remove, func(s *server, sent *corev1.Secret) { delete(s.objects, meddled); s.add(sent) }, apply.Done, nil, lost},
		"delete, on its way":       {remove, func(s *server, sent *corev1.Secret) { s.put(dying(sent)) }, apply.Done, nil, lost},
		"delete, still there":      {remove, func(*server, *corev1.Secret) {}, apply.Done, nil, again},
		"delete, not ours to look": {remove, nil, apply.Unknown, apierrors.IsForbidden, lost},
		"create, not ours to look": {create, nil, apply.Unknown, apierrors.IsForbidden, lost},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newServer()
				sent := earlier(secret("s", "new"))
				if tt.verb != create {
					sent.UID, sent.ResourceVersion = "", ""
					live := s.add(secret("s", "old"))
					sent.UID, sent.ResourceVersion = live.GetUID(), live.GetResourceVersion()
				}
				s.fault = func(n int, verb string, _ kube.Object) fault {
					switch {
					case n == 1:
						if tt.found != nil {
							tt.found(s, copied(sent).(*corev1.Secret))
						}
						return fault{err: io.EOF}
					case verb == "get" && tt.found == nil:
						return fault{err: apierrors.NewForbidden(group(sent), "s", errors.New("x"))}
					}
					return fault{}
				}
				var err error
				objects := apply.Steady(s, apply.Policy{})
				switch tt.verb {
				case create:
					_, err = objects.Create(t.Context(), sent)
				case update:
					_, err = objects.Update(t.Context(), sent)
				default:
					err = objects.Delete(t.Context(), sent)
				}
				require.Equal(t, tt.want, apply.OutcomeOf(err), "%v", err)
				if tt.is != nil {
					require.True(t, tt.is(err) || tt.want == apply.Unknown && errors.Is(err, io.EOF), "%v", err)
				}
				if tt.want == apply.Unknown {
					require.ErrorContains(t, err, "it is not known whether the "+tt.verb+" of Secret/istio-system/s took place: EOF")
				}
				var want []string
				for _, verb := range tt.calls {
					if verb == "" {
						verb = tt.verb
					}
					want = append(want, verb+" "+meddled)
				}
				require.Equal(t, want, s.calls)
			})
		})
	}
}

func dying(o *corev1.Secret) *corev1.Secret {
	now := metav1.Now()
	o.DeletionTimestamp = &now
	return o
}

func TestAlreadyExistsWithOurNonceIsOurs(t *testing.T) {
	s := newServer(earlier(secret("s", "x")))
	objects := apply.Steady(s, apply.Policy{})
	got, err := objects.Create(t.Context(), earlier(secret("s", "x")))
	require.NoError(t, err, "client-go itself tried twice")
	require.NotEmpty(t, got.GetUID())

	s.calls = nil
	_, err = objects.Create(t.Context(), secret("s", "x"))
	require.True(t, apierrors.IsAlreadyExists(err))
	require.Len(t, s.calls, 1, "without a nonce nothing could tell")

	s.put(dying(copied(got).(*corev1.Secret)))
	_, err = objects.Create(t.Context(), earlier(secret("s", "x")))
	require.True(t, apierrors.IsAlreadyExists(err), "it ends: %v", err)
	require.Equal(t, apply.NotDone, apply.OutcomeOf(err))
}

func TestDeleteOfWhatIsGone(t *testing.T) {
	require.NoError(t, apply.Steady(newServer(), apply.Policy{}).Delete(t.Context(), secret("s", "x")))
}

func TestNothingIsSentOnAnEndedContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := newServer()
	_, undo, err := apply.Writer{Objects: s, Nonce: "mine"}.Create(ctx, secret("s", "x"))
	require.ErrorIs(t, err, context.Canceled)
	require.Nil(t, undo)
	require.Empty(t, s.calls)
}

func TestTheLookOutlivesTheContextAndIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		objects := apply.Steady(hanging{newServer(), cancel}, apply.Policy{})
		start := time.Now()
		_, err := objects.Create(ctx, earlier(secret("s", "x")))
		require.Equal(t, apply.Unknown, apply.OutcomeOf(err))
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, 10*time.Second, time.Since(start))
	})
}

// hanging never answers a read, and ends the context of a creation.
type hanging struct {
	*server
	cancel func()
}

func (h hanging) Get(ctx context.Context, _ kube.Object) (kube.Object, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (h hanging) Create(ctx context.Context, _ kube.Object) (kube.Object, error) {
	h.cancel()
	return nil, ctx.Err()
}

// A mesh must not be told apart by what stores nothing: reviews and token requests are asked again.
func TestWhatIsNotStored(t *testing.T) {
	review := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview"}}
	for name, tt := range map[string]struct {
		o       kube.Object
		tries   int
		outcome apply.Outcome
	}{
		"access review":   {&authorizationv1.SelfSubjectAccessReview{}, 5, apply.NotDone},
		"who am I":        {&authenticationv1.SelfSubjectReview{}, 5, apply.NotDone},
		"token request":   {&authenticationv1.TokenRequest{ObjectMeta: metav1.ObjectMeta{Name: "account"}}, 5, apply.NotDone},
		"unstructured":    {review, 5, apply.NotDone},
		"event":           {&corev1.Event{ObjectMeta: metav1.ObjectMeta{GenerateName: "a-"}}, 1, apply.NotDone},
		"event with name": {&corev1.Event{ObjectMeta: metav1.ObjectMeta{Name: "a"}}, 1, apply.NotDone},
		"generated name":  {&corev1.Secret{ObjectMeta: metav1.ObjectMeta{GenerateName: "a-"}}, 1, apply.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newServer()
				s.fault = first(9, "create", fault{err: busy})
				_, err := apply.Steady(s, apply.Policy{}).Create(t.Context(), tt.o)
				require.ErrorIs(t, err, busy)
				require.Equal(t, tt.outcome, apply.OutcomeOf(err))
				require.Len(t, s.calls, tt.tries)
			})
		})
	}
}

func TestSteadyTwiceIsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer()
		s.fault = first(100, "get", fault{err: busy})
		_, err := apply.Steady(apply.Steady(s, apply.Policy{}), apply.Policy{Attempts: 2}).Get(t.Context(), secret("s", "x"))
		require.Equal(t, busy, err)
		require.Len(t, s.calls, 2)
	})
}

func TestOutcomeOf(t *testing.T) {
	unknown := &apply.UnknownError{Op: "update", Object: "Secret/a/b", Err: io.EOF}
	require.Equal(t, apply.Done, apply.OutcomeOf(nil))
	require.Equal(t, apply.NotDone, apply.OutcomeOf(io.EOF))
	require.Equal(t, apply.Unknown, apply.OutcomeOf(errors.Join(io.ErrClosedPipe, unknown)))
	require.EqualError(t, unknown, "it is not known whether the update of Secret/a/b took place: EOF")
	require.EqualError(t, &apply.UnknownError{Op: "update", Object: "a\nb"}, `it is not known whether the update of a\nb took place`)
	require.ErrorIs(t, unknown, io.EOF)
	require.Equal(t, []string{"not done", "done", "unknown", "unknown"}, []string{apply.NotDone.String(), apply.Done.String(), apply.Unknown.String(), apply.Outcome(9).String()})
}
