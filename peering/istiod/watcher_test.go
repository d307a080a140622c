package istiod

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// look writes views as words.
func look(views []View) string {
	var all []string
	for _, v := range views {
		text := v.Replica + " " + string(v.Status)
		if v.Err != nil {
			text += "? " + v.Err.Error()
		}
		if v.Lost != nil {
			text += fmt.Sprint(" lost ", v.Lost.Services())
		}
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}

func syncedAll(f *fake) { f.status["west"] = Synced }

// TestAwait lets a test's time pass: what happens to the control plane after a second, and what a wait of a minute for
// "synced" then comes to.
func TestAwait(t *testing.T) {
	west := Want{Cluster: "west", Secret: "istio-system/west", Status: Synced}
	held := func(replicas ...string) map[string]*Holding {
		all := map[string]*Holding{}
		for _, r := range replicas {
			all[r] = NewHolding([]Service{{"default", "a"}, {"default", "b"}}, nil)
		}
		return all
	}
	keeps := func(hosts ...string) func(*fake) {
		return func(f *fake) { f.status["west"], f.services["west"] = Synced, hosts }
	}
	refused := errors.New("refused")
	for name, c := range map[string]struct {
		before func(*control)
		after  func(*control, *Watcher)
		want   func(*Want)
		views  string
		err    error
		within time.Duration // after that second; 0: the whole minute
	}{
		"synced already": {
			before: func(c *control) { c.every(syncedAll) }, views: "a synced, b synced", within: -time.Second,
		},
		"synced later": {
			after: func(c *control, _ *Watcher) { c.every(syncedAll) }, views: "a synced, b synced", within: lastTick,
		},
		"one never": {
			after: func(c *control, _ *Watcher) { c.get("a").change(syncedAll) }, views: "a synced, b not seen",
		},
		"under another secret": {
			before: func(c *control) { c.every(syncedAll) }, want: func(w *Want) { w.Secret = "istio-system/other" },
			views: "a not seen, b not seen",
		},
		"of any secret": {
			before: func(c *control) { c.every(syncedAll) }, want: func(w *Want) { w.Secret = "" },
			views: "a synced, b synced", within: -time.Second,
		},
		"forgotten": {
			before: func(c *control) { c.every(syncedAll) }, want: func(w *Want) { w.Status = NotSeen },
			after: func(c *control, _ *Watcher) { c.every(func(f *fake) { delete(f.status, "west") }) },
			views: "a not seen, b not seen", within: lastTick,
		},
		"one appears and is slow": {
			before: func(c *control) { c.get("a").change(syncedAll) },
			after:  func(c *control, _ *Watcher) { c.set("a", "b", "new"); c.get("b").change(syncedAll) },
			views:  "a synced, b synced, new not seen",
		},
		"one appears and catches up": {
			before: func(c *control) { c.get("a").change(syncedAll) },
			after:  func(c *control, _ *Watcher) { c.set("a", "b", "new"); c.every(syncedAll) },
			views:  "a synced, b synced, new synced", within: lastTick,
		},
		"one is replaced": {
			before: func(c *control) { c.get("a").change(syncedAll) },
			after:  func(c *control, _ *Watcher) { c.set("a", "new"); c.get("new").change(syncedAll) },
			views:  "a synced, new synced", within: relist,
		},
		"one is gone and cannot be asked": {
			before: func(c *control) { c.get("a").change(syncedAll) },
			after: func(c *control, _ *Watcher) {
				c.get("b").change(func(f *fake) { f.err = errBroken })
				c.set("a")
			},
			views: "a synced", within: lastTick,
		},
		"all restarted under new names": {
			after: func(c *control, w *Watcher) {
				c.every(func(f *fake) { f.err = errBroken })
				c.set("c", "d")
				c.every(syncedAll)
				w.Refresh()
			},
			views: "c synced, d synced", within: time.Nanosecond,
		},
		"none for a while": {
			after: func(c *control, w *Watcher) {
				c.set()
				w.Refresh()
				time.Sleep(3 * time.Second)
				c.set("c")
				c.every(syncedAll)
			},
			views: "c synced", within: 3*time.Second + lastTick,
		},
		"none any more": {
			after: func(c *control, w *Watcher) { c.set() }, err: ErrNotReady,
		},
		"a list fails in between": {
			after: func(c *control, w *Watcher) {
				c.fail(refused)
				c.every(syncedAll)
				time.Sleep(10 * time.Second)
				c.fail(nil)
			},
			views: "a synced, b synced", within: 10*time.Second + lastTick,
		},
		"the last list fails": {
			after: func(c *control, w *Watcher) { c.fail(refused); c.every(syncedAll) },
			views: "a synced, b synced", err: refused,
		},
		"no list at all": {
			before: func(c *control) { c.fail(refused) }, err: refused, within: -time.Second,
		},
		"one cannot be asked": {
			before: func(c *control) {
				c.get("a").change(syncedAll)
				c.get("b").change(func(f *fake) { f.err = errBroken })
			},
			views: "a synced, b ? tunnel broken",
		},
		"one cannot be asked for a while": {
			before: func(c *control) {
				c.every(syncedAll)
				c.get("b").change(func(f *fake) { f.err = errBroken })
			},
			after: func(c *control, _ *Watcher) { c.get("b").change(func(f *fake) { f.err = nil }) },
			views: "a synced, b synced", within: lastTick,
		},
		"one hangs": {
			before: func(c *control) { c.every(syncedAll); c.get("b").change(func(f *fake) { f.hangs = true }) },
			views:  "a synced, b ? not ready: no answer within 10s: context deadline exceeded",
		},
		"one is slow": {
			before: func(c *control) { c.every(syncedAll); c.get("b").change(func(f *fake) { f.delay = 3 * time.Second }) },
			views:  "a synced, b synced", within: 2 * time.Second,
		},
		"kept what they held": {
			before: func(c *control) { c.every(keeps("a", "b", "c")) }, want: func(w *Want) { w.Held = held("a", "b") },
			views: "a synced, b synced", within: -time.Second,
		},
		"one has lost some": {
			before: func(c *control) { c.get("a").change(keeps("a", "b")); c.get("b").change(keeps("a")) },
			want:   func(w *Want) { w.Held = held("a", "b") },
			views:  "a synced, b synced without what it held lost [{default b}]",
		},
		"lost some for a while": {
			before: func(c *control) { c.get("a").change(keeps("a", "b")); c.get("b").change(keeps("a")) },
			after:  func(c *control, _ *Watcher) { c.get("b").change(keeps("a", "b")) },
			want:   func(w *Want) { w.Held = held("a", "b") },
			views:  "a synced, b synced", within: lastTick,
		},
		"one that is not compared": {
			before: func(c *control) { c.every(keeps("a", "b")); c.get("b").change(keeps("a")) },
			want:   func(w *Want) { w.Held = held("a") },
			views:  "a synced, b synced", within: -time.Second,
		},
		"what is lost is gone": {
			before: func(c *control) { c.every(keeps("a")) },
			want: func(w *Want) {
				w.Held, w.Gone = held("a", "b"), func(context.Context, *Holding) (*Holding, error) { return nil, nil }
			},
			views: "a synced, b synced", within: -time.Second,
		},
		"part of what is lost is gone": {
			before: func(c *control) { c.every(keeps()) },
			want: func(w *Want) {
				w.Held = held("a")
				w.Gone = func(context.Context, *Holding) (*Holding, error) {
					return NewHolding([]Service{{"default", "a"}}, nil), nil
				}
			},
			views: "a synced without what it held lost [{default a}], b synced",
		},
		"what is lost cannot be looked up": {
			before: func(c *control) { c.every(keeps("a")) },
			want: func(w *Want) {
				w.Held, w.Gone = held("a"), func(context.Context, *Holding) (*Holding, error) { return nil, refused }
			},
			views: "a ? what a has lost could not be looked up: refused lost [{default b}], b synced",
		},
		"not before it is settled": {
			before: func(c *control) { c.every(syncedAll) }, want: func(w *Want) { w.Since = time.Now().Add(3 * time.Second) },
			views: "a synced, b synced", within: 2 * time.Second,
		},
		"changed before it is settled": {
			before: func(c *control) { c.every(syncedAll) }, want: func(w *Want) { w.Since = time.Now().Add(3 * time.Second) },
			after: func(c *control, _ *Watcher) { c.get("b").change(func(f *fake) { f.status["west"] = Syncing }) },
			views: "a synced, b syncing",
		},
		"closed": {
			after: func(_ *control, w *Watcher) { w.Close() }, err: ErrClosed, within: time.Nanosecond,
			views: "a not seen, b not seen",
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				control := newControl("a", "b")
				w := NewWatcher(control)
				defer w.Close()
				if c.before != nil {
					c.before(control)
				}
				want := west
				if c.want != nil {
					c.want(&want)
				}
				start := time.Now()
				if c.after != nil {
					go func() { time.Sleep(time.Second + time.Millisecond); c.after(control, w) }()
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				views, err := w.Await(ctx, want, nil)
				took := time.Since(start) - time.Second - time.Millisecond
				require.Equal(t, c.views, look(views))
				if c.err != nil {
					require.ErrorIs(t, err, c.err)
				} else {
					require.NoError(t, err)
				}
				if c.within != 0 {
					require.LessOrEqual(t, took, c.within)
				} else {
					require.Equal(t, time.Minute, time.Since(start))
				}
			})
		})
	}
}

// TestOneDocumentForAll has a hundred wait at a time, for different things.
func TestOneDocumentForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newControl("a", "b")
		w := NewWatcher(c)
		defer w.Close()
		const all = 100
		c.every(func(f *fake) { f.delay = time.Millisecond })
		start := time.Now()
		var wg sync.WaitGroup
		ends := make([]time.Duration, all)
		for i := range all {
			wg.Go(func() {
				id := fmt.Sprint("cluster-", i)
				held, err := w.Hold(t.Context(), id)
				require.NoError(t, err)
				views, err := w.Await(t.Context(), Want{Cluster: id, Status: Synced, Since: time.Now(), Held: held}, nil)
				require.NoError(t, err)
				require.Equal(t, "a synced, b synced", look(views))
				ends[i] = time.Since(start)
			})
		}
		for i := range all { // a tenth each second
			if i%10 == 0 {
				time.Sleep(time.Second)
			}
			c.every(func(f *fake) { f.status[fmt.Sprint("cluster-", i)] = Synced })
		}
		wg.Wait()
		for i, end := range ends {
			require.LessOrEqual(t, end, time.Duration(i/10+2)*time.Second)
		}
		for _, name := range []string{"a", "b"} {
			f := c.get(name)
			require.Less(t, f.asked("/debug/clusterz"), 260, "at 20 ms it would be 500, and 100 times that for each on its own")
			require.Less(t, f.asked(shardz), 15)
			for i, at := range f.starts[1:] {
				require.GreaterOrEqual(t, at.Sub(f.starts[i]), firstTick, "a tick is one document")
			}
		}
		require.LessOrEqual(t, c.listed(), 22, "every 5 s, and once for each tenth")
	})
}

// TestTicks are quick after a change, slow without one, and none while nobody waits.
func TestTicks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newControl("a")
		w := NewWatcher(c)
		defer w.Close()
		start := time.Now()
		c.get("a").change(func(f *fake) {
			f.during = func(string) {
				if time.Since(start) >= 10*time.Second {
					f.change(func(f *fake) { f.status["west"] = Syncing })
				}
			}
		})
		ctx, cancel := context.WithTimeout(t.Context(), 12*time.Second)
		defer cancel()
		var told []Status
		views, err := w.Await(ctx, Want{Cluster: "west", Status: Synced}, func(v View) { told = append(told, v.Status) })
		require.NoError(t, err)
		require.Equal(t, "a syncing", look(views))
		require.Equal(t, []Status{NotSeen, Syncing}, told)
		time.Sleep(time.Hour)
		var pauses []time.Duration
		starts := c.get("a").starts
		for i, at := range starts[1:] {
			pauses = append(pauses, at.Sub(starts[i]))
		}
		quiet := time.Duration(0) // when the request before the pause started
		for i, pause := range pauses {
			require.Equal(t, min(max(quiet/8, firstTick), lastTick), pause, "%d of %v", i, pauses)
			if quiet += pause; starts[i+1].Sub(start) >= 10*time.Second && starts[i].Sub(start) < 10*time.Second {
				quiet = 0 // this one brings news
			}
		}
		require.Contains(t, pauses, lastTick)
		require.Equal(t, 3, c.listed(), "at once, after 5 s, after 10 s")
	})
}
