package peeringtest

import (
	"context"
	"net"
	"os"
	"sync"
	"time"
)

// patience is how long a request to a server that does not answer is tried: the limit of a call over a real connection.
const patience = 30 * time.Second

// outage is how a server is reached: at once, slowly, or not at all.
type outage struct {
	mu     sync.Mutex
	delay  time.Duration
	healed chan struct{} // nil: it is reached
}

// Partition cuts the server off, for the program under test: no call answers, until the caller's context ends, 30 seconds
// have passed (then with the error of a dial that timed out), or Heal. What istiods and token controllers do goes on.
func (s *Server) Partition() {
	s.outage.mu.Lock()
	defer s.outage.mu.Unlock()
	if s.outage.healed == nil {
		s.outage.healed = make(chan struct{})
	}
}

// Slow gives every call from now on a delay before it takes effect; 0 ends that. A call whose context ends meanwhile did not
// take effect. Under testing/synctest it costs no time.
func (s *Server) Slow(delay time.Duration) {
	s.outage.mu.Lock()
	defer s.outage.mu.Unlock()
	s.outage.delay = delay
}

// Heal ends a Partition, and all faults that were injected. Slow and the hooks stay.
func (s *Server) Heal() {
	s.outage.mu.Lock()
	if s.outage.healed != nil {
		close(s.outage.healed)
		s.outage.healed = nil
	}
	s.outage.mu.Unlock()
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.all = nil
}

// pass is the way of a call to the server.
func (o *outage) pass(ctx context.Context, extra time.Duration) error {
	o.mu.Lock()
	delay, healed := o.delay+extra, o.healed
	o.mu.Unlock()
	if healed != nil {
		limit := time.NewTimer(patience)
		defer limit.Stop()
		select {
		case <-healed:
		case <-ctx.Done():
			return ctx.Err()
		case <-limit.C:
			return &net.OpError{Op: "dial", Net: "tcp", Err: os.ErrDeadlineExceeded}
		}
	}
	if delay <= 0 {
		return nil
	}
	wait := time.NewTimer(delay)
	defer wait.Stop()
	select {
	case <-wait.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
