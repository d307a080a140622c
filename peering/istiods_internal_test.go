package peering

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"

	"github.com/meshpeer/meshpeer/peering/istiod"
)

// TestHazardsAreThoseOfEveryReplica: a canary does not hide behind the first replica.
func TestHazardsAreThoseOfEveryReplica(t *testing.T) {
	task := &task{from: &snapshot{istiods: []istiod.Replica{{Version: "1.31.0"}, {Version: "1.29.1"}, {}, {Version: "1.31.0"}}}}
	require.Empty(t, task.hazards(), "nothing is changed yet")
	task.seen.secret = &corev1.Secret{}
	require.Equal(t, []string{"1.29.1", "1.31.0"}, versionsOf(task.from.istiods))
	require.True(t, task.needsRestart())
	for _, h := range task.hazards() {
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
	require.Equal(t, "app in (istiod, istiod-canary)", c.Istiods.(istiod.Pods).Selector)
}
