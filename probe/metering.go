package probe

import (
	"context"
	"fmt"
	"sync"
	"time"
)

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
		m.out.LastError = err.Error()
		m.failed = true
		return
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
