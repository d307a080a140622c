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
	down   bool
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

// Stop ends the process of the API server: every call finds its connection refused at once, until Heal. What istiods know they
// know still.
//
//	west.Stop()
//	time.AfterFunc(2*time.Minute, west.Heal)
func (s *Server) Stop() {
	s.outage.mu.Lock()
	defer s.outage.mu.Unlock()
	s.outage.down = true
}

// Slow gives every call from now on a delay before it takes effect; 0 ends that. A call whose context ends meanwhile did not
// take effect. Under testing/synctest it costs no time.
func (s *Server) Slow(delay time.Duration) {
	s.outage.mu.Lock()
	defer s.outage.mu.Unlock()
	s.outage.delay = delay
}

// Heal ends a Partition or Stop, and all faults that were injected. Slow and the hooks stay.
func (s *Server) Heal() {
	s.outage.mu.Lock()
	s.outage.down = false
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
	if err := ctx.Err(); err != nil {
		return err
	}
	o.mu.Lock()
	delay, healed, down := o.delay+extra, o.healed, o.down
	o.mu.Unlock()
	if down {
		return errRefused
	}
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
