package probe

import (
	"context"
	"fmt"
	"net"
	"time"
)

// Dialer is the method of [*net.Dialer] that connects. A dialer of a tunnel or a network namespace fits as well.
type Dialer interface {
	DialContext(ctx context.Context, network, address string) (net.Conn, error)
}

// TCP checks that a connection can be opened: check "tcp". That says nothing about who listens.
type TCP struct {
	Address string        // host:port
	Dialer  Dialer        // nil: a plain net.Dialer
	Timeout time.Duration // 0 means 10 s
}

// Probe implements [Prober].
func (t TCP) Probe(ctx context.Context) Result {
	start := time.Now()
	ctx, cancel := limited(ctx, t.Timeout)
	defer cancel()
	conn, err := dial(ctx, t.Dialer, t.Address)
	if err != nil {
		return failed("tcp", t.Address, start, Sighting{Err: err})
	}
	defer conn.Close()
	return Result{
		Check: "tcp", Target: t.Address, Status: Passed, Took: time.Since(start),
		Summary: fmt.Sprintf("%s accepts connections", t.Address),
	}
}

func dial(ctx context.Context, d Dialer, address string) (net.Conn, error) {
	if d == nil {
		d = &net.Dialer{}
	}
	return d.DialContext(ctx, "tcp", address)
}

func limited(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	if timeout <= 0 {
		timeout = requestTimeout
	}
	return context.WithTimeout(ctx, timeout)
}
