package cmd_test

import (
	"bytes"
	"io"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/examples/meshpeer/cmd"
)

// answered runs remove at a terminal where somebody types.
func (w *world) answered(typed string, args ...string) (code int, out string) {
	t := w.t
	t.Helper()
	master, tty, err := pty.Open()
	require.NoError(t, err)
	var screen, stdout bytes.Buffer
	read := make(chan struct{})
	go func() {
		defer close(read)
		_, _ = io.Copy(&screen, master)
	}()
	_, err = master.WriteString(typed)
	require.NoError(t, err)
	code = cmd.Run(t.Context(), cmd.Program{
		Name: w.name, Args: append(append([]string{"remove"}, args...), w.both()...), In: tty, Out: &stdout, Err: tty,
		Env: func(name string) string { return map[string]string{"TERM": "xterm"}[name] }, Connect: w.connect,
	})
	require.NoError(t, tty.Close())
	select {
	case <-read:
	case <-time.After(10 * time.Second):
		require.Fail(t, "the terminal does not end")
	}
	_ = master.Close()
	return code, screen.String() + stdout.String()
}

// TestAsk: at a terminal nothing is ended without a yes. Elsewhere nobody could answer, and TestVerbs is not asked.
func TestAsk(t *testing.T) {
	w := newWorld(t, "east", "west")
	code, _, err := w.with("ensure")
	require.Zero(t, code, err)
	code, out := w.answered("no\n")
	require.Equal(t, 1, code, out)
	require.Contains(t, out, "2 links end, and their credentials are revoked. Type yes to go on:")
	require.Contains(t, out, "nothing was changed")
	require.Contains(t, out, "meshpeer remove --yes --context kind-east")
	code, _, err = w.with("status")
	require.Zero(t, code, err)

	code, out = w.answered("yes\n", "--from", "east")
	require.Zero(t, code, out)
	require.Contains(t, out, "1 link ends, and its credential is revoked.")
	code, out = w.answered("", "--yes")
	require.Zero(t, code, out)
	require.NotContains(t, out, "Type yes")
}
