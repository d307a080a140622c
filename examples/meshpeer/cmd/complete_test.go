package cmd_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// TestComplete is what a shell is told, as a script of cobra or kubectl's plugin completion asks for it.
func TestComplete(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "east", "west")
		for _, tt := range []struct {
			words string
			want  []string
		}{
			{"status --context ", []string{"kind-east", "kind-west"}},
			{"status --context kind-east --context ", []string{"kind-west"}},
			{"status --context e=kind-east --context w=", []string{"w=kind-west"}},
			{"status --context kind-east --context b=kind-west --from ", []string{"east", "b"}},
			{"status --context kind-east --endpoint ", []string{"east=https://"}},
			{"remove --context a=kind-east --unreachable ", []string{"a"}},
			{"status --context nosuch --hub ", nil},
			{"why ", []string{"kind-east", "kind-west"}},
			{"why --context kind-east --context kind-west east ", []string{"west"}},
			{"why --context kind-east --context kind-west east west ", nil},
			{"plan --goal ", []string{"present", "rotated", "absent"}},
			{"status -o ", []string{"json", "yaml", "name", "wide"}},
			{"ensure --credential ", []string{"durable", "bound"}},
		} {
			args := strings.Fields(tt.words)
			if strings.HasSuffix(tt.words, " ") {
				args = append(args, "")
			}
			code, out, err := w.run(append([]string{"__complete"}, args...)...)
			require.Zero(t, code, err)
			lines := strings.Split(strings.TrimSpace(out), "\n")
			require.True(t, strings.HasPrefix(lines[len(lines)-1], ":"), out)
			var got []string
			for _, line := range lines[:len(lines)-1] {
				word, _, _ := strings.Cut(line, "\t")
				got = append(got, word)
			}
			require.Equal(t, tt.want, got, tt.words)
		}
		code, out, _ := w.run("completion", "bash")
		require.Zero(t, code)
		require.Contains(t, out, "__start_meshpeer")
	})
}
