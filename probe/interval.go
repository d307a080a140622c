package probe

import "math"

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
