package istiod

import (
	"context"
	"fmt"
	"time"
)

// Want is what a caller waits for: that every replica says Status of a cluster.
type Want struct {
	Cluster string // the ID that istiod uses
	Secret  string // namespace/name of the remote secret; "" is any
	Status  Status // Synced or NotSeen
	// Since makes a view count only if its request did not start before: the time of the change, plus what istiod needs to
	// notice it. The zero time lets any count.
	Since time.Time
	// Held is what each replica, by name, held before the change, as Watcher.Hold tells. A replica that is synced and lacks
	// some of it is Degraded. One that is not in it is not compared. It is read until the call returns.
	Held map[string]*Holding
	// Gone, if set, is asked about what a replica has lost, and returns that part which still exists in the cluster (nil: none
	// does), and so should not have been lost. It is called by Await and Look on the caller's goroutine.
	Gone func(ctx context.Context, lost *Holding) (*Holding, error)
}

// View is what one replica said. The texts in it are istiod's.
type View struct {
	Replica string
	Version string
	Status  Status   // "" if there is an Err
	Lost    *Holding // what it had before, if that still exists or could not be looked up
	// Err says why the replica could not be asked, or why what it lost could not be looked up. Its view is then unknown,
	// neither good nor bad.
	Err  error
	Took time.Duration // of the request
}

// Is says whether the replica was asked and said s.
func (v View) Is(s Status) bool { return v.Err == nil && v.Status == s }

// errNotSeenYet is the view of a replica that has not answered within the time that there was.
var errNotSeenYet = fmt.Errorf("%w: no answer in the time that there was", ErrNotReady)

// sight is what a poll brought for a waiter, before Gone is asked.
type sight struct {
	status Status
	lost   *Holding
	err    error
	took   time.Duration
}

// same leaves out the words of an error: a number in them that is new each time is no news.
func (s sight) same(o sight) bool {
	return s.status == o.status && s.lost.equal(o.lost) && (s.err == nil) == (o.err == nil)
}

// view judges a sight. What is lost and gone was not the replica's to keep.
func (w *Want) view(ctx context.Context, r Replica, s sight) View {
	v := View{Replica: r.Name, Version: r.Version, Status: s.status, Err: s.err, Took: s.took}
	switch {
	case s.err != nil:
		v.Status = ""
		return v
	case s.lost == nil:
		return v
	}
	v.Status, v.Lost = Degraded, s.lost
	if w.Gone == nil {
		return v
	}
	still, err := w.Gone(ctx, s.lost)
	switch {
	case err != nil:
		v.Err = fmt.Errorf("what %s has lost could not be looked up: %w", r.Name, err)
		v.Status = ""
	case still.empty():
		v.Status, v.Lost = s.status, nil
	default:
		v.Lost = still
	}
	return v
}

func (v View) same(o View) bool {
	return v.Status == o.Status && v.Lost.equal(o.Lost) && (v.Err == nil) == (o.Err == nil)
}
