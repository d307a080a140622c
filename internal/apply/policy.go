package apply

import (
	"cmp"
	"context"
	"hash/fnv"
	"strconv"
	"time"
)

// Policy bounds the tries of a call that fails for a transient reason. The zero Policy makes up to 5 tries with pauses of
// 3 seconds in all, and more if the server asks for it.
type Policy struct {
	Attempts int           // tries in all; 0 is 5, 1 never tries again
	First    time.Duration // pause after the first try, doubled after each; 0 is 200 ms
	Max      time.Duration // longest pause that the server did not ask for; 0 is 1.6 s
	Within   time.Duration // no try starts later than this after the first; 0 is 20 s
}

// maxRetryAfter caps what a server may ask for. Kubernetes' own asks for 1 to 5 seconds.
const maxRetryAfter = 10 * time.Second

func (p Policy) defaults() Policy {
	return Policy{
		Attempts: cmp.Or(p.Attempts, 5), First: cmp.Or(p.First, 200*time.Millisecond),
		Max: cmp.Or(p.Max, 1600*time.Millisecond), Within: cmp.Or(p.Within, 20*time.Second),
	}
}

// Again calls try until it succeeds, fails for good, or policy ends; it returns the last error. It is for calls that store
// nothing. Pauses differ by key, such as the name of an object, so that calls which failed together do not come back together.
func Again(ctx context.Context, policy Policy, key string, try func() error) error {
	turn := policy.start(key)
	for {
		err := try()
		if err == nil || !turn.next(ctx, err) {
			return err
		}
	}
}

// turns counts the tries of one call.
type turns struct {
	Policy
	key     string
	started time.Time
	tries   int
}

func (p Policy) start(key string) *turns {
	return &turns{Policy: p.defaults(), key: key, started: time.Now()}
}

// next pauses after a failure and says whether another try is due.
func (t *turns) next(ctx context.Context, err error) bool {
	asked, ok := Transient(err)
	return ok && t.again(ctx, asked)
}

// again pauses, for as long as the server asked at least, and says whether another try is due.
func (t *turns) again(ctx context.Context, asked time.Duration) bool {
	t.tries++
	if ctx.Err() != nil || t.tries >= t.Attempts {
		return false
	}
	pause := max(t.pause(), min(asked, maxRetryAfter))
	wake := time.Now().Add(pause)
	if end, limited := ctx.Deadline(); wake.Sub(t.started) > t.Within || limited && wake.After(end) {
		return false // the failure says more than the deadline would
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// pause is between half and all of the doubled pause, by the key and not by chance: tests are repeatable.
func (t *turns) pause() time.Duration {
	whole := t.First
	for i := 1; i < t.tries && whole < t.Max; i++ {
		whole *= 2
	}
	whole = min(whole, t.Max)
	h := fnv.New32a()
	_, _ = h.Write([]byte(t.key + strconv.Itoa(t.tries)))
	return whole/2 + whole/2*time.Duration(h.Sum32()%1000)/1000
}
