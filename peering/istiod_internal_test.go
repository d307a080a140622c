package peering

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/rest"
)

// onlyPods lists Pods and does nothing else.
type onlyPods struct {
	Objects
	pods []*corev1.Pod
}

func (o onlyPods) List(_ context.Context, _ Object, selector string) (found []Object, err error) {
	parsed, err := labels.Parse(selector)
	for _, p := range o.pods {
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
			replicas, err := istiodPods{objects: onlyPods{pods: c.pods}, namespace: "istio-system", selector: c.selector}.Replicas(t.Context())
			var got []string
			for _, r := range replicas {
				got = append(got, r.Name+" "+r.Version)
			}
			require.Equal(t, c.want, got)
			if c.seen != "" {
				require.ErrorIs(t, err, ErrNotReady)
				require.Contains(t, err.Error()+"; "+(&member{noIstiod: err}).whyNoIstiod(), c.seen)
			} else {
				require.NoError(t, err)
			}
		})
	}
}

// TestHazardsAreThoseOfEveryReplica: a canary does not hide behind the first replica.
func TestHazardsAreThoseOfEveryReplica(t *testing.T) {
	w := &work{from: &member{replicas: []Replica{{Version: "1.31.0"}, {Version: "1.29.1"}, {}, {Version: "1.31.0"}}}}
	require.Empty(t, w.hazards(), "nothing is changed yet")
	w.live.secret = &corev1.Secret{}
	require.Equal(t, []string{"1.29.1", "1.31.0"}, w.from.versions())
	require.True(t, w.needsRestart())
	for _, h := range w.hazards() {
		require.Equal(t, "1.29.1", h.Version)
	}
}

// TestIstiodSelectorIsValidatedFirst: nothing is read with a selector that would pick every Pod, or none for ever.
func TestIstiodSelectorIsValidatedFirst(t *testing.T) {
	for _, selector := range []string{"app=a=b", "app in (x", " ", ","} {
		_, err := Connect(MustID("east"), &rest.Config{Host: "https://192.0.2.1:6443"}, ConnectOptions{IstiodSelector: selector})
		require.ErrorContains(t, err, "ConnectOptions.IstiodSelector", "%q", selector)
	}
	c, err := Connect(MustID("east"), &rest.Config{Host: "https://192.0.2.1:6443"}, ConnectOptions{IstiodSelector: "app in (istiod, istiod-canary)"})
	require.NoError(t, err)
	require.Equal(t, "app in (istiod, istiod-canary)", c.Checks.IstiodSelector)
	require.Equal(t, "app in (istiod, istiod-canary)", c.Istiods.(istiodPods).selector)
}
