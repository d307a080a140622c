package cmd_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/examples/meshpeer/cmd"
)

// TestCalled is how the program was called, from the name of its file.
func TestCalled(t *testing.T) {
	for _, tt := range []struct {
		argv []string
		name string
		args []string
	}{
		{[]string{"/usr/bin/meshpeer", "status"}, "meshpeer", []string{"status"}},
		{[]string{"kubectl-meshpeer"}, "kubectl meshpeer", []string{}},
		{[]string{"/krew/bin/kubectl-meshpeer.exe", "why", "a"}, "kubectl meshpeer", []string{"why", "a"}},
		{[]string{"kubectl_complete-meshpeer", "status", "--context", ""}, "kubectl meshpeer", []string{"__complete", "status", "--context", ""}},
	} {
		name, args := cmd.Called(tt.argv)
		require.Equal(t, tt.name, name)
		require.Equal(t, tt.args, args)
	}
}

// TestName: help, examples and next commands have the name that the user typed.
func TestName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "east", "west")
		w.name = "kubectl meshpeer"
		_, help, _ := w.run("--help")
		require.Contains(t, help, "kubectl meshpeer COMMAND --help says more")
		for _, verb := range []string{"check", "plan", "status", "verify", "why", "credentials", "apply", "ensure", "rotate", "adopt", "remove", "version"} {
			require.Contains(t, help, "\n  "+verb+" ")
			code, out, err := w.run(verb, "--help")
			require.Zero(t, code, err)
			require.Contains(t, out, "Usage:\n  kubectl meshpeer "+verb)
			require.NotContains(t, strings.ReplaceAll(out, "kubectl meshpeer", ""), "meshpeer ", verb)
			require.NotContains(t, out, "{meshpeer}")
		}
		code, _, err := w.with("status")
		require.Equal(t, 2, code)
		require.Contains(t, err, "next: kubectl meshpeer ensure --dry-run --context kind-east")

		code, _, err = w.run("ensur")
		require.Equal(t, 1, code)
		require.Contains(t, err, "did you mean ensure?")
		require.Contains(t, err, "next: kubectl meshpeer --help")
		code, _, err = w.run("why", "east")
		require.Equal(t, 1, code)
		require.Contains(t, err, "next: kubectl meshpeer why --help")
	})
}
