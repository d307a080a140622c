package apply_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/meshpeer/meshpeer/internal/apply"
	"github.com/meshpeer/meshpeer/internal/kube"
)

const meddled = "Secret/istio-system/s"

// meddlers are what somebody else does to the object. stays says whether what they did is there in the end.
var meddlers = map[string]struct {
	do    func(*server)
	stays func(t *testing.T, s *server, what string)
}{
	"adds a label": {
		func(s *server) {
			if o := copied(s.objects[meddled]); o != nil {
				o.SetLabels(map[string]string{"a": "b", "theirs": "x"})
				s.put(o)
			}
		},
		func(t *testing.T, s *server, what string) {
			if o := s.objects[meddled]; o != nil {
				require.Equal(t, "x", o.GetLabels()["theirs"], what)
			}
		},
	},
	"changes the data": {
		func(s *server) {
			if o := copied(s.objects[meddled]); o != nil {
				o.(*corev1.Secret).Data = map[string][]byte{"k": []byte("theirs")}
				s.put(o)
			}
		},
		func(t *testing.T, s *server, what string) {
			if o := s.objects[meddled]; o != nil {
				require.Equal(t, "theirs", string(o.(*corev1.Secret).Data["k"]), what)
			}
		},
	},
	"takes over": {
		func(s *server) {
			if o := copied(s.objects[meddled]); o != nil {
				o.SetAnnotations(map[string]string{apply.RunAnnotation: "theirs"})
				s.put(o)
			}
		},
		func(t *testing.T, s *server, what string) {
			if o := s.objects[meddled]; o != nil {
				require.Equal(t, "theirs", o.GetAnnotations()[apply.RunAnnotation], what)
			}
		},
	},
	"replaces it": {
		func(s *server) { delete(s.objects, meddled); s.add(secret("s", "theirs")) },
		func(t *testing.T, s *server, what string) {
			require.NotNil(t, s.objects[meddled], what)
			require.Equal(t, "theirs", string(s.objects[meddled].(*corev1.Secret).Data["k"]), what)
		},
	},
	"deletes it": {
		func(s *server) { delete(s.objects, meddled) },
		func(*testing.T, *server, string) {},
	},
}

// Somebody else writes before every call, while a fault comes at every call: nothing of theirs is overwritten or deleted.
func TestNothingOfOthersIsTouched(t *testing.T) {
	for _, operation := range []string{"create", "update", "update of what carries no nonce", "take over", "delete"} {
		for _, meddler := range slices.Sorted(maps.Keys(meddlers)) {
			for _, name := range []string{"", "lost reply", "late effect", "transient", "context ended after"} {
				t.Run(operation+"/"+meddler+"/"+name, func(t *testing.T) {
					for m := 1; m < 12; m++ {
						for k := 1; k < 8; k++ {
							synctest.Test(t, func(t *testing.T) { meddle(t, operation, meddler, name, m, k) })
						}
					}
				})
			}
		}
	}
}

func meddle(t *testing.T, operation, meddler, name string, m, k int) {
	op := operations[operation]
	s := newServer()
	var live kube.Object
	if op.there != nil {
		live = s.add(op.there)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s.fault = func(int, string, kube.Object) fault { return fault{} }
	if name != "" {
		inject(s, name, k, cancel)
	}
	inner, came, was := s.fault, false, false
	s.fault = func(n int, verb string, o kube.Object) fault {
		if n == m {
			came, was = true, s.objects[meddled] != nil
			meddlers[meddler].do(s)
		}
		return inner(n, verb, o)
	}
	undo, err := op.do(ctx, apply.Writer{Objects: s, Nonce: "mine"}, live)
	what := fmt.Sprintf("meddled before %d (%v), fault at %d, %v, err %v, stored %v", m, was, k, s.calls, err, short(s))
	if undo != nil {
		err = undo(t.Context())
		what += fmt.Sprintf("; then %v, undo %v, stored %v", s.calls, err, short(s))
	}
	if !came || !was && meddler != "replaces it" {
		return // there was nothing to meddle with
	}
	if operation == "delete" && meddler != "replaces it" {
		return // the object is ours, whatever became of its content
	}
	meddlers[meddler].stays(t, s, what)
	if meddler == "takes over" && operation != "delete" {
		require.NotNil(t, s.objects[meddled], "the run that took it over needs it: %s", what)
	}
	if meddler == "deletes it" && operation != "create" {
		require.Nil(t, s.objects[meddled], what)
	}
}

func TestUpdateGoesOnAfterAHarmlessConflict(t *testing.T) {
	for name, tt := range map[string]struct {
		meddle func(*corev1.Secret)
		want   bool
	}{
		"a label of theirs":      {func(s *corev1.Secret) { s.Labels["theirs"] = "x" }, true},
		"an annotation":          {func(s *corev1.Secret) { s.Annotations["theirs"] = "x" }, true},
		"a finalizer":            {func(s *corev1.Secret) { s.Finalizers = []string{"a/b"} }, true},
		"the data":               {func(s *corev1.Secret) { s.Data["k"] = []byte("x") }, false},
		"another key":            {func(s *corev1.Secret) { s.Data["l"] = []byte("x") }, false},
		"a label that we set":    {func(s *corev1.Secret) { s.Labels["a"] = "x" }, false},
		"a label that we set, 2": {func(s *corev1.Secret) { delete(s.Labels, "a") }, false},
		"an empty label of ours": {func(s *corev1.Secret) { delete(s.Labels, "empty") }, false},
		"another run":            {func(s *corev1.Secret) { s.Annotations[apply.RunAnnotation] = "x" }, false},
		"its UID":                {func(s *corev1.Secret) { s.UID = "x" }, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer()
			old, want := earlier(secret("s", "old")), secret("s", "new")
			old.Labels["empty"], want.Labels["empty"] = "", ""
			live := s.add(old)
			other := copied(live).(*corev1.Secret)
			tt.meddle(other)
			s.put(copied(other))
			got, undo, err := apply.Writer{Objects: s, Nonce: "mine"}.Update(t.Context(), live, want)
			if !tt.want {
				require.True(t, apierrors.IsConflict(err), "%v", err)
				require.Nil(t, undo)
				require.Equal(t, other.Data, s.objects[meddled].(*corev1.Secret).Data)
				return
			}
			require.NoError(t, err)
			require.Equal(t, "new", string(got.(*corev1.Secret).Data["k"]))
			require.Equal(t, other.Finalizers, got.GetFinalizers())
			require.Equal(t, other.Labels, got.GetLabels())
			require.NoError(t, undo(t.Context()))
			require.Equal(t, other.Annotations, s.objects[meddled].GetAnnotations())
			require.Equal(t, "old", string(s.objects[meddled].(*corev1.Secret).Data["k"]))
		})
	}
}

func TestUpdateGivesUpAfterASecondConflict(t *testing.T) {
	s := newServer()
	live := s.add(secret("s", "old"))
	s.fault = func(_ int, verb string, o kube.Object) fault {
		if verb == "update" {
			s.put(copied(s.objects[id(o)]))
		}
		return fault{}
	}
	_, undo, err := apply.Writer{Objects: s, Nonce: "mine"}.Update(t.Context(), live, secret("s", "new"))
	require.True(t, apierrors.IsConflict(err), "%v", err)
	require.Nil(t, undo)
	require.Len(t, s.calls, 3)
}

func TestUpdateOfWhatIsImmutable(t *testing.T) {
	s := newServer()
	live := s.add(bindingTo("old"))
	_, undo, err := apply.Writer{Objects: s, Nonce: "mine"}.Update(t.Context(), live, bindingTo("new"))
	require.ErrorContains(t, err, "ClusterRoleBinding/reader cannot be updated: its roleRef differs, which is immutable")
	require.Nil(t, undo)
	require.Empty(t, s.calls)
}

// An undo that finds the object changed says by whom.
func TestChanged(t *testing.T) {
	for name, tt := range map[string]struct {
		meddle func(*corev1.Secret)
		want   string
	}{
		"another run": {func(s *corev1.Secret) { s.Annotations[apply.RunAnnotation] = "x\ny" }, `by another run, x\ny`},
		"its data":    {func(s *corev1.Secret) { s.Data = nil; s.Labels["argocd.argoproj.io/instance"] = "a" }, "by argocd.argoproj.io/instance=a"},
		"its UID":     {func(s *corev1.Secret) { s.UID = "x" }, "by unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer()
			live := s.add(secret("s", "old"))
			made, undo, err := apply.Writer{Objects: s, Nonce: "mine"}.Update(t.Context(), live, secret("s", "new"))
			require.NoError(t, err)
			other := made.(*corev1.Secret)
			tt.meddle(other)
			s.put(other)
			err = undo(t.Context())
			var changed *apply.ChangedError
			require.ErrorAs(t, err, &changed)
			require.EqualError(t, err, "Secret/istio-system/s was left as it is: it has changed since this run wrote it ("+tt.want+")")
			require.False(t, errors.Is(err, apply.ErrNothing))
		})
	}
}
