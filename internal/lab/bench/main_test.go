//go:build linux

package main

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestChoose(t *testing.T) {
	all, err := choose(nil)
	require.NoError(t, err)
	require.Len(t, all, len(measures))
	some, err := choose([]string{"link", "memory"})
	require.NoError(t, err)
	require.Len(t, some, 2)
	require.Equal(t, "memory", some[0].name, "in the order of the page")
	_, err = choose([]string{"memory", "speed"})
	require.ErrorContains(t, err, `"speed"`)
}

func TestNumbers(t *testing.T) {
	got, err := numbers("40, 5,40")
	require.NoError(t, err)
	require.Equal(t, []int{5, 40}, got)
	for _, bad := range []string{"", "1", "5,", "ten", "-3"} {
		_, err := numbers(bad)
		require.ErrorContains(t, err, "-clusters", bad)
	}
}

// TestTurns: everybody follows each of the others about as often, and the first round does not count.
func TestTurns(t *testing.T) {
	var order string
	turn := func(name string) contender {
		n := 0.0
		return contender{name, func(context.Context) ([]float64, error) {
			order += name
			n++
			return []float64{n, -n}, nil
		}}
	}
	b := &bench{progress: io.Discard}
	got, err := turns(t.Context(), b, pace{min: 2, max: 3, budget: time.Hour}, turn("a"), turn("b"))
	require.NoError(t, err)
	require.Len(t, order, 8)
	require.Equal(t, []series{{2, 3, 4}, {-2, -3, -4}}, got[0])
	require.Equal(t, got[0], got[1])

	order = ""
	_, err = turns(t.Context(), b, pace{min: 200, max: 200}, turn("a"), turn("b"), turn("c"))
	require.NoError(t, err)
	for _, pair := range []string{"ab", "ba", "ac", "ca", "bc", "cb"} {
		require.InDelta(t, 100, strings.Count(order, pair), 30, pair)
	}

	got, err = turns(t.Context(), b, pace{min: 2, max: 9}, turn("a"))
	require.NoError(t, err)
	require.Len(t, got[0][0], 2, "no round more than the fewest without a budget")

	broken := errors.New("broken")
	_, err = turns(t.Context(), b, pace{min: 1, max: 1}, contender{"c", func(context.Context) ([]float64, error) { return nil, broken }})
	require.ErrorIs(t, err, broken)
	require.ErrorContains(t, err, "c: ")
}
