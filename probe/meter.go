package probe

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Meter says how a client feels an operation: it asks at a bounded rate before, during and after. The zero value is ready
// to use.
type Meter struct {
	Every   time.Duration // from one question to the next, if the answer has come by then; 0 means 200 ms
	Each    time.Duration // limit of one question; 0 means 5 s
	Max     int           // how many questions at most; 0 means 10,000
	Settle  time.Duration // how long to wait for a good answer before the operation, and for one after it; 0 means 30 s
	After   time.Duration // how long to ask on at least when the operation has ended; 0 means 2 s
	Timeout time.Duration // limit of the whole; 0 means 15 minutes
}

// Outage is what a [Meter] measured.
type Outage struct {
	Longest    time.Duration  `json:"longestNanoseconds"` // longest time without a good answer in which there was a bad one
	At         time.Duration  `json:"atNanoseconds"`      // when that began, counted from the operation's start; may be negative
	Open       bool           `json:"open,omitempty"`     // it had not ended when measuring did: it may be longer
	Requests   int            `json:"requests"`
	Failures   int            `json:"failures"`
	Answers    map[string]int `json:"answers,omitempty"` // good answers by cluster, "" for unattributed
	Resolution time.Duration  `json:"resolutionNanoseconds"`
	Cut        bool           `json:"cut,omitempty"` // Max or Timeout was reached before the end: the rest was not seen
	LastError  string         `json:"lastError,omitempty"`
}

// Measure asks until there is a good answer, runs the operation, and goes on asking for After and until there is a good
// answer again.
// The error is that of the operation, or says that there was no good answer to begin with, in which case the operation
// was not run. Operation and asker run at the same time; the asker is asked by one goroutine only.
func (m Meter) Measure(ctx context.Context, asker Asker, operation func(ctx context.Context) error) (Outage, error) {
	if missing(asker) {
		return Outage{}, fieldNotSet("asker", "give an Asker, such as a Who")
	}
	if operation == nil {
		return Outage{}, fieldNotSet("operation", "give the operation to measure")
	}
	m = m.filled()
	limited, cancel := context.WithTimeout(ctx, m.Timeout)
	defer cancel()
	run := &metering{
		Meter: m, asker: asker, out: Outage{Answers: map[string]int{}, Resolution: m.Every},
		good: make(chan struct{}, 1), done: make(chan struct{}),
	}
	go run.ask(limited)
	if !run.settled(ctx) {
		out := run.stop(cancel)
		return out, fmt.Errorf("probe: there was no good answer before the operation, which was not run; last error: %s", out.LastError)
	}
	run.started(time.Now())
	err := run.operate(ctx, operation, cancel)
	_ = sleep(limited, m.After)
	run.settled(ctx)
	return run.stop(cancel), err
}

func (m Meter) filled() Meter {
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&m.Every, 200 * time.Millisecond},
		{&m.Each, 5 * time.Second},
		{&m.Settle, 30 * time.Second},
		{&m.After, 2 * time.Second},
		{&m.Timeout, 15 * time.Minute},
	} {
		if *d.field <= 0 {
			*d.field = d.value
		}
	}
	if m.Max <= 0 {
		m.Max = 10_000
	}
	return m
}

// String is one line.
func (o Outage) String() string {
	text := fmt.Sprintf("%d of %d requests failed", o.Failures, o.Requests)
	if o.Longest > 0 {
		more := ""
		if o.Open {
			more = " or more"
		}
		text += fmt.Sprintf(", longest outage %s%s (within %s)", o.Longest.Round(time.Millisecond), more, o.Resolution)
	}
	if o.Cut {
		text += ", measured in part only"
	}
	return text
}

// metering is a Meter at work.
type metering struct {
	Meter
	asker Asker
	good  chan struct{} // a good answer to a question asked after the last drain
	done  chan struct{} // the asking has ended

	mu       sync.Mutex
	stopped  bool // the asking was told to end
	out      Outage
	began    time.Time // of the operation; zero before it
	since    time.Time // when the last question was asked that had a good answer
	failed   bool      // there was a bad answer since
	longest  time.Time // when the longest outage began
	watching time.Time // only answers to questions asked after this are good news
}

// ask asks until it is told to stop.
func (m *metering) ask(ctx context.Context) {
	defer close(m.done)
	ticker := time.NewTicker(m.Every)
	defer ticker.Stop()
	for n := 0; n < m.Max && ctx.Err() == nil; n++ {
		asked := time.Now()
		answer, err := m.question(ctx)
		if ctx.Err() != nil {
			break // cut off: neither good nor bad
		}
		m.count(asked, answer, err)
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.out.Cut = !m.stopped
}

// question asks once. A panic counts as a failure: it must not end the program while the operation is under way.
func (m *metering) question(ctx context.Context) (answer Attribution, err error) {
	ctx, cancel := context.WithTimeout(ctx, m.Each)
	defer cancel()
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("probe: %T panicked with a %T", m.asker, v)
		}
	}()
	return m.asker.Ask(ctx)
}

func (m *metering) count(asked time.Time, answer Attribution, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.out.Requests++
	if m.since.IsZero() {
		m.since = asked
	}
	if err != nil {
		m.out.Failures++
		m.out.LastError = line(err.Error())
		m.failed = true
		return
	}
	if !named(answer.Cluster) {
		answer.Cluster = ""
	}
	m.out.Answers[answer.Cluster]++
	m.gap(time.Now())
	m.since, m.failed = time.Now(), false
	if !asked.Before(m.watching) {
		select {
		case m.good <- struct{}{}:
		default:
		}
	}
}

// gap takes the time since the last good answer for an outage, if anything failed in it.
func (m *metering) gap(now time.Time) {
	if m.failed && now.Sub(m.since) > m.out.Longest {
		m.out.Longest, m.longest = now.Sub(m.since), m.since
	}
}

func (m *metering) started(at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.began = at
}

// settled waits for a good answer to a question asked from now on.
func (m *metering) settled(ctx context.Context) bool {
	m.mu.Lock()
	m.watching = time.Now()
	select {
	case <-m.good:
	default:
	}
	m.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, m.Settle)
	defer cancel()
	select {
	case <-m.good:
		return true
	case <-m.done:
	case <-ctx.Done():
	}
	return false
}

// operate runs the operation; should it panic, the asking ends first.
func (m *metering) operate(ctx context.Context, operation func(context.Context) error, cancel func()) error {
	ended := false
	defer func() {
		if !ended {
			m.stop(cancel)
		}
	}()
	err := operation(ctx)
	ended = true
	return err
}

// stop ends the asking and says what came out.
func (m *metering) stop(cancel func()) Outage {
	m.mu.Lock()
	m.stopped = true
	m.mu.Unlock()
	cancel()
	<-m.done
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failed {
		before := m.out.Longest
		m.gap(time.Now())
		m.out.Open = m.out.Longest > before
	}
	if m.out.Longest > 0 && !m.began.IsZero() {
		m.out.At = m.longest.Sub(m.began)
	}
	return m.out
}
