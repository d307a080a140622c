package probe

import (
	"context"
	"fmt"
	"time"
)

// Retry is p, repeated until it is Passed, Warned or Skipped, or until the time of poll is over. The Result is that of the
// last try that ended by itself, so that "deadline exceeded" does not replace a diagnosis; Took is the whole time.
func Retry(p Prober, poll Poll) Prober { return retry{p, poll} }

type retry struct {
	prober Prober
	poll   Poll
}

func (r retry) Probe(ctx context.Context) Result {
	start := time.Now()
	if missing(r.prober) {
		return guarded(ctx, "", r.prober) // waiting makes no prober
	}
	var last Result
	tries := 0
	err := r.poll.until(ctx, func(ctx context.Context) bool {
		got := guarded(ctx, "", r.prober)
		tries++
		if tries == 1 || ctx.Err() == nil || got.Status.Holds() {
			last = got
		}
		return last.Status.Holds()
	})
	last.Took = time.Since(start)
	if tries > 1 {
		last.Summary += fmt.Sprintf(" (after %d tries)", tries)
	}
	if err != nil && last.Err == nil {
		last.Err = err
	}
	return last.Clean()
}

// Poll says how to wait for something: look, pause, look again, each pause twice the one before. The zero value is ready
// to use.
type Poll struct {
	Every   time.Duration // the first pause; 0 means 250 ms
	Max     time.Duration // the longest pause; 0 means 5 s
	Timeout time.Duration // when to give up; 0 means 30 s, negative only when ctx ends
}

func (p Poll) filled() Poll {
	if p.Every <= 0 {
		p.Every = 250 * time.Millisecond
	}
	if p.Max <= 0 {
		p.Max = 5 * time.Second
	}
	p.Max = max(p.Max, p.Every)
	if p.Timeout == 0 {
		p.Timeout = 30 * time.Second
	}
	return p
}

// until looks until the look says done, and returns the end of ctx or of the time allowed if it never does.
func (p Poll) until(ctx context.Context, look func(context.Context) (done bool)) error {
	p = p.filled()
	if p.Timeout > 0 {
		limited, cancel := context.WithTimeout(ctx, p.Timeout)
		defer cancel()
		ctx = limited
	}
	for pause := p.Every; ; pause = min(2*pause, p.Max) {
		if look(ctx) {
			return nil
		}
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// sleep pauses for d, or less if ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return ctx.Err()
	}
}
