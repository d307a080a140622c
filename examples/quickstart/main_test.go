//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/internal/lab"
	"github.com/meshpeer/meshpeer/probe"
)

// TestQuickstart runs the command of the README and reads what it says.
func TestQuickstart(t *testing.T) {
	var out, said bytes.Buffer
	command := exec.CommandContext(t.Context(), "go", "run", ".", "-json")
	command.Stdout, command.Stderr = &out, &said
	if err := command.Run(); err != nil && strings.Contains(said.String(), lab.ErrUnavailable.Error()) {
		lab.SkipOrFail(t, errors.New(strings.TrimSpace(said.String())))
	} else {
		require.NoError(t, err, said.String())
	}
	var d document
	require.NoError(t, json.Unmarshal(out.Bytes(), &d))
	if d.Skipped != "" {
		lab.SkipOrFail(t, errors.New(d.Skipped))
	}
	require.Len(t, d.Views, 6, "two replicas, asked before, after and at the end")
	for i, v := range d.Views {
		want := []string{"not seen", "synced", "not seen"}[i/2]
		require.Equal(t, want, string(v.Status), "%s of %s, look %d", v.Replica, v.On, i/2)
	}
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
	for _, n := range d.Audit {
		require.Zero(t, n.Writes, n.On)
	}
	require.Len(t, d.Refused, 1)
	for _, name := range []string{"ensure", "again", "verify", "remove"} {
		require.Equal(t, probe.Passed, d.Reports[name].Status(), name)
	}
	require.False(t, d.Reports["again"].Changed())
}

// TestQuickstartTells reads the first words of the story, which are about this machine, and looks for words where none
// belong: a warm run has nothing on standard error.
func TestQuickstartTells(t *testing.T) {
	if _, err := lab.ControlPlane(os.Stderr); err != nil {
		if errors.Is(err, lab.ErrUnavailable) {
			lab.SkipOrFail(t, err)
		}
		require.NoError(t, err)
	}
	program := filepath.Join(t.TempDir(), "quickstart")
	built, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".").CombinedOutput()
	require.NoError(t, err, "%s", built)
	for _, mode := range []string{"", "loopback"} {
		t.Run("mode "+mode, func(t *testing.T) {
			var out, said bytes.Buffer
			command := exec.CommandContext(t.Context(), program)
			command.Env = append(os.Environ(), lab.EnvMode+"="+mode)
			command.Stdout, command.Stderr = &out, &said
			require.NoError(t, command.Run(), said.String())
			require.Empty(t, said.String())
			text := out.String()
			require.True(t, strings.HasPrefix(text, "quickstart peers two real clusters on this machine"), text)
			for _, word := range []string{"\n  time     about 1 minute", "\n  disk     300 MB below ", "\n  machine  "} {
				require.Contains(t, text[:strings.Index(text, "0.0s")], word)
			}
			require.NotContains(t, text, "\x1b", "it is no terminal")
			require.Equal(t, mode == "loopback", strings.Contains(text, "which loopback mode does not use: clusters run"), text)
			require.Contains(t, text, "Done: peered, proved, removed")
		})
	}
}

// TestQuickstartCanFail takes a step out of the SDK, as an overlay of its source: the program must notice.
func TestQuickstartCanFail(t *testing.T) {
	for name, line := range map[string]string{
		"without the role":          "			t.grant(),\n",
		"without the remote secret": "			t.share(),\n",
	} {
		t.Run(name, func(t *testing.T) {
			source, err := filepath.Abs("../../peering/steps.go")
			require.NoError(t, err)
			text, err := os.ReadFile(source)
			require.NoError(t, err)
			cut := strings.Replace(string(text), line, map[bool]string{true: "\t\t\tt.grant()[:1],\n"}[strings.Contains(line, "grant")], 1)
			require.NotEqual(t, string(text), cut, "the step is not where it was")
			dir := t.TempDir()
			changed, overlay := filepath.Join(dir, "steps.go"), filepath.Join(dir, "overlay.json")
			require.NoError(t, os.WriteFile(changed, []byte(cut), 0o600))
			mapping, err := json.Marshal(map[string]any{"Replace": map[string]string{source: changed}})
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(overlay, mapping, 0o600))

			command := exec.CommandContext(t.Context(), "go", "run", "-overlay", overlay, ".")
			out, err := command.CombinedOutput()
			if strings.Contains(string(out), lab.ErrUnavailable.Error()) {
				lab.SkipOrFail(t, errors.New(lastLine(out)))
			}
			var failed *exec.ExitError
			require.ErrorAs(t, err, &failed, "it ended well:\n%s", out)
			require.Contains(t, string(out), "quickstart:")
			t.Logf("%s", lastLine(out))
		})
	}
}

func lastLine(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[max(0, len(lines)-2)]
}
