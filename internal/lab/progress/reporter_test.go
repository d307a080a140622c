//go:build linux

package progress

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// Eight minutes of updates every second are a line every 15 seconds in a pipe or a file.
func TestPiped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		r := New(&out)
		r.Say("building")
		n := 0
		stop := Every(func() { n++; r.Update("%d packages", n) })
		time.Sleep(8*time.Minute + time.Second/2)
		stop()
		r.Done()
		r.Say("built")
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		require.Equal(t, 480, n)
		require.Len(t, lines, 480/15+2)
		require.Equal(t, []string{"lab: building", "lab: 15 packages", "lab: 30 packages"}, lines[:3])
		require.NotContains(t, out.String(), "\x1b")
		require.NotContains(t, out.String(), "\r")
	})
}

// terminal makes a pseudo-terminal of 40 columns: pty(7).
func terminal(t *testing.T) (far, near *os.File) {
	t.Helper()
	far, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo-terminals here: %v", err)
	}
	t.Cleanup(func() { _ = far.Close() })
	require.NoError(t, unix.IoctlSetPointerInt(int(far.Fd()), unix.TIOCSPTLCK, 0))
	number, err := unix.IoctlGetInt(int(far.Fd()), unix.TIOCGPTN)
	require.NoError(t, err)
	near, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	require.NoError(t, unix.IoctlSetWinsize(int(near.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 40}))
	return far, near
}

func TestTerminal(t *testing.T) {
	far, near := terminal(t)
	r := New(near)
	r.Say("building")
	r.Update("1 package, and so much to say of it that the line is too long")
	r.Update("2 packages")
	r.Say("built")
	r.Update("gone again")
	r.Done()
	require.NoError(t, near.Close())
	var out bytes.Buffer
	buffer := make([]byte, 1024)
	for { // the far end of a closed terminal gives EIO
		n, err := far.Read(buffer)
		out.Write(buffer[:n])
		if err != nil {
			break
		}
	}
	require.Equal(t, "lab: building\r\n"+
		"\r\x1b[Klab: 1 package, and so much to say of i"+
		"\r\x1b[Klab: 2 packages"+
		"\r\x1b[Klab: built\r\n"+
		"\r\x1b[Klab: gone again\r\x1b[K", out.String())
}

func TestAbout(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"0 s": -time.Second, "4 s": 4400 * time.Millisecond, "40 s": 38 * time.Second, "90 s": 94 * time.Second,
		"2 minutes": 100 * time.Second, "8 minutes": 490 * time.Second,
	} {
		require.Equal(t, want, About(d))
	}
}
