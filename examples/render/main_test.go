package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/internal/golden"
)

func TestRender(t *testing.T) {
	for name, args := range map[string][]string{
		"role":    nil,
		"minimal": {"-profile", "minimal", "-revisions", "default,canary"},
		"secret":  {"-part", "secret", "-cluster", "west", "-server", "https://west.example:6443"},
	} {
		t.Run(name, func(t *testing.T) {
			var out, warnings bytes.Buffer
			require.NoError(t, run(args, &out, &warnings))
			require.Empty(t, warnings.String())
			golden.Equal(t, name+".yaml", out.Bytes())
		})
	}
}

// No stream holds objects for two clusters: one `kubectl apply` of it would put half of them into the wrong one.
func TestOneClusterPerStream(t *testing.T) {
	secret := []string{"-cluster", "west", "-server", "https://west.example:6443"}
	var out bytes.Buffer
	require.EqualError(t, run(secret, &out, io.Discard), "-server is of part secret, which goes into another cluster: call again with -part secret")
	require.Zero(t, out.Len())
	require.EqualError(t, run([]string{"-part", "secret", "-profile", "minimal"}, &out, io.Discard), "-profile is of part reader, which goes into another cluster: call again with -part reader")
	require.Zero(t, out.Len())

	require.NoError(t, run(append([]string{"-part", "secret"}, secret...), &out, io.Discard))
	require.Equal(t, 1, strings.Count(out.String(), "kind: Secret\n"))
	require.NotContains(t, out.String(), "kind: ServiceAccount")
	require.NotContains(t, out.String(), "Role")
	out.Reset()
	require.NoError(t, run([]string{"-profile", "minimal"}, &out, io.Discard))
	require.NotContains(t, out.String(), "kind: Secret\n")
	require.NotContains(t, out.String(), placeholder)
}

func TestWarningsReachThePerson(t *testing.T) {
	var out, warnings bytes.Buffer
	require.NoError(t, run([]string{"-profile", "minimal", "-istio-version", "1.28"}, &out, &warnings))
	require.Contains(t, warnings.String(), "render: warning: ")
	require.NotContains(t, out.String(), "warning")
}

func TestBadInputWritesNothing(t *testing.T) {
	for want, args := range map[string][]string{
		`"tiny"`:            {"-profile", "tiny"},
		"1.18":              {"-profile", "upstream", "-istio-version", "1.18"},
		"https":             {"-part", "secret", "-cluster", "west", "-server", "http://west.example"},
		"no-such-file":      {"-part", "secret", "-cluster", "west", "-server", "https://west.example", "-token-file", "no-such-file"},
		`part "both"`:       {"-part", "both"},
		"-cluster is empty": {"-part", "secret"},
		`"west"`:            {"-part", "secret", "west"},
	} {
		t.Run(want, func(t *testing.T) {
			var out bytes.Buffer
			require.ErrorContains(t, run(args, &out, io.Discard), want)
			require.Zero(t, out.Len())
		})
	}
}

func TestTokenOnlyOnRequest(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(file, []byte("a-token\n"), 0o600))
	var out bytes.Buffer
	require.NoError(t, run([]string{"-part", "secret", "-cluster", "west", "-server", "https://west.example", "-token-file", file}, &out, io.Discard))
	require.NotContains(t, out.String(), placeholder)
}
