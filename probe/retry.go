package probe

import (
	"context"
	"fmt"
	"time"
)

// Retry is p, repeated until it is Passed, Warned or Skipped or the time of poll is over. The Result is that of the last
// try that came to its own end, so that a diagnosis is not replaced by "deadline exceeded"; Took is the whole time.
func Retry(p Prober, poll Poll) Prober { return retry{p, poll} }

type retry struct {
	prober Prober
	poll   Poll
}

func (r retry) Probe(ctx context.Context) Result {
	start := time.Now()
	var last Result
	tries := 0
	err := r.poll.until(ctx, func(ctx context.Context) bool {
		got := guarded(ctx, r.prober)
		tries++
		if tries == 1 || ctx.Err() == nil || holds(got.Status) {
			last = got
		}
		return holds(last.Status)
	})
	last.Took = time.Since(start)
	if tries > 1 {
		last.Summary += fmt.Sprintf(" (after %d tries)", tries)
	}
	if err != nil && last.Err == nil {
		last.Err = err
	}
	return last
}
