package ui_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/examples/meshpeer/internal/terminal"
	"github.com/meshpeer/meshpeer/examples/meshpeer/internal/ui"
	"github.com/meshpeer/meshpeer/peering"
)

func env(values ...string) func(string) string {
	return func(name string) string {
		for _, value := range values {
			if k, v, _ := strings.Cut(value, "="); k == name {
				return v
			}
		}
		return ""
	}
}

var east, west = &peering.Cluster{ID: peering.MustID("east")}, &peering.Cluster{ID: peering.MustID("west")}

func event(stage peering.Stage, action peering.Action, reason, failure string) peering.Event {
	return peering.Event{From: east.ID, To: west.ID, Change: peering.Change{Stage: stage, On: west.ID, Object: "Kind/name", Action: action, Reason: reason}, Error: failure}
}

// atTerminal gives do a terminal of some size and returns what is written there.
func atTerminal(t *testing.T, columns, rows uint16, do func(tty *os.File)) string {
	t.Helper()
	master, tty, err := pty.Open()
	require.NoError(t, err)
	require.NoError(t, pty.Setsize(tty, &pty.Winsize{Rows: rows, Cols: columns}))
	var raw bytes.Buffer
	read := make(chan struct{})
	go func() {
		defer close(read)
		_, _ = io.Copy(&raw, master) // ends with an error when the other side is closed
	}()
	do(tty)
	require.NoError(t, tty.Close())
	select {
	case <-read:
	case <-time.After(10 * time.Second):
		require.Fail(t, "the terminal does not end")
	}
	require.NoError(t, master.Close())
	return raw.String()
}

// TestLive: a link is one line, which is drawn over and over; what is left is its last state.
func TestLive(t *testing.T) {
	raw := atTerminal(t, 80, 24, func(tty *os.File) {
		screen := ui.NewScreen(tty, env("TERM=xterm"))
		require.True(t, screen.Terminal && screen.Colour)
		p := ui.NewProgress(screen, peering.Mesh(east, west))
		p.Observe(event(peering.StageGrant, peering.Created, "", ""))
		p.Observe(event(peering.StageGrant, peering.Created, "", ""))
		p.Observe(event(peering.StageMint, peering.Created, "", ""))
		p.Observe(event(peering.StageSync, "", "waiting: west is syncing", ""))
		p.Note("a note")
		p.Observe(event(peering.StageSync, peering.Verified, "", ""))
		p.Close(true)
		p.Close(true)
		p.Observe(event(peering.StageRevoke, peering.Revoked, "", ""))
	})
	require.Contains(t, raw, "\x1b[2K")
	require.Contains(t, raw, "waiting: west is syncing")
	require.Contains(t, raw, "\x1b[32m")
	lines := strings.Split(terminal.Screen(raw), "\n")
	require.Equal(t, "a note", lines[0])
	require.Regexp(t, `^\* east -> west grant mint sync \d+\.\ds$`, lines[1])
	require.Regexp(t, `^\* west -> east \d+\.\ds$`, lines[2])
	require.Equal(t, []string{""}, lines[3:])
}

// TestLiveErased: where a table says it all, the lines go.
func TestLiveErased(t *testing.T) {
	raw := atTerminal(t, 80, 24, func(tty *os.File) {
		p := ui.NewProgress(ui.NewScreen(tty, env()), peering.Mesh(east, west))
		p.Observe(event(peering.StageMint, peering.Created, "", ""))
		p.Note("a note")
		p.Close(false)
	})
	require.Contains(t, raw, "east -> west")
	require.Equal(t, "a note\n", terminal.Screen(raw))
}

// TestLiveFailure is marked, and so is what was undone.
func TestLiveFailure(t *testing.T) {
	raw := atTerminal(t, 80, 24, func(tty *os.File) {
		p := ui.NewProgress(ui.NewScreen(tty, env("NO_COLOR=1")), []peering.Link{{From: east, To: west}})
		p.Observe(event(peering.StageGrant, peering.Created, "", ""))
		p.Observe(event(peering.StageMint, peering.Created, "", "no token"))
		p.Observe(event(peering.StageGrant, peering.Deleted, "undone", ""))
		p.Close(true)
	})
	require.NotContains(t, raw, "\x1b[3", "no colours")
	require.Regexp(t, `^! east -> west grant undone mint failed \d+\.\ds\n$`, terminal.Screen(raw))
}

// TestNarrow: no line is longer than the terminal is wide, and there are no more than it is high.
func TestNarrow(t *testing.T) {
	var many []peering.Link
	for _, id := range []string{"a", "b", "c", "d", "e", "f", "g"} {
		c := &peering.Cluster{}
		require.NoError(t, c.ID.UnmarshalText([]byte(id)))
		many = append(many, peering.Link{From: c, To: west})
	}
	many = append(many, peering.Link{From: east, To: west})
	raw := atTerminal(t, 20, 5, func(tty *os.File) {
		p := ui.NewProgress(ui.NewScreen(tty, env()), many)
		p.Observe(event(peering.StageSync, "", "waiting: a long reason for which there is no room", ""))
		p.Close(true)
	})
	frames := strings.Split(raw, "\x1b[2K")
	require.Greater(t, len(frames), 3)
	for _, drawn := range frames[1:] {
		drawn, _, _ = strings.Cut(drawn, "\r\n")
		require.Less(t, len(strings.TrimSpace(terminal.Screen(drawn))), 20, "%q would wrap", drawn)
	}
	screen := terminal.Screen(raw)
	require.Equal(t, 3, strings.Count(screen, "\n"), screen)
	require.Contains(t, screen, "east -> west", "the one at work is shown")
	for line := range strings.Lines(screen) {
		require.Less(t, len(line)-1, 20, line)
	}
}

// TestPlain is for pipelines: a line for each step that did something, without any control character.
func TestPlain(t *testing.T) {
	var out bytes.Buffer
	screen := ui.NewScreen(&out, env())
	require.False(t, screen.Terminal || screen.Colour)
	p := ui.NewProgress(screen, peering.Mesh(east, west))
	p.Observe(event(peering.StageGrant, peering.Unchanged, "", ""))
	p.Observe(event(peering.StageMint, peering.Created, "", ""))
	p.Observe(event(peering.StageSync, "", "waiting: west is syncing", ""))
	p.Observe(event(peering.StageShare, peering.Updated, "", errors.New("no").Error()))
	p.Observe(event(peering.StageMint, peering.Deleted, "undone", ""))
	p.Close(true)
	require.Equal(t, `east -> west: mint      on west  Kind/name  created
east -> west: sync      on west  Kind/name  waiting: west is syncing
east -> west: share     on west  Kind/name  failed: no
east -> west: mint      on west  Kind/name  deleted (undone)
`, out.String())
}

// TestDumb terminals get lines too.
func TestDumb(t *testing.T) {
	raw := atTerminal(t, 80, 24, func(tty *os.File) {
		screen := ui.NewScreen(tty, env("TERM=dumb"))
		require.False(t, screen.Terminal || screen.Colour)
		p := ui.NewProgress(screen, peering.Mesh(east, west))
		p.Observe(event(peering.StageMint, peering.Created, "", ""))
		p.Close(true)
	})
	require.NotContains(t, raw, "\x1b")
}
