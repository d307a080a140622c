package probe

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/meshpeer/meshpeer/internal/invalid"
)

// Expect says how the counts compare with the endpoints that each cluster has: check "split". Endpoints get equal shares,
// so a cluster's is by their number, a gateway counting as the endpoints behind it (istio/istio
// pilot/pkg/xds/endpoints/ep_filters.go). Locality, subsets and weights change that, so a share that does not fit is
// Warned, not Failed. Unattributed answers may be anybody's. A share fits only if it does so whoever gave them, and it
// does not fit only if it does not whoever gave them. Otherwise it is Unknown, and so it is if the answers are too few to
// tell or no endpoints are given.
func (s Split) Expect(endpoints map[string]int) Result {
	return examine("split", "", func() Result {
		r := Result{Status: Passed, Summary: s.String()}
		if s.Total() == 0 {
			r.Status, r.Hint = Unknown, "ask until there are answers"
			return r
		}
		expected := ExpectedShares(endpoints)
		if len(expected) == 0 {
			r.Status, r.Hint = Unknown, "name the endpoints that each cluster has: without any there is nothing to compare with"
			return r
		}
		seen := Split{Answers: maps.Clone(s.Answers), Unattributed: s.Unattributed, Confidence: s.Confidence}
		for cluster := range expected {
			if _, known := seen.Answers[cluster]; !known {
				seen.Answers = with(seen.Answers, cluster)
			}
		}
		var odd, open []string
		total := seen.Total()
		for _, cluster := range slices.Sorted(maps.Keys(seen.Answers)) {
			name, hits, want := brief(cluster, 63), seen.Answers[cluster], expected[cluster]
			least, most := seen.bounds(hits, total)
			mostIfOthers := seen.high(hits, total)             // all unattributed answers are others'
			leastIfOwn := seen.low(hits+s.Unattributed, total) // all of them are its own
			switch {
			case want < least || want > most:
				odd = append(odd, fmt.Sprintf("by endpoints %s would have %.3g %%", name, 100*want))
			case hits == 0 && want > 0:
				open = append(open, fmt.Sprintf("%s %s: with its share of %.3g %% that happens by chance in %.2g %% of runs",
					name, silence(total, s.Unattributed), 100*want, 100*Unseen(want, total-s.Unattributed)))
			case want > mostIfOthers || want < leastIfOwn:
				open = append(open, fmt.Sprintf("whether %s has its %.3g %% depends on who gave the unattributed answers", name, 100*want))
			}
		}
		switch {
		case len(odd) > 0:
			r.Status, r.Hint = Warned, "see whether locality, a subset of a DestinationRule or weights of a VirtualService send traffic elsewhere"
			r.Summary = strings.Join(odd, "; ") + "; " + r.Summary
		case len(open) > 0 && s.Unattributed > 0:
			r.Status, r.Hint = Unknown, "let the app say who it is, and ask more often"
			r.Summary = strings.Join(open, "; ") + "; " + r.Summary
		case len(open) > 0:
			r.Status, r.Hint = Unknown, "ask more often"
			r.Summary = strings.Join(open, "; ") + "; " + r.Summary
		}
		return r
	})
}

func silence(total, unattributed int) string {
	if unattributed == 0 {
		return "did not answer"
	}
	return fmt.Sprintf("gave none of the %d of %d answers that could be attributed", total-unattributed, total)
}

func with(answers map[string]int, cluster string) map[string]int {
	if answers == nil {
		answers = map[string]int{}
	}
	answers[cluster] = 0
	return answers
}

// ExpectedShares are the shares of clusters with the given numbers of ready endpoints, all of equal weight. Without any
// endpoint there are none.
func ExpectedShares(endpoints map[string]int) map[string]float64 {
	total := 0
	for _, n := range endpoints {
		total += max(n, 0)
	}
	shares := map[string]float64{}
	for _, cluster := range slices.Sorted(maps.Keys(endpoints)) {
		if total > 0 {
			shares[cluster] = float64(max(endpoints[cluster], 0)) / float64(total)
		}
	}
	return shares
}

// Unseen is the probability that a cluster with the share gives none of n answers: 0.001 for a half after 10.
func Unseen(share float64, n int) float64 { return math.Pow(1-share, float64(n)) }

// AnswersToTell is how many answers it takes until shares that come out as actual rule out the expected share, at the
// confidence of a [Split]. By chance it may take more: plan for twice as many.
func AnswersToTell(expected, actual, confidence float64) (int, error) {
	for _, field := range []struct {
		name  string
		value float64
	}{{"expected", expected}, {"actual", actual}} {
		if !(field.value >= 0 && field.value <= 1) {
			return 0, invalid.Field(field.name, fmt.Sprint(field.value), "it is not a share", "give a number from 0 to 1")
		}
	}
	if !(confidence > 0 && confidence < 1) {
		return 0, invalid.Field("confidence", fmt.Sprint(confidence), "it is not a confidence", "give a number between 0 and 1, such as 0.99")
	}
	if math.Abs(expected-actual) < 1e-4 {
		return 0, invalid.Field("actual", fmt.Sprint(actual), "it is too close to expected", "give shares that differ by 0.0001 or more")
	}
	tells := func(n int) bool {
		low, high := bounds(actual*float64(n), float64(n), confidence)
		return expected < low || expected > high
	}
	below, enough := 0, 1
	for !tells(enough) {
		below, enough = enough, 2*enough
	}
	for enough-below > 1 {
		if middle := (below + enough) / 2; tells(middle) {
			enough = middle
		} else {
			below = middle
		}
	}
	return enough, nil
}

// percentBelow and percentAbove round outwards: an interval never reads narrower than it is.
func percentBelow(p float64) string { return fmt.Sprintf("%.0f %%", math.Floor(100*p)) }
func percentAbove(p float64) string { return fmt.Sprintf("%.0f %%", math.Ceil(100*p)) }

// interval holds the share behind hits of n answers with at least the confidence, for all n at once: looking after every
// answer and stopping when one likes spoils nothing. It is the set of shares p against which the evidence
//
//	M(p) = ∫ q^hits (1-q)^(n-hits) dq / p^hits (1-p)^(n-hits)
//
// is below 1/(1-confidence). Under the true p, M is a martingale that starts at 1, so it ever gets there with probability
// 1-confidence at most (Ville, Étude critique de la notion de collectif, 1939; the mixture is H. Robbins', Statistical
// methods related to the law of the iterated logarithm, 1970).
func interval(hits, n int, confidence float64) (low, high float64) {
	return bounds(float64(hits), float64(n), confidence)
}

// bounds is interval for hits that need not be whole.
func bounds(hits, n, confidence float64) (low, high float64) {
	limit := -math.Log(1 - confidence)
	mixed := logBeta(1+hits, 1+n-hits)
	inside := func(p float64) bool { return mixed-xlogy(hits, p)-xlogy(n-hits, 1-p) < limit }
	low, high = 0, 1
	if n == 0 {
		return low, high
	}
	if share := hits / n; inside(share) { // always, but for rounding
		if !inside(0) {
			low, _ = bisect(0, share, inside)
		}
		if !inside(1) {
			high, _ = bisect(1, share, inside)
		}
	}
	return low, high
}

// bisect narrows down where inside turns true between out and in, and returns the last point outside and the first inside.
func bisect(out, in float64, inside func(float64) bool) (float64, float64) {
	for range 200 {
		middle := out + (in-out)/2
		if middle == out || middle == in {
			break
		}
		if inside(middle) {
			in = middle
		} else {
			out = middle
		}
	}
	return out, in
}

func logBeta(a, b float64) float64 {
	la, _ := math.Lgamma(a)
	lb, _ := math.Lgamma(b)
	lab, _ := math.Lgamma(a + b)
	return la + lb - lab
}

// xlogy is x·ln y, and 0 for no x, whatever y.
func xlogy(x, y float64) float64 {
	if x == 0 {
		return 0
	}
	return x * math.Log(y)
}
