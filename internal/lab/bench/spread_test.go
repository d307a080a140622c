//go:build linux

package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSpread(t *testing.T) {
	require.Equal(t, spread{2, 3, 4}, series{5, 1, 4, 2, 3}.spread())
	require.Equal(t, spread{1.75, 2.5, 3.25}, series{4, 1, 3, 2}.spread())
	require.Equal(t, spread{7, 7, 7}, series{7}.spread())
}

func TestRatioIsOfTheSameRound(t *testing.T) {
	require.Equal(t, series{2, 2, 2}, series{2, 20, 200}.over(series{1, 10, 100}))
}

func TestText(t *testing.T) {
	for want, tt := range map[string]struct {
		spread spread
		show   func(float64) (string, string)
	}{
		"312 ms (300–330)":   {spread{0.3, 0.312, 0.33}, seconds},
		"1.0 s (950 ms–1.2)": {spread{0.95, 1, 1.2}, seconds},
		"42 µs (40–50)":      {spread{40e-6, 42e-6, 50e-6}, seconds},
		"1.5 × (0.92–2.0)":   {spread{0.921, 1.5, 2}, times},
		"1.0 × (1.0–10)":     {spread{0.996, 1.04, 9.96}, times},
		"184 kB (182–190)":   {spread{182000, 184000, 190000}, kilobytes},
		"61 s (60–63)":       {spread{60, 61, 63}, seconds},
		"990 ms (980–1.0 s)": {spread{0.98, 0.99, 1}, seconds},
	} {
		require.Equal(t, want, tt.spread.text(tt.show))
	}
}
