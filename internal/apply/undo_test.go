package apply_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/meshpeer/meshpeer/internal/apply"
	"github.com/meshpeer/meshpeer/internal/kube"
)

func TestUndoOfCreate(t *testing.T) {
	for name, tt := range map[string]struct {
		meddle func(s *server, made *corev1.Secret)
		err    string
		left   bool
	}{
		"as made":                {func(*server, *corev1.Secret) {}, "", false},
		"filled by a controller": {func(s *server, made *corev1.Secret) { made.Data["token"] = []byte("x"); s.put(made) }, "", false},
		"without its nonce":      {func(s *server, made *corev1.Secret) { made.Annotations = nil; s.put(made) }, "", false},
		"gone":                   {func(s *server, made *corev1.Secret) { delete(s.objects, meddled) }, "", false},
		"on its way":             {func(s *server, made *corev1.Secret) { s.put(dying(made)) }, "", true},
		"replaced":               {func(s *server, made *corev1.Secret) { delete(s.objects, meddled); s.add(secret("s", "theirs")) }, "", true},
		"taken over":             {func(s *server, made *corev1.Secret) { s.put(earlier(made)) }, "by another run, earlier", true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer()
			made, undo, err := apply.Writer{Objects: s, Nonce: "mine"}.Create(t.Context(), secret("s", "x"))
			require.NoError(t, err)
			tt.meddle(s, copied(made).(*corev1.Secret))
			err = undo(t.Context())
			if tt.err == "" {
				require.NoError(t, err)
			} else {
				var changed *apply.ChangedError
				require.ErrorAs(t, err, &changed)
				require.Equal(t, tt.err, changed.By)
			}
			require.Equal(t, tt.left, s.objects[meddled] != nil)
		})
	}
}

// An undo that another writer crosses looks again, but not for ever.
func TestUndoUnderConflicts(t *testing.T) {
	for conflicts, want := range map[int]bool{1: true, 2: true, 3: false} {
		for _, operation := range []string{"create", "update"} {
			s := newServer()
			var live kube.Object
			if there := operations[operation].there; there != nil {
				live = s.add(there)
			}
			undo, err := operations[operation].do(t.Context(), apply.Writer{Objects: s, Nonce: "mine"}, live)
			require.NoError(t, err)
			n := conflicts
			s.fault = func(_ int, verb string, o kube.Object) fault {
				if verb != "get" && n > 0 {
					n--
					s.put(copied(s.objects[id(o)]))
				}
				return fault{}
			}
			err = undo(t.Context())
			require.Equal(t, want, err == nil, "%s: %d conflicts: %v", operation, conflicts, err)
			require.Equal(t, !want, apierrors.IsConflict(err))
		}
	}
}

// A run that writes an object twice takes back the second write, though its nonce was there before.
func TestUndoOfASecondWriteByTheSameRun(t *testing.T) {
	s := newServer()
	w := apply.Writer{Objects: s, Nonce: "mine"}
	made, _, err := w.Create(t.Context(), secret("s", "x"))
	require.NoError(t, err)
	want := secret("s", "x")
	want.Labels["more"] = "y"
	_, undo, err := w.Update(t.Context(), made, want)
	require.NoError(t, err)
	require.NoError(t, undo(t.Context()))
	require.NotContains(t, s.objects[meddled].GetLabels(), "more")
	require.ErrorIs(t, undo(t.Context()), apply.ErrNothing, "once more")
}

// Labels of others are theirs also while an update of ours is taken back.
func TestUndoOfUpdateKeepsOthersLabels(t *testing.T) {
	s := newServer()
	there := earlier(secret("s", "old"))
	there.Labels["theirs"], there.Labels["gone"] = "1", "1"
	live := s.add(there)
	stored, undo, err := apply.Writer{Objects: s, Nonce: "mine"}.Update(t.Context(), live, secret("s", "new"))
	require.NoError(t, err)
	stored.SetLabels(map[string]string{"a": "b", "theirs": "2", "new": "1"})
	s.put(stored)
	require.NoError(t, undo(t.Context()))
	require.Equal(t, map[string]string{"a": "b", "theirs": "2", "new": "1"}, s.objects[meddled].GetLabels())
	require.Equal(t, map[string]string{meddled: "old earlier"}, short(s))
}

func TestUndoOfUpdateByKind(t *testing.T) {
	other := rbacv1.Subject{Kind: "ServiceAccount", Namespace: "x", Name: "x"}
	cluster, binding := role(nil, "pods"), bindingTo("r")
	local := &rbacv1.Role{ObjectMeta: secret("s", "").ObjectMeta, Rules: cluster.Rules}
	localBinding := &rbacv1.RoleBinding{ObjectMeta: secret("s", "").ObjectMeta, RoleRef: binding.RoleRef, Subjects: binding.Subjects}
	account := &corev1.ServiceAccount{ObjectMeta: secret("s", "").ObjectMeta}
	for name, tt := range map[string]struct{ live, want kube.Object }{
		"cluster role":    {cluster, role(nil, "nodes")},
		"cluster binding": {binding, with(binding, func(b *rbacv1.ClusterRoleBinding) { b.Subjects[0] = other })},
		"role":            {local, with(local, func(r *rbacv1.Role) { r.Rules = role(nil, "nodes").Rules })},
		"binding":         {localBinding, with(localBinding, func(b *rbacv1.RoleBinding) { b.Subjects[0] = other })},
		"account":         {account, with(account, func(a *corev1.ServiceAccount) { a.Labels["x"] = "y" })},
		"config map":      {configMap("x"), configMap("y")},
		"unstructured":    {virtual("a"), virtual("b")},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer()
			live := s.add(tt.live)
			before := s.content()
			stored, undo, err := apply.Writer{Objects: s, Nonce: "mine"}.Update(t.Context(), live, tt.want)
			require.NoError(t, err)
			_, reason, _ := apply.Merge(stored, tt.want)
			require.Empty(t, reason)
			require.NoError(t, undo(t.Context()))
			require.Equal(t, before, s.content())
		})
	}
}

func TestRecreate(t *testing.T) {
	const object = "ClusterRoleBinding//reader"
	forbidden := apierrors.NewForbidden(group(bindingTo("")), "reader", errors.New("x"))
	for name, tt := range map[string]struct {
		fault  func(int, string, kube.Object) fault
		meddle func(*server)
		undo   string // what comes of it; "none" is no undo
		stored string
	}{
		"done":             {nil, nil, "", "old earlier"},
		"delete refused":   {first(1, "delete", fault{err: forbidden}), nil, "none", "old earlier"},
		"create refused":   {first(1, "create", fault{err: forbidden}), nil, "", "old earlier"},
		"somebody's since": {first(1, "create", fault{err: forbidden}), func(s *server) { s.add(bindingTo("theirs")) }, "it has changed since this run wrote it", "theirs "},
		"put back already": {first(1, "create", fault{err: forbidden}), func(s *server) { s.add(earlier(bindingTo("old"))) }, "", "old earlier"},
		"still ending": {first(1, "create", fault{err: forbidden}), func(s *server) {
			o := s.add(bindingTo("old"))
			now := dying(&corev1.Secret{}).DeletionTimestamp
			o.SetDeletionTimestamp(now)
			s.put(o)
		}, "is still being deleted", "old "},
		"taken over": {nil, func(s *server) { s.put(earlier(copied(s.objects[object]))) }, "by another run, earlier", "new earlier"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer()
			live := s.add(earlier(bindingTo("old")))
			s.fault = tt.fault
			_, undo, err := apply.Writer{Objects: s, Nonce: "mine"}.Recreate(t.Context(), live, bindingTo("new"))
			require.Equal(t, tt.fault == nil, err == nil, "%v", err)
			if tt.meddle != nil {
				tt.meddle(s)
			}
			if tt.undo == "none" {
				require.Nil(t, undo)
			} else if err := undo(t.Context()); tt.undo == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, tt.undo)
			}
			require.Equal(t, map[string]string{object: tt.stored}, short(s))
		})
	}
}

// Put back, an object without a nonce carries this run's: only so can a lost reply be told.
func TestPutBackWithoutANonce(t *testing.T) {
	s := newServer()
	live := s.add(bindingTo("old"))
	_, undo, err := apply.Writer{Objects: s, Nonce: "mine"}.Recreate(t.Context(), live, bindingTo("new"))
	require.NoError(t, err)
	s.fault = first(1, "create", fault{context.DeadlineExceeded, atOnce})
	require.NoError(t, undo(t.Context()))
	require.Equal(t, map[string]string{"ClusterRoleBinding//reader": "old mine"}, short(s))
}

func TestDeleteLeavesAnotherUIDAlone(t *testing.T) {
	s := newServer()
	live := s.add(secret("s", "x"))
	delete(s.objects, meddled)
	s.add(secret("s", "theirs"))
	require.True(t, apierrors.IsConflict(apply.Writer{Objects: s, Nonce: "mine"}.Delete(t.Context(), live)))
	require.Equal(t, map[string]string{meddled: "theirs "}, short(s))
}

// client-go tries again by itself: its own first try can be why the second one conflicts.
func TestUpdateThatConflictsWithItself(t *testing.T) {
	s := newServer()
	live := s.add(earlier(secret("s", "old")))
	s.fault = first(1, "update", fault{apierrors.NewConflict(group(live), "s", errors.New("x")), atOnce})
	got, undo, err := apply.Writer{Objects: s, Nonce: "mine"}.Update(t.Context(), live, secret("s", "new"))
	require.NoError(t, err)
	require.Equal(t, "new", string(got.(*corev1.Secret).Data["k"]))
	require.NoError(t, undo(t.Context()))
	require.Equal(t, map[string]string{meddled: "old earlier"}, short(s))
}

func TestDeleteWhateverBecameOfTheContent(t *testing.T) {
	s := newServer()
	live := s.add(secret("s", "x"))
	s.put(with(live.(*corev1.Secret), func(s *corev1.Secret) { s.Data = nil }))
	require.NoError(t, apply.Writer{Objects: s, Nonce: "mine"}.Delete(t.Context(), live))
	require.Empty(t, s.objects)
}

func TestUpdateThatConflictsWithADeletion(t *testing.T) {
	s := newServer()
	live := s.add(secret("s", "old"))
	s.fault = func(_ int, verb string, _ kube.Object) fault {
		if verb == "update" {
			delete(s.objects, meddled)
			return fault{err: apierrors.NewConflict(group(live), "s", errors.New("x"))}
		}
		return fault{}
	}
	_, undo, err := apply.Writer{Objects: s, Nonce: "mine"}.Update(t.Context(), live, secret("s", "new"))
	require.True(t, apierrors.IsConflict(err))
	require.Nil(t, undo)
}

// Between the look and the creation somebody else takes the name.
func TestPutBackLosesTheName(t *testing.T) {
	s := newServer()
	live := s.add(earlier(bindingTo("old")))
	_, undo, err := apply.Writer{Objects: s, Nonce: "mine"}.Recreate(t.Context(), live, bindingTo("new"))
	require.NoError(t, err)
	s.fault = func(_ int, verb string, _ kube.Object) fault {
		if verb == "create" {
			s.add(bindingTo("theirs"))
		}
		return fault{}
	}
	var changed *apply.ChangedError
	require.ErrorAs(t, undo(t.Context()), &changed)
	require.Equal(t, map[string]string{"ClusterRoleBinding//reader": "theirs "}, short(s))
}

// What is wanted may be a copy of what was there: a creation carries neither its UID nor its version.
func TestCreateOfACopy(t *testing.T) {
	s := newServer()
	there := s.add(secret("s", "x"))
	delete(s.objects, meddled)
	made, _, err := apply.Writer{Objects: s, Nonce: "mine"}.Create(t.Context(), there)
	require.NoError(t, err)
	require.NotEqual(t, there.GetUID(), made.GetUID())
	require.NotEmpty(t, there.GetResourceVersion(), "the caller's stays as it is")
}
