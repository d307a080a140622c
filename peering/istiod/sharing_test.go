package istiod

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestLook(t *testing.T) {
	refused := errors.New("refused")
	for name, c := range map[string]struct {
		before func(*control)
		want   Want
		views  string
		err    error
		took   time.Duration
	}{
		"at once":            {func(c *control) { c.get("a").change(syncedAll) }, Want{Status: Synced}, "a synced, b not seen", nil, 0},
		"one fails":          {func(c *control) { c.every(syncedAll); c.get("a").change(func(f *fake) { f.err = errBroken }) }, Want{Status: Synced}, "a ? tunnel broken, b synced", nil, 0},
		"one hangs":          {func(c *control) { c.every(syncedAll); c.get("a").change(func(f *fake) { f.hangs = true }) }, Want{Status: Synced}, "a ? not ready: no answer in the time that there was, b synced", nil, 5 * time.Second},
		"one has lost":       {func(c *control) { c.every(syncedAll) }, Want{Status: Synced, Held: map[string]*Holding{"b": NewHolding([]Service{{"n", "h"}}, nil)}}, "a synced, b synced without what it held lost [{n h}]", nil, 0},
		"none":               {func(c *control) { c.set() }, Want{Status: Synced}, "", ErrNotReady, 0},
		"no list":            {func(c *control) { c.fail(refused) }, Want{Status: Synced}, "", refused, 0},
		"nothing for others": {func(*control) {}, Want{Status: NotSeen}, "a not seen, b not seen", nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				control := newControl("a", "b")
				c.before(control)
				w := NewWatcher(control)
				defer w.Close()
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				start := time.Now()
				c.want.Cluster = "west"
				views, err := w.Look(ctx, c.want)
				require.Equal(t, c.views, look(views))
				require.ErrorIs(t, err, c.err)
				require.Equal(t, c.took, time.Since(start))
				if c.took > 0 {
					return
				}
				time.Sleep(time.Hour)
				control.every(func(f *fake) { require.LessOrEqual(t, f.requests["/debug/clusterz"], 1, "once") })
				require.Equal(t, 1, control.lists)
			})
		})
	}
}

// TestLookTogether has a mesh verified: few documents for all, though each looks once.
func TestLookTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newControl("a", "b")
		c.every(func(f *fake) { f.delay = time.Millisecond; syncedAll(f) })
		c.takes = time.Millisecond // or each who comes during one needs the next
		w := NewWatcher(c)
		defer w.Close()
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				views, err := w.Look(t.Context(), Want{Cluster: "west", Status: Synced})
				require.NoError(t, err)
				require.Equal(t, "a synced, b synced", look(views))
			})
		}
		wg.Wait()
		require.LessOrEqual(t, c.get("a").asked("/debug/clusterz"), 2)
		require.LessOrEqual(t, c.listed(), 2)
	})
}

func TestHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newControl("a", "b", "c")
		c.every(func(f *fake) {
			f.delay = time.Second
			for i := range 100 {
				f.services[fmt.Sprint("cluster-", i)] = []string{fmt.Sprint("host-", i)}
			}
		})
		c.get("b").change(func(f *fake) { f.err = errBroken })
		c.get("c").change(func(f *fake) { f.hangs = true })
		w := NewWatcher(c)
		defer w.Close()
		var wg sync.WaitGroup
		start := time.Now()
		for i := range 100 {
			wg.Go(func() {
				held, err := w.Hold(t.Context(), fmt.Sprint("cluster-", i))
				require.NoError(t, err)
				require.Equal(t, map[string]*Holding{"a": NewHolding([]Service{{"default", fmt.Sprint("host-", i)}}, nil)}, held, "b cannot tell, c does not")
				require.LessOrEqual(t, time.Since(start), 2*holdLimit)
			})
		}
		wg.Wait()
		require.LessOrEqual(t, c.get("a").asked(shardz), 2, "the first, and one for those who came while it was under way")

		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		_, err := w.Hold(ctx, "west")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		w.Close()
		_, err = w.Hold(t.Context(), "west")
		require.ErrorIs(t, err, ErrClosed)
	})
}

// TestClose ends whatever waits, though replicas hang: synctest fails if a goroutine is left.
func TestClose(t *testing.T) {
	calls := map[string]func(context.Context, *Watcher) error{
		"await": func(ctx context.Context, w *Watcher) error {
			_, err := w.Await(ctx, Want{Cluster: "west", Status: Synced}, nil)
			return err
		},
		"look": func(ctx context.Context, w *Watcher) error {
			_, err := w.Look(ctx, Want{Cluster: "west", Status: Synced})
			return err
		},
		"hold": func(ctx context.Context, w *Watcher) error {
			_, err := w.Hold(ctx, "west")
			return err
		},
		"gone": func(ctx context.Context, w *Watcher) error {
			_, err := w.Await(ctx, Want{
				Cluster: "east", Status: Synced, Held: map[string]*Holding{"a": NewHolding([]Service{{"n", "h"}}, nil)},
				Gone: func(ctx context.Context, _ *Holding) (*Holding, error) { <-ctx.Done(); return nil, ctx.Err() },
			}, nil)
			return err
		},
	}
	for name, call := range calls {
		for _, slowList := range []bool{false, true} {
			t.Run(fmt.Sprint(name, " slow list ", slowList), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c := newControl("a", "b")
					c.get("a").change(func(f *fake) { f.status["east"] = Synced })
					c.get("b").change(func(f *fake) { f.hangs = true })
					var reader Reader = c
					if slowList {
						reader = never{}
					}
					w := NewWatcher(reader)
					done := make(chan error)
					go func() { done <- call(t.Context(), w) }()
					time.Sleep(3 * time.Second)
					start := time.Now()
					w.Close()
					require.ErrorIs(t, <-done, ErrClosed)
					require.Equal(t, start, time.Now())
					require.ErrorIs(t, call(t.Context(), w), ErrClosed)
					_, err := w.Replicas(t.Context())
					require.ErrorIs(t, err, ErrClosed)
					w.Refresh()
					w.Close()
				})
			})
		}
	}
}

// never lists until it is told to end.
type never struct{}

func (never) Replicas(ctx context.Context) ([]Replica, error) { <-ctx.Done(); return nil, ctx.Err() }

// TestNoneHoldsUpAnother: not one whose lookup hangs, nor one whose documents are large and slow, whoever comes first.
func TestNoneHoldsUpAnother(t *testing.T) {
	for _, before := range []time.Duration{0, time.Millisecond, firstTick, 5 * time.Second, 12 * time.Second} {
		t.Run(before.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newControl("a")
				c.get("a").change(func(f *fake) {
					f.status["west"], f.status["east"] = Synced, Synced
					f.during = func(path string) {
						if path == shardz {
							time.Sleep(10 * time.Second)
						}
					}
				})
				w := NewWatcher(c)
				defer w.Close()
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				var wg sync.WaitGroup
				defer wg.Wait()
				wg.Go(func() {
					_, err := w.Await(ctx, Want{
						Cluster: "west", Status: Synced, Held: map[string]*Holding{"a": NewHolding([]Service{{"n", "h"}}, nil)},
						Gone: func(ctx context.Context, _ *Holding) (*Holding, error) { <-ctx.Done(); return nil, ctx.Err() },
					}, nil)
					require.NoError(t, err)
				})
				time.Sleep(before) // after 10 s Gone hangs, before that the document
				for range 3 {
					start := time.Now()
					_, err := w.Await(ctx, Want{Cluster: "east", Status: Synced, Since: start}, nil)
					require.NoError(t, err)
					require.LessOrEqual(t, time.Since(start), firstTick)
				}
			})
		})
	}
}

// TestSlowDocumentIsShared: those who wait for it have the replica asked for nothing else meanwhile.
func TestSlowDocumentIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
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
		w := NewWatcher(c)
		defer w.Close()
		want := Want{Cluster: "west", Status: Synced, Held: map[string]*Holding{"a": NewHolding([]Service{{"default", "h"}}, nil)}}
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				views, err := w.Await(t.Context(), want, nil)
				require.NoError(t, err)
				require.Equal(t, "a synced", look(views))
			})
		}
		wg.Wait()
		require.LessOrEqual(t, f.asked("/debug/clusterz"), 2)
		require.LessOrEqual(t, f.asked(shardz), 2)
	})
}

// TestRefresh has the next list read anew, whoever waits.
func TestRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newControl("a")
		w := NewWatcher(c)
		defer w.Close()
		names := func() (all []string) {
			replicas, err := w.Replicas(t.Context())
			require.NoError(t, err)
			for _, r := range replicas {
				all = append(all, r.Name)
			}
			return all
		}
		require.Equal(t, []string{"a"}, names())
		c.set("a", "b")
		time.Sleep(time.Hour)
		require.Equal(t, []string{"a"}, names(), "the last list")
		require.Equal(t, 1, c.listed())
		w.Refresh()
		require.Equal(t, []string{"a", "b"}, names())
		require.Equal(t, 2, c.listed())
		c.fail(errBroken)
		w.Refresh()
		_, err := w.Replicas(t.Context())
		require.ErrorIs(t, err, errBroken)
	})
}

// TestAppearsUnseen: a replica that appears between the list and the answer of the others is asked too.
func TestAppearsUnseen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newControl("a")
		c.get("a").change(func(f *fake) {
			f.status["west"] = Synced
			f.during = func(string) { c.set("a", "new") } // after the list, before the answer
		})
		w := NewWatcher(c)
		defer w.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		views, err := w.Await(ctx, Want{Cluster: "west", Status: Synced}, nil)
		require.NoError(t, err)
		require.Equal(t, "a synced, new not seen", look(views))
	})
}

// a hundred wait for a hundred clusters, of which none moves.
func standing(all int) (*Watcher, *watched) {
	c := newControl("a")
	f := c.get("a")
	for i := range all {
		f.status[fmt.Sprint("cluster-", i)] = Syncing
	}
	text, _ := f.answer("/debug/clusterz")
	w := NewWatcher(c)
	w.due = make(chan struct{}, 1)
	r := &watched{Replica: Replica{Name: "a", Debug: func(context.Context, string) ([]byte, error) { return text, nil }}}
	w.replicas = []*watched{r}
	for i := range all {
		w.waiters = append(w.waiters, &waiter{
			want:   &Want{Cluster: fmt.Sprint("cluster-", i), Status: Synced},
			sights: map[string]sight{}, fresh: map[string]bool{}, views: map[string]View{}, notify: make(chan struct{}, 1),
		})
	}
	return w, r
}

// BenchmarkTick is one tick of a replica that reads a hundred clusters, for one waiter and for a hundred.
func BenchmarkTick(b *testing.B) {
	for _, waiters := range []int{1, 100} {
		b.Run(fmt.Sprint(waiters, " waiters"), func(b *testing.B) {
			w, r := standing(100)
			w.waiters = w.waiters[:waiters]
			b.ReportAllocs()
			for b.Loop() {
				w.poll(b.Context(), r)
			}
		})
	}
}

// TestWaiterCostsNoMemory at a tick without news.
func TestWaiterCostsNoMemory(t *testing.T) {
	w, r := standing(100)
	allocs := func() float64 { return testing.AllocsPerRun(20, func() { w.poll(t.Context(), r) }) }
	many := allocs()
	w.waiters = w.waiters[:1]
	require.InDelta(t, allocs(), many, 1)
}
