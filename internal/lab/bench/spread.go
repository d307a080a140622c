//go:build linux

package main

import (
	"fmt"
	"slices"
	"strconv"
	"time"
)

// series are the values of one thing, one a round.
type series []float64

// spread is the median of a series with its quartiles, which say more than a mean where another program may take the
// processor at any moment.
type spread struct{ low, median, high float64 }

func (s series) spread() spread {
	sorted := slices.Sorted(slices.Values(s))
	return spread{quantile(sorted, 0.25), quantile(sorted, 0.5), quantile(sorted, 0.75)}
}

// quantile is type 7 of Hyndman and Fan, as R, NumPy and spreadsheets have it. (gonum/stat has none whose median of an odd
// number of values is the middle one and of an even number lies between two.)
func quantile(sorted series, p float64) float64 {
	at := p * float64(len(sorted)-1)
	below := int(at)
	above := min(below+1, len(sorted)-1)
	return sorted[below] + (at-float64(below))*(sorted[above]-sorted[below])
}

// over is the ratio to another series, round by round: both ran next to each other, so that a slow moment of the machine
// is in both.
func (s series) over(base series) series {
	ratios := make(series, len(s))
	for i := range s {
		ratios[i] = s[i] / base[i]
	}
	return ratios
}

// text is "312 ms (300–330)", in the unit that show writes.
func (s spread) text(show func(float64) (string, string)) string {
	median, unit := show(s.median)
	low, lowUnit := show(s.low)
	high, highUnit := show(s.high)
	if lowUnit != unit {
		low += " " + lowUnit
	}
	if highUnit != unit {
		high += " " + highUnit
	}
	if unit != "" {
		unit = " " + unit
	}
	return fmt.Sprintf("%s%s (%s–%s)", median, unit, low, high)
}

// seconds, kilobytes and times write a number and its unit.
func seconds(s float64) (string, string) {
	switch {
	case s < 1e-3:
		return digits(s * 1e6), "µs"
	case s < 1:
		return digits(s * 1e3), "ms"
	}
	return digits(s), "s"
}

func kilobytes(b float64) (string, string) { return digits(b / 1000), "kB" }

func times(r float64) (string, string) { return digits(r), "×" }

// digits are two of a number below one, one after the point below ten, and none above.
func digits(f float64) string {
	switch {
	case f < 0.995:
		return strconv.FormatFloat(f, 'f', 2, 64)
	case f < 9.95:
		return strconv.FormatFloat(f, 'f', 1, 64)
	}
	return strconv.FormatFloat(f, 'f', 0, 64)
}

func since(start time.Time) float64 { return time.Since(start).Seconds() }
