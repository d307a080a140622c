package istiod

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// Reader finds the replicas of one control plane. Pods is one.
type Reader interface {
	Replicas(context.Context) ([]Replica, error)
}

const (
	firstTick = 20 * time.Millisecond // the shortest time between two requests of a document to a replica
	lastTick  = time.Second           // the longest, reached after some seconds without news
	relist    = 5 * time.Second       // how old a list of replicas may be
	listLimit = 10 * time.Second      // for one list
	askLimit  = 10 * time.Second      // for one clusterz
	holdLimit = 30 * time.Second      // for one look at what a replica holds
)

// ErrClosed says that the Watcher is closed.
var ErrClosed = errors.New("the watcher of istiods is closed: make another with NewWatcher")

// Watcher watches the replicas of one control plane for all who wait for something of it, and only while somebody does: one
// document for each replica and tick serves them all. Ticks follow each other after 20 ms at first, and then after an eighth of
// the time without news, up to a second. Replicas are listed again every 5 s meanwhile, and sooner when one cannot be asked. A
// replica that hangs or fails holds up none of the others. Safe for concurrent use.
type Watcher struct {
	reader  Reader
	ctx     context.Context // ends at Close
	end     context.CancelFunc
	running sync.WaitGroup

	mu      sync.Mutex
	waiters []*waiter
	work    context.Context // ends with the last waiter; nil while nobody waits
	stop    context.CancelFunc
	roster
}

// NewWatcher starts nothing yet.
func NewWatcher(r Reader) *Watcher {
	ctx, end := context.WithCancel(context.Background())
	return &Watcher{reader: r, ctx: ctx, end: end}
}

// Close ends all calls with ErrClosed, waits for the requests that are under way to notice, and ends the connections that
// were kept.
func (w *Watcher) Close() {
	w.mu.Lock() // nothing starts after this
	w.end()
	w.mu.Unlock()
	w.running.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.replicas {
		r.Close()
	}
}

// waiter is one call.
type waiter struct {
	want   *Want // nil waits for a list of replicas only
	once   bool
	begun  int              // lists that had been started when it came
	sights map[string]sight // the last of each replica
	fresh  map[string]bool  // replicas with a sight that is not judged yet
	views  map[string]View  // what was made of them
	notify chan struct{}
	// changed is the number of lists that had been started when a replica last said something new. Only a later one can tell
	// that these are all replicas.
	changed int
}

func (x *waiter) wake() {
	select {
	case x.notify <- struct{}{}:
	default: // it will look anyway
	}
}

// join starts the work if nobody waited.
func (w *Watcher) join(want *Want, once bool) (*waiter, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ctx.Err() != nil {
		return nil, ErrClosed
	}
	x := &waiter{want: want, once: once, begun: w.started, notify: make(chan struct{}, 1)}
	if want != nil {
		x.sights, x.fresh, x.views = map[string]sight{}, map[string]bool{}, map[string]View{}
	}
	w.waiters = append(w.waiters, x)
	if w.work != nil {
		for _, r := range w.replicas {
			r.wake()
		}
		return x, nil
	}
	w.work, w.stop = context.WithCancel(w.ctx)
	w.due = make(chan struct{}, 1)
	ctx, due := w.work, w.due
	w.running.Go(func() { w.keepListing(ctx, due) })
	for _, r := range w.replicas {
		w.startPoll(r)
	}
	return x, nil
}

// leave ends the work if nobody waits any more.
func (w *Watcher) leave(x *waiter) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiters = slices.DeleteFunc(w.waiters, func(o *waiter) bool { return o == x })
	if len(w.waiters) == 0 {
		w.stop()
		w.work = nil
	}
}
