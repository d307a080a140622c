package apply_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/internal/apply"
	"github.com/meshpeer/meshpeer/internal/kube"
)

func secret(name, value string) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "istio-system", Name: name, Labels: map[string]string{"a": "b"}},
		Data:       map[string][]byte{"k": []byte(value)},
	}
}

func bindingTo(role string) *rbacv1.ClusterRoleBinding {
	return &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "reader"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
		Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: "istio-system", Name: "reader"}},
	}
}

// written by an earlier run.
func earlier[T kube.Object](o T) T {
	annotations := maps.Clone(o.GetAnnotations())
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[apply.RunAnnotation] = "earlier"
	o.SetAnnotations(annotations)
	return o
}

// faults are the ways in which a call goes wrong. Each starts at a call; those that last go on to the end of the run.
var faults = map[string]struct {
	fault
	cancel, lasts, writes bool
}{
	"lost reply":                {fault: fault{io.ErrUnexpectedEOF, atOnce}},
	"lost reply, 500":           {fault: fault{apierrors.NewInternalError(errors.New("x")), atOnce}},
	"lost replies from then on": {fault: fault{io.ErrUnexpectedEOF, atOnce}, lasts: true, writes: true},
	"all lost from then on":     {fault: fault{io.ErrUnexpectedEOF, atOnce}, lasts: true},
	"late effect":               {fault: fault{io.ErrUnexpectedEOF, late}},
	"late effect, given up":     {fault: fault{context.Canceled, late}, cancel: true},
	"transient":                 {fault: fault{apierrors.NewServiceUnavailable("x"), none}},
	"transient from then on":    {fault: fault{apierrors.NewServiceUnavailable("x"), none}, lasts: true},
	"busy from then on":         {fault: fault{apierrors.NewTooManyRequests("x", 1), none}, lasts: true, writes: true},
	"permanent":                 {fault: fault{apierrors.NewForbidden(group(secret("", "")), "x", errors.New("no")), none}},
	"permanent from then on":    {fault: fault{apierrors.NewForbidden(group(secret("", "")), "x", errors.New("no")), none}, lasts: true},
	"conflict":                  {fault: fault{apierrors.NewConflict(group(secret("", "")), "x", errors.New("no")), none}},
	"context ended before":      {fault: fault{context.Canceled, none}, cancel: true},
	"context ended after":       {fault: fault{context.Canceled, atOnce}, cancel: true},
}

// inject lets call k fail.
func inject(s *server, name string, k int, cancel func()) {
	f := faults[name]
	s.fault = func(n int, verb string, _ kube.Object) fault {
		read := verb == "get" || verb == "list"
		if n < k || n > k && !f.lasts || f.writes && read {
			return fault{}
		}
		if f.cancel {
			cancel()
		}
		return f.fault
	}
}

var operations = map[string]struct {
	there kube.Object
	do    func(context.Context, apply.Writer, kube.Object) (apply.Undo, error)
	after map[string]string // what the content is then, by object
}{
	"create": {nil, func(ctx context.Context, w apply.Writer, _ kube.Object) (apply.Undo, error) {
		_, undo, err := w.Create(ctx, secret("s", "new"))
		return undo, err
	}, map[string]string{"Secret/istio-system/s": "new mine"}},
	"update": {earlier(secret("s", "old")), func(ctx context.Context, w apply.Writer, live kube.Object) (apply.Undo, error) {
		_, undo, err := w.Update(ctx, live, secret("s", "new"))
		return undo, err
	}, map[string]string{"Secret/istio-system/s": "new mine"}},
	"update of what carries no nonce": {secret("s", "old"), func(ctx context.Context, w apply.Writer, live kube.Object) (apply.Undo, error) {
		_, undo, err := w.Update(ctx, live, secret("s", "new"))
		return undo, err
	}, map[string]string{"Secret/istio-system/s": "new mine"}},
	"take over": {earlier(secret("s", "old")), func(ctx context.Context, w apply.Writer, live kube.Object) (apply.Undo, error) {
		_, undo, err := w.Update(ctx, live, secret("s", "old"))
		return undo, err
	}, map[string]string{"Secret/istio-system/s": "old mine"}},
	"recreate": {earlier(bindingTo("old")), func(ctx context.Context, w apply.Writer, live kube.Object) (apply.Undo, error) {
		_, undo, err := w.Recreate(ctx, live, bindingTo("new"))
		return undo, err
	}, map[string]string{"ClusterRoleBinding//reader": "new mine"}},
	"delete": {earlier(secret("s", "old")), func(ctx context.Context, w apply.Writer, live kube.Object) (apply.Undo, error) {
		return nil, w.Delete(ctx, live)
	}, map[string]string{}},
}

// short is the content of all that is stored, with the run that wrote it.
func short(s *server) map[string]string {
	out := map[string]string{}
	for key, o := range s.objects {
		switch o := o.(type) {
		case *corev1.Secret:
			out[key] = string(o.Data["k"])
		case *rbacv1.ClusterRoleBinding:
			out[key] = o.RoleRef.Name
		}
		out[key] += " " + o.GetAnnotations()[apply.RunAnnotation]
	}
	return out
}

// At every call, each fault: what the outcome says is what is stored, and the undo leaves what was there before.
func TestOutcomes(t *testing.T) {
	for _, operation := range slices.Sorted(maps.Keys(operations)) {
		for _, name := range slices.Sorted(maps.Keys(faults)) {
			t.Run(operation+"/"+name, func(t *testing.T) {
				for k := 1; k < 30; k++ {
					calls := 0
					synctest.Test(t, func(t *testing.T) { calls = outcome(t, operation, name, k) })
					if calls < k {
						return
					}
				}
			})
		}
	}
}

func outcome(t *testing.T, operation, name string, k int) (calls int) {
	op := operations[operation]
	s := newServer()
	var live kube.Object
	if op.there != nil {
		live = s.add(op.there)
	}
	before, beforeShort := s.content(), short(s)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	inject(s, name, k, cancel)
	undo, err := op.do(ctx, apply.Writer{Objects: s, Nonce: "mine"}, live)
	calls = len(s.calls)
	what := fmt.Sprintf("call %d, %v, err %v, stored %v", k, s.calls, err, short(s))

	switch got := apply.OutcomeOf(err); {
	case got == apply.Done:
		require.Equal(t, op.after, short(s), what)
	case got == apply.NotDone && operation != "recreate":
		require.Equal(t, beforeShort, short(s), what)
	case got == apply.Unknown && operation != "delete":
		require.NotNil(t, undo, what)
	}

	s.fault = nil
	if undo == nil {
		if operation != "delete" {
			require.Equal(t, before, s.content(), what)
		}
		return calls
	}
	err = undo(t.Context())
	if !errors.Is(err, apply.ErrNothing) {
		require.NoError(t, err, what)
	}
	require.Equal(t, before, s.content(), "undone: %s", what)
	return calls
}

// The faults come during the undo: it is told truly whether the state of before is back.
func TestUndoUnderFaults(t *testing.T) {
	for _, operation := range slices.Sorted(maps.Keys(operations)) {
		for _, name := range slices.Sorted(maps.Keys(faults)) {
			t.Run(operation+"/"+name, func(t *testing.T) {
				for k := 1; k < 30; k++ {
					calls := 0
					synctest.Test(t, func(t *testing.T) { calls = undone(t, operation, name, k) })
					if calls < k {
						return
					}
				}
			})
		}
	}
}

func undone(t *testing.T, operation, name string, k int) int {
	op := operations[operation]
	s := newServer()
	var live kube.Object
	if op.there != nil {
		live = s.add(op.there)
	}
	before := s.content()
	undo, err := op.do(t.Context(), apply.Writer{Objects: s, Nonce: "mine"}, live)
	require.NoError(t, err)
	if undo == nil {
		return 0
	}
	after := s.content()
	s.calls = nil
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	inject(s, name, k, cancel)
	err = undo(ctx)
	what := fmt.Sprintf("call %d, %v, err %v, stored %v", k, s.calls, err, short(s))
	switch {
	case err == nil, errors.Is(err, apply.ErrNothing):
		require.Equal(t, before, s.content(), what)
	case apply.OutcomeOf(err) == apply.NotDone && operation != "recreate":
		require.Equal(t, after, s.content(), what)
	}
	return len(s.calls)
}
