package probe

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Split counts which cluster answered how often. The zero value is ready to use; it is not safe for several goroutines.
type Split struct {
	Answers      map[string]int `json:"answers"`                // by cluster; name those that may answer with 0
	Unattributed int            `json:"unattributed,omitempty"` // answered by an unknown cluster
	Failed       int            `json:"failed,omitempty"`       // no good answer; no part of the shares
	Confidence   float64        `json:"confidence,omitempty"`   // of the intervals, above 0 and below 1; 0 means 0.99
}

// Share is the share of answers that a cluster gives, as far as the answers tell.
type Share struct {
	Cluster string  `json:"cluster"`
	Answers int     `json:"answers"` // of this cluster
	Of      int     `json:"of"`      // of all
	Low     float64 `json:"low"`     // the true share is at least this
	High    float64 `json:"high"`    // and at most this
}

// Add counts an answer. One of a cluster whose name does not print is unattributed.
func (s *Split) Add(a Attribution) {
	if !named(a.Cluster) {
		s.Unattributed++
		return
	}
	if s.Answers == nil {
		s.Answers = map[string]int{}
	}
	s.Answers[a.Cluster]++
}

// Total is how many answers there were.
func (s Split) Total() int {
	total := s.Unattributed
	for _, n := range s.Answers {
		total += n
	}
	return total
}

// Shares are the clusters' shares, by name. Each single interval holds the true share with the confidence, even if
// sampling was stopped because of what was seen so far. Answers that could not be attributed widen both ends: each could
// be anybody's.
//
// That assumes that answers are independent draws. Envoy's are not quite: its load balancing is a choice of the less busy
// of two by default, and each of its worker threads has its own (Envoy documentation, load balancers). The more evenly it
// spreads the requests, the more the intervals err on the safe side; retries and sticky sessions make them too narrow.
func (s Split) Shares() []Share {
	n := s.Total()
	var shares []Share
	for _, cluster := range slices.Sorted(maps.Keys(s.Answers)) {
		hits := s.Answers[cluster]
		low, high := s.bounds(hits, n)
		shares = append(shares, Share{brief(cluster, 63), hits, n, low, high})
	}
	return shares
}

// bounds of the share of a cluster with so many of n answers: unattributed ones may be its own or others'.
func (s Split) bounds(hits, n int) (low, high float64) {
	return s.low(hits, n), s.high(hits+s.Unattributed, n)
}

func (s Split) low(hits, n int) float64 {
	low, _ := interval(hits, n, s.confidence())
	return low
}

func (s Split) high(hits, n int) float64 {
	_, high := interval(hits, n, s.confidence())
	return high
}

func (s Split) confidence() float64 {
	if s.Confidence <= 0 || s.Confidence >= 1 {
		return 0.99
	}
	return s.Confidence
}

// String is the counts with their intervals and what they rest on, e.g.
//
//	cluster-1 11 of 20 (between 20 % and 87 %), cluster-2 9 of 20 (between 13 % and 80 %); 99 % confidence for each, …
func (s Split) String() string {
	var parts []string
	shares := s.Shares()
	for _, share := range shares[:min(len(shares), 6)] {
		parts = append(parts, share.String())
	}
	if more := len(shares) - len(parts); more > 0 {
		parts = append(parts, fmt.Sprintf("%d more clusters", more))
	}
	if s.Unattributed > 0 {
		parts = append(parts, fmt.Sprintf("%d unattributed", s.Unattributed))
	}
	if s.Failed > 0 {
		parts = append(parts, fmt.Sprintf("%d failed", s.Failed))
	}
	if len(parts) == 0 {
		return "no answers"
	}
	return strings.Join(parts, ", ") + fmt.Sprintf("; %.4g %% confidence for each, whenever sampling stopped, "+
		"if answers were independent draws, which Envoy's are not quite", 100*s.confidence())
}

// String is the count and the interval, rounded outwards to whole percents.
func (s Share) String() string {
	return fmt.Sprintf("%s %d of %d (between %s and %s)", s.Cluster, s.Answers, s.Of, percentBelow(s.Low), percentAbove(s.High))
}

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
	if missing(asker) {
		return split, fieldNotSet("asker", "give an Asker, such as a Who")
	}
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
			return split, both(errNoAnswers, cleanError(last))
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
