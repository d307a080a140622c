package ui_test

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/examples/meshpeer/internal/ui"
	"github.com/meshpeer/meshpeer/probe"
)

// TestTable: colours take no room.
func TestTable(t *testing.T) {
	atTerminal(t, 80, 24, func(tty *os.File) {
		s := ui.NewScreen(tty, env())
		table := ui.Table{Indent: "  ", Headers: []string{"A", "STATUS", "C"}}
		table.Row("long cell", s.Status(probe.Passed), "1")
		table.Row("ü", s.Status(probe.Failed), "")
		require.Equal(t, 2, table.Len())
		var out bytes.Buffer
		_, err := table.WriteTo(&out)
		require.NoError(t, err)
		require.Equal(t, "  A           STATUS   C\n  long cell   \x1b[32mpassed\x1b[0m   1\n  ü           \x1b[31mfailed\x1b[0m\n", out.String())
	})
}

func TestPrintable(t *testing.T) {
	require.Equal(t, "a\uFFFD[31mb\nü\uFFFD", ui.Printable("a\x1b[31mb\nü\r"))
}

func TestConfirm(t *testing.T) {
	for answer, want := range map[string]bool{"yes\n": true, "yes": true, "y\n": false, "no\n": false, "": false, " yes \n": true} {
		var out bytes.Buffer
		require.Equal(t, want, ui.Confirm(t.Context(), strings.NewReader(answer), &out, "Really?"), "%q", answer)
		require.Equal(t, "Really? Type yes to go on: ", out.String())
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	read, write, err := os.Pipe()
	require.NoError(t, err)
	defer write.Close()
	defer read.Close()
	require.False(t, ui.Confirm(ctx, read, new(bytes.Buffer), "Really?"))
}
