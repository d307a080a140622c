package cmd_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/internal/golden"
)

// varying is what is another in each run.
var varying = []struct {
	form *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`https://[A-Z0-9]{26}\.example`), "https://api.example"},
	{regexp.MustCompile(`\b[0-9a-f]{64}\b`), "SHA256"},
	{regexp.MustCompile(`\bplan [0-9a-f]{12}\b`), "plan DIGEST"},
	{regexp.MustCompile(`\b[0-9a-f]{8}\b`), "FINGERPR"},
	{regexp.MustCompile(`digest [0-9a-f]{12}, now [0-9a-f]{12}`), "digest DIGEST, now DIGEST"},
	{regexp.MustCompile(`\bUID [A-Z0-9]{26}`), "UID UID"},
	{regexp.MustCompile(`\S*/plan\.json`), "plan.json"},
}

var token = regexp.MustCompile(`eyJ[\w-]+\.`)

// screen is all that a person sees of a call, with its exit code.
func (w *world) screen(args ...string) string {
	w.t.Helper()
	code, out, err := w.with(args...)
	require.NotRegexp(w.t, token, out+err)
	text := "$ " + strings.Join(append([]string{w.name}, args...), " ") + "\n" + out
	if err != "" {
		text += "--- standard error\n" + progress.ReplaceAllString(err, "")
	}
	text += "--- exit code " + string(rune('0'+code)) + "\n\n"
	for _, v := range varying {
		text = v.form.ReplaceAllString(text, v.with)
	}
	return text
}

// progress are the lines of steps: links go side by side, and so their order varies.
var progress = regexp.MustCompile(`(?m)^\S+ -> \S+: .*\n`)

// TestVerbs is the life of a mesh, verb by verb, as testdata has it.
func TestVerbs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "east", "west")
		file := filepath.Join(t.TempDir(), "plan.json")
		var story strings.Builder
		for _, args := range [][]string{
			{"check"},
			{"status"},
			{"why", "east", "west", "httpbin"},
			{"ensure", "--dry-run", "-o", "name"},
			{"plan", "-o", file},
			{"apply", file},
			{"apply", file},
			{"ensure"},
			{"status"},
			{"status", "-o", "name"},
			{"status", "--from", "east", "--no-headers"},
			{"verify", "--control", "outsider"},
			{"why", "east", "west", "httpbin"},
			{"why", "east", "west", "sleep.default:80"},
			{"credentials", "-o", "name"},
			{"rotate"},
			{"credentials"},
			{"plan", "--goal", "absent", "-o", "name"},
			{"remove"},
			{"credentials"},
			{"remove"},
		} {
			story.WriteString(w.screen(args...))
		}
		golden.Equal(t, "verbs.txt", []byte(story.String()))
	})
}

// TestPlanFile has no secret in it, and is its owner's.
func TestPlanFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "east", "west")
		file := filepath.Join(t.TempDir(), "plan.json")
		code, _, err := w.with("plan", "-o", file)
		require.Equal(t, 2, code, err)
		info, failed := os.Stat(file)
		require.NoError(t, failed)
		require.Equal(t, os.FileMode(0o600), info.Mode())

		code, _, err = w.with("apply", file, "--digest", "0000")
		require.Equal(t, 1, code)
		require.Contains(t, err, "is not the one that was reviewed")
		require.Contains(t, err, "next: meshpeer plan -o "+file)

		code, _, err = w.run("apply", file, "--context", "kind-east")
		require.Equal(t, 1, code)
		require.Contains(t, err, `"west" is no member`)

		require.NoError(t, os.WriteFile(file, []byte("{}"), 0o600))
		code, _, err = w.with("apply", file)
		require.Equal(t, 1, code)
		require.Contains(t, err, "is no plan")

		code, _, err = w.with("plan", "-o", "plan")
		require.Equal(t, 1, code)
		require.Contains(t, err, "./plan")
	})
}
