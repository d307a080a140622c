package probe

import (
	"context"
	"errors"
	"time"
)

// Sampling asks until shares are known well enough. The zero value is ready to use.
type Sampling struct {
	Max        int           // how often to ask at most; 0 means 400
	Width      float64       // stop when no interval is wider; 0 means 0.25
	Confidence float64       // of the intervals; 0 means 0.99
	Every      time.Duration // pause between two questions; 0 means none
	Clusters   []string      // those that may answer: one that never does is then counted with 0
}

// errNoAnswers ends sampling where nothing answers.
var errNoAnswers = errors.New("probe: the first 10 requests had no good answer")

// Sample asks and counts. It returns what it has, and an error if ctx ended first or nothing answers at all; single
// failures are counted in [Split.Failed]. A Width of less than about 0.05 takes thousands of answers.
func (s Sampling) Sample(ctx context.Context, asker Asker) (Split, error) {
	split := Split{Answers: map[string]int{}, Confidence: s.Confidence}
	for _, cluster := range s.Clusters {
		split.Answers[cluster] = 0
	}
	limit, width := s.Max, s.Width
	if limit <= 0 {
		limit = 400
	}
	if width <= 0 {
		width = 0.25
	}
	var last error
	for asked := range limit {
		if asked > 0 && s.Every > 0 && sleep(ctx, s.Every) != nil {
			break
		}
		if ctx.Err() != nil {
			break
		}
		answer, err := asker.Ask(ctx)
		if err != nil && ctx.Err() != nil {
			break // the caller's time, not the answerer's
		}
		if err != nil {
			split.Failed++
			last = err
		} else {
			split.Add(answer)
		}
		if split.Failed == 10 && split.Total() == 0 {
			return split, errors.Join(errNoAnswers, last)
		}
		if split.within(width) {
			return split, nil
		}
	}
	return split, context.Cause(ctx)
}

func (s Split) within(width float64) bool {
	shares := s.Shares()
	for _, share := range shares {
		if share.High-share.Low > width {
			return false
		}
	}
	return len(shares) > 0
}
