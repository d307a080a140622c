//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/internal/lab"
	"github.com/meshpeer/meshpeer/probe"
)

// TestMain makes these tests on the lab (see make lab): the program under test enters it by itself.
func TestMain(m *testing.M) { os.Exit(m.Run()) }

// warm builds and fetches what the lab needs, so that the story says what it says when all is there.
func warm(t *testing.T) {
	t.Helper()
	if _, err := lab.ControlPlane(os.Stderr); errors.Is(err, lab.ErrUnavailable) {
		lab.SkipOrFail(t, err)
	} else {
		require.NoError(t, err)
	}
}

// play runs a command of the README and returns what it says on standard output.
func play(t *testing.T, mode string, args ...string) string {
	t.Helper()
	var out, said bytes.Buffer
	command := exec.CommandContext(t.Context(), "go", append([]string{"run", "."}, args...)...)
	command.Env = append(os.Environ(), lab.EnvMode+"="+mode)
	command.Stdout, command.Stderr = &out, &said
	if err := command.Run(); err != nil && strings.Contains(said.String(), lab.ErrUnavailable.Error()) {
		lab.SkipOrFail(t, errors.New(strings.TrimSpace(said.String())))
	} else {
		require.NoError(t, err, said.String())
	}
	if !slices.Contains(args, "-json") { // there it is progress
		require.Empty(t, said.String())
	}
	return out.String()
}

// TestQuickstart reads what the story says, of this machine first, and the document of what was seen.
func TestQuickstart(t *testing.T) {
	warm(t)
	page := filepath.Join(t.TempDir(), "peering.html")
	text := play(t, "", "-report", page)
	tells(t, text)
	for _, file := range []string{page, strings.TrimSuffix(page, ".html") + ".xml"} {
		require.FileExists(t, file)
	}
	data, err := os.ReadFile(strings.TrimSuffix(page, ".html") + ".json")
	require.NoError(t, err)
	var d document
	require.NoError(t, json.Unmarshal(data, &d))
	if d.Skipped != "" {
		lab.SkipOrFail(t, errors.New(d.Skipped))
	}
	d.peered(t, 2, 1)
	require.Len(t, d.Answers, 2)
	require.Equal(t, "cluster-2", d.Answers[0].By.Cluster, "step 1")
	require.Equal(t, "cluster-1", d.Answers[1].By.Cluster, "step 2")
	failed := 0
	for _, r := range d.Requests {
		switch r.Status {
		case probe.Failed:
			failed++
			require.Equal(t, "teapot", r.Check, "the curl before peering")
		default:
			require.Equal(t, probe.Passed, r.Status, "%s: %s", r.Check, r.Summary)
		}
		if r.Check == "mutual-tls" {
			require.Contains(t, r.Summary, "proved")
		}
	}
	require.Equal(t, 1, failed)
	require.Equal(t, probe.Passed, d.Reports["verify"].Status())
}

// TestQuickstartInLoopbackMode runs the story of machines without namespaces, and reads its one JSON document.
func TestQuickstartInLoopbackMode(t *testing.T) {
	warm(t)
	var d document
	require.NoError(t, json.Unmarshal([]byte(play(t, "loopback", "-json")), &d), "nothing but the document is on standard output")
	require.NotEmpty(t, d.Skipped)
	d.peered(t, 3, 2)
}

// peered is what both stories see. Replicas are of the clusters that read, and are asked before, after and at the end.
func (d document) peered(t *testing.T, replicas, refused int) {
	t.Helper()
	require.Len(t, d.Views, 3*replicas)
	for i, v := range d.Views {
		want := []string{"not seen", "synced", "not seen"}[i/replicas]
		require.Equal(t, want, string(v.Status), "%s of %s, look %d", v.Replica, v.On, i/replicas)
	}
	for _, n := range d.Audit {
		require.Zero(t, n.Writes, n.On)
	}
	require.Len(t, d.Refused, refused)
	for _, name := range []string{"ensure", "again", "remove"} {
		require.Equal(t, probe.Passed, d.Reports[name].Status(), name)
	}
	require.False(t, d.Reports["again"].Changed())
}

// tells looks for the words that a story begins and ends with.
func tells(t *testing.T, text string) {
	t.Helper()
	require.True(t, strings.HasPrefix(text, "quickstart peers two real clusters on this machine"), text)
	for _, word := range []string{"\n  time     about 1 minute", "\n  disk     300 MB below ", "\n  machine  "} {
		require.Contains(t, text[:strings.Index(text, "0.0s")], word)
	}
	require.NotContains(t, text, "\x1b", "it is no terminal")
	require.Contains(t, text, "Done: peered, proved, removed")
}

// TestQuickstartCanFail takes a step out of the SDK, as an overlay of its source: either story must notice.
func TestQuickstartCanFail(t *testing.T) {
	for _, c := range []struct{ name, line, instead, mode, says string }{
		{"without the role", "\t\t\tt.grant(),\n", "\t\t\tt.grant()[:1],\n", "loopback", "mint on cluster-"},
		{"without the remote secret", "\t\t\tt.share(),\n", "", "", "sync on cluster-2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			overlay := overlaid(t, map[string][2]string{
				"steps.go":   {c.line, c.instead},
				"peering.go": {"90 * time.Second", "10 * time.Second"}, // for a sync that never comes
			})
			command := exec.CommandContext(t.Context(), "go", "run", "-overlay", overlay, ".")
			command.Env = append(os.Environ(), lab.EnvMode+"="+c.mode)
			out, err := command.CombinedOutput()
			if strings.Contains(string(out), lab.ErrUnavailable.Error()) {
				lab.SkipOrFail(t, errors.New(lastLine(out)))
			}
			var failed *exec.ExitError
			require.ErrorAs(t, err, &failed, "it ended well:\n%s", out)
			_, end, _ := strings.Cut(string(out), "\nquickstart: ")
			require.Contains(t, end, c.says, string(out))
			if c.mode == "loopback" {
				require.Contains(t, string(out), "which loopback mode does not use: clusters run")
			}
			t.Logf("%s", end)
		})
	}
}

// overlaid writes files of package peering with a text replaced, and returns the overlay file that go takes.
func overlaid(t *testing.T, edits map[string][2]string) (file string) {
	t.Helper()
	dir, replace := t.TempDir(), map[string]string{}
	for name, edit := range edits {
		source, err := filepath.Abs("../../peering/" + name)
		require.NoError(t, err)
		text, err := os.ReadFile(source)
		require.NoError(t, err)
		require.Contains(t, string(text), edit[0], "it is not where it was")
		replace[source] = filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(replace[source], []byte(strings.Replace(string(text), edit[0], edit[1], 1)), 0o600))
	}
	mapping, err := json.Marshal(map[string]any{"Replace": replace})
	require.NoError(t, err)
	file = filepath.Join(dir, "overlay.json")
	require.NoError(t, os.WriteFile(file, mapping, 0o600))
	return file
}

func lastLine(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[max(0, len(lines)-2)]
}
