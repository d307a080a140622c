package istiod

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// only lists Pods of its own.
type only []*corev1.Pod

func (o only) list(_ context.Context, _, selector string) (found []*corev1.Pod, err error) {
	parsed, err := labels.Parse(selector)
	for _, p := range o {
		if err == nil && parsed.Matches(labels.Set(p.Labels)) {
			found = append(found, p)
		}
	}
	return found, err
}

func TestReplicas(t *testing.T) {
	pod := func(name, label, tag string) *corev1.Pod {
		return &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Namespace: "istio-system", Name: name, Labels: map[string]string{"app": label}},
			Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "discovery", Image: "pilot:" + tag}}},
		}
	}
	going := pod("istiod-old", "istiod", "1.30.0")
	going.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)}
	for name, c := range map[string]struct {
		selector string
		pods     []*corev1.Pod
		want     []string
		seen     string
	}{
		"each with its version":     {"", []*corev1.Pod{pod("a", "istiod", "1.30.0"), pod("b", "istiod", "1.31.0"), going}, []string{"a 1.30.0", "b 1.31.0"}, ""},
		"by selector":               {"app=istiod-canary", []*corev1.Pod{pod("a", "istiod", "1.30.0"), pod("b", "istiod-canary", "1.31.0")}, []string{"b 1.31.0"}, ""},
		"terminating":               {"", []*corev1.Pod{going}, nil, "Pod istiod-old is terminating; wait until the Pod that replaces it is ready"},
		"labelled otherwise":        {"", []*corev1.Pod{pod("a", "istiod-canary", "1.30.0")}, nil, `Pod a looks like an istiod (app=istiod-canary); give the selector of its Pods (IstiodSelector), for example "app=istiod-canary"`},
		"none":                      {"", nil, nil, "no Pod labelled app=istiod runs in namespace istio-system"},
		"none of those of selector": {"app=x", []*corev1.Pod{pod("a", "istiod", "1")}, nil, "no Pod labelled app=x runs in namespace istio-system: Pod a looks like an istiod (app=istiod)"},
	} {
		t.Run(name, func(t *testing.T) {
			replicas, err := Pods{List: only(c.pods).list, Namespace: "istio-system", Selector: c.selector}.Replicas(t.Context())
			var got []string
			for _, r := range replicas {
				got = append(got, r.Name+" "+r.Version)
			}
			require.Equal(t, c.want, got)
			if c.seen != "" {
				require.ErrorIs(t, err, ErrNotReady)
				var missing *MissingError
				require.ErrorAs(t, err, &missing)
				require.Contains(t, missing.Error()+"; "+missing.Remedy, c.seen)
			} else {
				require.NoError(t, err)
			}
		})
	}
}
