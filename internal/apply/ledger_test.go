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
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/internal/apply"
	"github.com/meshpeer/meshpeer/internal/kube"
)

func TestRollback(t *testing.T) {
	boom := errors.New("boom")
	for name, tt := range map[string]struct {
		third error // of the entry with the gate, the third of four
		want  []string
	}{
		"all":     {nil, []string{"4 <nil>", "3 <nil>", "2 boom", "1 <nil>"}},
		"nothing": {apply.ErrNothing, []string{"4 <nil>", "3 nothing to undo", "2 boom", "1 <nil>"}},
		"failed":  {boom, []string{"4 <nil>", "3 boom", "2 withheld boom", "1 withheld boom"}},
		"unknown": {&apply.UnknownError{Op: "update", Object: "x", Err: boom}, []string{
			"4 <nil>", "3 it is not known whether the update of x took place: boom",
			"2 withheld it is not known whether the update of x took place: boom", "1 withheld it is not known whether the update of x took place: boom",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			var ledger apply.Ledger
			for i, err := range []error{nil, boom, tt.third, nil} {
				ledger.Add(apply.Entry{Label: i + 1, Undo: func(context.Context) error { return err }, Gate: i == 2})
			}
			ledger.Add(apply.Entry{Label: 5, Gate: true})
			var got []string
			for _, u := range ledger.Rollback(t.Context()) {
				var withheld *apply.WithheldError
				if errors.As(u.Err, &withheld) {
					require.ErrorContains(t, u.Err, "kept, because ")
					u.Err = errors.New("withheld " + withheld.Because)
				}
				got = append(got, fmt.Sprint(u.Label, " ", u.Err))
			}
			require.Equal(t, tt.want, got)
			require.Empty(t, ledger.Rollback(t.Context()), "emptied")
		})
	}
}

func TestWithhold(t *testing.T) {
	var ledger apply.Ledger
	require.True(t, ledger.Empty())
	for i := range 2 {
		ledger.Add(apply.Entry{Label: i, Undo: func(context.Context) error { t.Error("undone"); return nil }})
	}
	require.False(t, ledger.Empty())
	why := errors.New("another run has it")
	got := ledger.Withhold(why)
	require.Equal(t, []any{1, why, 0, why}, []any{got[0].Label, got[0].Err, got[1].Label, got[1].Err})
	require.True(t, ledger.Empty())
}

func TestRollbackOnAnEndedContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var ledger apply.Ledger
	called := false
	undo := func(context.Context) error { called = true; return nil }
	ledger.Add(apply.Entry{Label: 1, Undo: undo})
	ledger.Add(apply.Entry{Label: 2, Undo: undo, Gate: true})
	got := ledger.Rollback(ctx)
	require.False(t, called)
	require.ErrorIs(t, got[0].Err, context.Canceled)
	var withheld *apply.WithheldError
	require.ErrorAs(t, got[1].Err, &withheld)
}

// rotation is the shape of a link's rotation: an account with its binding recreated, a new token, and a shared Secret that
// holds the old token and then the new one.
func rotation(ctx context.Context, w apply.Writer, ledger *apply.Ledger, live map[string]kube.Object) error {
	steps := []struct {
		label string
		gate  bool
		do    func() (apply.Undo, error)
	}{
		{"account", false, func() (apply.Undo, error) {
			_, undo, err := w.Create(ctx, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "istio-system", Name: "reader"}})
			return undo, err
		}},
		{"binding", false, func() (apply.Undo, error) {
			_, undo, err := w.Recreate(ctx, live["binding"], bindingTo("new"))
			return undo, err
		}},
		{"token", false, func() (apply.Undo, error) {
			_, undo, err := w.Create(ctx, secret("token-new", "token-new"))
			return undo, err
		}},
		{"share", true, func() (apply.Undo, error) {
			_, undo, err := w.Update(ctx, live["shared"], secret("shared", "token-new"))
			return undo, err
		}},
	}
	for _, step := range steps {
		undo, err := step.do()
		ledger.Add(apply.Entry{Label: step.label, Undo: undo, Gate: step.gate})
		if err != nil {
			return err
		}
	}
	return errors.New("the mesh does not sync")
}

// At every call of a rotation that fails and is rolled back, each fault: the shared Secret never holds a token that is not
// there, nor one without its account, and the rollback says truly what is left.
func TestNoCredentialIsRevokedWhileHeld(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(faults)) {
		t.Run(name, func(t *testing.T) {
			for k := 1; k < 60; k++ {
				calls := 0
				synctest.Test(t, func(t *testing.T) { calls = rotate(t, name, k) })
				if calls < k {
					return
				}
			}
			t.Fatal("never ends")
		})
	}
}

func rotate(t *testing.T, name string, k int) int {
	s := newServer()
	live := map[string]kube.Object{
		"token": s.add(earlier(secret("token-old", "token-old"))), "shared": s.add(earlier(secret("shared", "token-old"))),
		"binding": s.add(earlier(bindingTo("old"))),
	}
	before := s.content()
	s.written = func() {
		held := string(s.objects["Secret/istio-system/shared"].(*corev1.Secret).Data["k"])
		require.Contains(t, s.objects, "Secret/istio-system/"+held, "call %d: %v", k, s.calls)
		if held == "token-new" {
			require.Contains(t, s.objects, "ServiceAccount/istio-system/reader", "call %d: %v", k, s.calls)
		}
	}
	var ledger apply.Ledger
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	inject(s, name, k, cancel)
	require.Error(t, rotation(ctx, apply.Writer{Objects: s, Nonce: "mine"}, &ledger, live))
	results := ledger.Rollback(t.Context())

	left := map[string]bool{}
	for _, r := range results {
		if r.Err != nil && !errors.Is(r.Err, apply.ErrNothing) {
			left[r.Label.(string)] = true
		}
	}
	what := fmt.Sprintf("call %d, %v, left %v, stored %v", k, s.calls, left, short(s))
	after := s.content()
	for label, object := range map[string]string{
		"account": "ServiceAccount/istio-system/reader", "binding": "ClusterRoleBinding//reader",
		"token": "Secret/istio-system/token-new", "share": "Secret/istio-system/shared",
	} {
		if !left[label] {
			require.Equal(t, before[object], after[object], "%s: %s", label, what)
		}
	}
	if name == "lost reply" || name == "late effect" || name == "transient" {
		require.Empty(t, left, "one transient failure is no reason to leave anything: %s", what)
	}
	return len(s.calls)
}
