package terminal_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/examples/meshpeer/internal/terminal"
)

func TestScreen(t *testing.T) {
	for raw, want := range map[string]string{
		"a\r\nb\r\n":                       "a\nb\n",
		"one\r\ntwo\r\n\x1b[2A\r\x1b[2Kx":  "x\ntwo\n",
		"one\r\ntwo\r\n\x1b[2A\x1b[Jx\r\n": "x\n",
		"\x1b[31mred\x1b[0m":               "red\n",
		"long\rab":                         "abng\n",
		"cut \x1b[3":                       "cut\n",
	} {
		require.Equal(t, want, terminal.Screen(raw), "%q", raw)
	}
}
