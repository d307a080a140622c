package fence

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meshpeer/meshpeer/examples/controller/mesh"
	"github.com/meshpeer/meshpeer/peering"
)

// Options of New. The zero value is what a controller wants.
type Options struct {
	// Duration is how long a record that nobody renews keeps others out. Default 90 s.
	Duration time.Duration
	// Margin is how long before that the holder's context ends. It has to be longer than what goes on after the end of a
	// context: 30 s of undoing and a last look of 10 s in package peering. Default half of Duration.
	Margin time.Duration
}

// Fences are Leases of one namespace, one for each cluster that is read. They are a mesh.Fence, safe for concurrent use.
type Fences struct {
	client    client.Client
	namespace string
	identity  string
	o         Options

	mu   sync.Mutex
	held map[peering.ID]bool   // by this process
	seen map[peering.ID]record // held by others, as last seen
}

// record is a Lease of somebody else.
type record struct {
	version string // resourceVersion
	since   time.Time
}

// New makes fences in a namespace, best the controller's own. The reads of c must not come from a cache. A process that was
// started again is another one: its identity has something random in it.
func New(c client.Client, namespace, identity string, o Options) *Fences {
	o.Duration = cmp.Or(o.Duration, 90*time.Second)
	o.Margin = cmp.Or(o.Margin, o.Duration/2)
	return &Fences{
		client: c, namespace: namespace, identity: identity, o: o,
		held: map[peering.ID]bool{}, seen: map[peering.ID]record{},
	}
}

// HeldError says that somebody else works on a cluster. It is a mesh.ErrHeld.
type HeldError struct {
	To     peering.ID
	Holder string
	// RetryAfter is when the fence can be taken over if its holder does not renew it meanwhile.
	RetryAfter time.Duration
}

func (e *HeldError) Error() string {
	return fmt.Sprintf("%s is worked on by %s: it is free when they are done, or %s after their last sign of life",
		e.To, e.Holder, e.RetryAfter.Round(time.Second))
}

// Is makes the error a mesh.ErrHeld.
func (e *HeldError) Is(target error) bool { return target == mesh.ErrHeld }

// ErrLost is the cause of the end of a holder's context when its Lease was not renewed in time, or is somebody else's.
var ErrLost = errors.New("the fence was lost")

// Hold takes the fence of a cluster, without waiting. The error is a *HeldError if somebody else has it, another goroutine of
// this process included. The context that it returns ends with ctx, at the release, and with ErrLost as its cause Margin before
// somebody else may take over. The caller releases when nothing of its work goes on any more, and may do so twice.
func (f *Fences) Hold(ctx context.Context, to peering.ID) (context.Context, func(), error) {
	if !f.claim(to) {
		return nil, nil, &HeldError{To: to, Holder: f.identity + " itself", RetryAfter: time.Second}
	}
	sent := time.Now()
	lease, err := f.take(ctx, to)
	if err != nil {
		f.unclaim(to)
		return nil, nil, err
	}
	h := f.hold(ctx, to, lease, sent)
	return h.ctx, h.release, nil
}

func (f *Fences) claim(to peering.ID) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.held[to] {
		return false
	}
	f.held[to] = true
	return true
}

func (f *Fences) unclaim(to peering.ID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.held, to)
}
