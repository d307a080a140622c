package rollout

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestUnfinished is what kubectl rollout status waits for.
func TestUnfinished(t *testing.T) {
	deployment := func(observed, replicas, updated, available int64) map[string]any {
		return map[string]any{
			"metadata": map[string]any{"generation": int64(2)}, "spec": map[string]any{"replicas": int64(2)},
			"status": map[string]any{"observedGeneration": observed, "replicas": replicas, "updatedReplicas": updated, "availableReplicas": available},
		}
	}
	require.Equal(t, "it has not begun", unfinished(deployment(1, 2, 2, 2)))
	require.Equal(t, "1 of 2 new replicas are there", unfinished(deployment(2, 3, 1, 2)))
	require.Equal(t, "old replicas are still there", unfinished(deployment(2, 3, 2, 3)))
	require.Equal(t, "1 of 2 new replicas are available", unfinished(deployment(2, 2, 2, 1)))
	require.Empty(t, unfinished(deployment(2, 2, 2, 2)))
	require.NotEmpty(t, unfinished(map[string]any{}), "one replica is the default")
}
