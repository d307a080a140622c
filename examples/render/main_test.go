package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/internal/golden"
)

func TestRender(t *testing.T) {
	for name, args := range map[string][]string{
		"role":   nil,
		"secret": {"-profile", "minimal", "-cluster", "west", "-server", "https://west.example:6443"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			require.NoError(t, run(args, &out))
			golden.Equal(t, name+".yaml", out.Bytes())
		})
	}
}

func TestBadInputWritesNothing(t *testing.T) {
	for want, args := range map[string][]string{
		`"tiny"`:       {"-profile", "tiny"},
		"1.18":         {"-profile", "upstream", "-istio-version", "1.18"},
		"https":        {"-cluster", "west", "-server", "http://west.example"},
		"no-such-file": {"-cluster", "west", "-server", "https://west.example", "-token-file", "no-such-file"},
	} {
		t.Run(want, func(t *testing.T) {
			var out bytes.Buffer
			require.ErrorContains(t, run(args, &out), want)
			require.Zero(t, out.Len())
		})
	}
}

func TestTokenOnlyOnRequest(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(file, []byte("a-token\n"), 0o600))
	var out bytes.Buffer
	require.NoError(t, run([]string{"-cluster", "west", "-server", "https://west.example", "-token-file", file}, &out))
	require.NotContains(t, out.String(), placeholder)
}
