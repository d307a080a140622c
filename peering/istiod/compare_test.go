package istiod

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// slowly is a replica that holds west, and takes ten seconds to tell what it holds.
func slowly() (*control, *fake) {
	c := newControl("a")
	f := c.get("a")
	f.change(func(f *fake) {
		f.status["west"], f.services["west"] = Synced, []string{"h"}
		f.during = func(path string) {
			if path == shardz {
				time.Sleep(10 * time.Second)
			}
		}
	})
	return c, f
}

func west(host string) Want {
	return Want{
		Cluster: "west", Status: Synced, Held: map[string]*Holding{"a": NewHolding([]Service{{"default", host}}, nil)},
		Gone: func(_ context.Context, lost *Holding) (*Holding, error) { return lost, nil },
	}
}

// TestComparedWithNothing: a replica that says synced, and cannot tell what it holds, is not known to be.
func TestComparedWithNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, f := slowly()
		f.change(func(f *fake) { f.fails = shardz })
		w := NewWatcher(c)
		defer w.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		views, err := w.Await(ctx, west("h"), nil)
		require.NoError(t, err)
		require.Equal(t, "a ? tunnel broken", look(views))
		views, err = w.Look(t.Context(), west("h"))
		require.NoError(t, err)
		require.Equal(t, "a ? tunnel broken", look(views))
		f.change(func(f *fake) { f.fails = "" })
		views, err = w.Await(t.Context(), west("h"), nil)
		require.NoError(t, err)
		require.Equal(t, "a synced", look(views))
	})
}

// TestComparedAnother: what a replica held does not count for the one that has its name now.
func TestComparedAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, f := slowly()
		f.change(func(f *fake) { f.uid = "1" })
		w := NewWatcher(c)
		defer w.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var told []Status
		go func() {
			time.Sleep(4 * time.Second)
			f.change(func(f *fake) { f.uid, f.status["west"] = "2", Syncing })
		}()
		views, err := w.Await(ctx, west("h"), func(v View) { told = append(told, v.Status) })
		require.NoError(t, err)
		require.Equal(t, "a syncing", look(views))
		require.Equal(t, []Status{Syncing}, told)
	})
}

// TestComparedNoMore: a replica that says another thing meanwhile is not synced by what it held.
func TestComparedNoMore(t *testing.T) {
	for name, change := range map[string]func(*fake){
		"a syncing":         func(f *fake) { f.status["west"] = Syncing },
		"a ? tunnel broken": func(f *fake) { f.fails = "/debug/clusterz" },
	} {
		synctest.Test(t, func(t *testing.T) {
			c, f := slowly()
			w := NewWatcher(c)
			defer w.Close()
			var wg sync.WaitGroup
			defer wg.Wait()
			ctx, cancel := context.WithTimeout(t.Context(), 12*time.Second)
			defer cancel()
			wg.Go(func() { _, _ = w.Await(ctx, Want{Cluster: "east", Status: Synced}, nil) }) // has it polled
			wg.Go(func() { time.Sleep(5 * time.Second); f.change(change) })
			told := 0
			views, err := w.Await(ctx, west("h"), func(View) { told++ })
			require.NoError(t, err)
			require.Equal(t, name, look(views))
			require.Equal(t, 1, told)
		})
	}
}

// TestComparedForNobody: once the call is over, what it compares with is its caller's again.
func TestComparedForNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := slowly()
		w := NewWatcher(c)
		defer w.Close()
		want := west("h")
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		views, err := w.Await(ctx, want, nil)
		require.NoError(t, err)
		require.Equal(t, "a ? not ready: no answer in the time that there was", look(views))
		for range 100 { // the race detector sees a reader
			want.Held["a"] = NewHolding(nil, nil)
			time.Sleep(100 * time.Millisecond)
		}
	})
}

// TestPaceOfComparisons: what takes long is asked for seldom, and delays no news of others.
func TestPaceOfComparisons(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, f := slowly()
		w := NewWatcher(c)
		defer w.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		views, err := w.Await(ctx, west("lost"), nil)
		require.NoError(t, err)
		require.Equal(t, "a synced without what it held lost [{default lost}]", look(views))
		for i, at := range f.starts[1:] {
			require.Equal(t, 11*time.Second, at.Sub(f.starts[i]), "ten for the document, and a pause of the longest")
		}
		require.LessOrEqual(t, c.listed(), 13, "it answers: no list but each 5 s")
	})
	synctest.Test(t, func(t *testing.T) {
		c, f := slowly()
		w := NewWatcher(c)
		defer w.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
		defer cancel()
		var wg sync.WaitGroup
		defer wg.Wait()
		wg.Go(func() {
			views, err := w.Await(ctx, west("lost"), nil)
			require.NoError(t, err)
			require.Equal(t, "a synced without what it held lost [{default lost}]", look(views), "for all the polls meanwhile")
		})
		wg.Go(func() {
			time.Sleep(8 * time.Second)
			f.change(func(f *fake) { f.status["east"] = Syncing })
			time.Sleep(3100 * time.Millisecond) // the document came at 10 s, and tells of a time before this news
			f.change(func(f *fake) { f.status["east"] = Synced })
		})
		_, err := w.Await(ctx, Want{Cluster: "east", Status: Synced}, nil)
		require.NoError(t, err)
		require.WithinRange(t, time.Now(), time.Date(2000, 1, 1, 0, 0, 11, 1e8, time.UTC), time.Date(2000, 1, 1, 0, 0, 11, 6e8, time.UTC))
		require.LessOrEqual(t, f.asked(shardz), 2, "one at a time, whoever else has the replica polled")
	})
}
