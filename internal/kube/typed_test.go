package kube_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/meshpeer/meshpeer/internal/kube"
)

// one is a server of a single object.
type one struct {
	object kube.Object
	err    error
}

func (o one) Get(context.Context, kube.Object) (kube.Object, error) { return o.object, o.err }

func (o one) List(context.Context, kube.Object, string) ([]kube.Object, error) {
	return []kube.Object{o.object}, o.err
}

// TestTypedReads: an object of another type than asked for is an error, not a panic.
func TestTypedReads(t *testing.T) {
	refused := errors.New("refused")
	for name, tt := range map[string]struct {
		from one
		err  string
	}{
		"as asked":  {one{object: &corev1.Pod{}}, ""},
		"another":   {one{object: &corev1.Secret{}}, "gave *v1.Secret in place of *v1.Pod"},
		"none":      {one{}, "gave <nil> in place of *v1.Pod"},
		"a failure": {one{err: refused}, "refused"},
	} {
		t.Run(name, func(t *testing.T) {
			pod, getErr := kube.GetAs(t.Context(), tt.from, &corev1.Pod{})
			pods, listErr := kube.ListAs(t.Context(), tt.from, &corev1.Pod{}, "")
			if tt.err == "" {
				require.NoError(t, errors.Join(getErr, listErr))
				require.NotNil(t, pod)
				require.Len(t, pods, 1)
				return
			}
			require.ErrorContains(t, getErr, tt.err)
			require.ErrorContains(t, listErr, tt.err)
			require.Nil(t, pod)
			require.Nil(t, pods)
		})
	}
}
