//go:build linux

package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/internal/golden"
)

// sample is a page with figures that nobody measured.
func sample() page {
	var sizes []meshSize
	for _, n := range []int{10, middle, large} {
		s := meshSize{n: n, verbs: make([]series, memoryValues), loop: make([]series, 2)}
		for round := range 3 {
			at := float64(n*n) * (1 + float64(round)/10)
			for v := range s.verbs {
				s.verbs[v] = append(s.verbs[v], at*[]float64{1e-3, 150e3, 0.2e-3, 90e3, 7e-3, 250e3}[v])
			}
			s.loop[loopTook], s.loop[loopBytes] = append(s.loop[loopTook], at*0.5e-3), append(s.loop[loopBytes], at*50e3)
		}
		sizes = append(sizes, s)
	}
	return page{
		machine: machine{processor: "Abacus", cores: 2, memory: 8 << 30, system: "linux/none, kernel 1", compiler: "go1", load: "0.50"},
		date:    time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		sections: []section{
			timeSection(sizes), bytesSection(sizes),
			{
				title: "A link", text: "By hand.", header: []string{"", "Ensure", "against", "", "ratio"},
				rows: [][]string{compared("stored", "bare calls", series{0.03, 0.04}, series{0.02, 0.02})},
			},
		},
	}
}

func TestPage(t *testing.T) { golden.Equal(t, "page.md", []byte(sample().markdown())) }

func TestPageIsWritten(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, sample().write(dir))
	for _, name := range []string{"benchmarks-time.svg", "benchmarks-memory.svg"} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		wellFormed(t, string(data))
		for _, c := range calls {
			require.Contains(t, string(data), ">"+c.name+"<", "the legend of "+name)
		}
	}
	data, err := os.ReadFile(filepath.Join(dir, "benchmarks.md"))
	require.NoError(t, err)
	require.Equal(t, sample().markdown(), string(data))
}

func wellFormed(t *testing.T, text string) {
	t.Helper()
	for d := xml.NewDecoder(strings.NewReader(text)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			require.NoError(t, err)
		}
	}
}

func TestPromiseThatIsMissed(t *testing.T) {
	p := promise{"fast", 2, spread{1, 2, 3}, times}
	require.Equal(t, []string{"fast", "≤ 2.0 ×", "2.0 × (1.0–3.0)", "kept"}, p.row())
	p.seen.median = 2.1
	require.Equal(t, "**missed**", p.row()[3])
}
