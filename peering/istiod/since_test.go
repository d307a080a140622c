package istiod

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// slow is one replica whose answers take a tenth of a second and tell what was so when they were asked.
type slow struct{ asked atomic.Int32 }

func (s *slow) Replicas(context.Context) ([]Replica, error) {
	return []Replica{{Name: "a", Debug: func(context.Context, string) ([]byte, error) {
		s.asked.Add(1)
		time.Sleep(100 * time.Millisecond)
		return []byte(`[{"id":"west","secretName":"ns/west","syncStatus":"synced"}]`), nil
	}}}, nil
}

// TestAViewFromBeforeTheChangeDoesNotCount: a request that was under way for another waiter says nothing of what came after it.
func TestAViewFromBeforeTheChangeDoesNotCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slow{}
		w := NewWatcher(s)
		defer w.Close()
		go func() {
			_, _ = w.Await(t.Context(), Want{Cluster: "west", Status: Synced}, func(View) {})
		}()
		time.Sleep(50 * time.Millisecond) // its request is under way
		require.EqualValues(t, 1, s.asked.Load())
		changed := time.Now()
		views, err := w.Await(t.Context(), Want{Cluster: "west", Status: Synced, Since: changed}, func(View) {})
		require.NoError(t, err)
		require.Equal(t, "a synced", look(views))
		require.GreaterOrEqual(t, s.asked.Load(), int32(2), "asked again after the change")
		require.GreaterOrEqual(t, time.Since(changed), 150*time.Millisecond)
	})
}
