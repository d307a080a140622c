package cmd_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestRender: no token comes onto standard output unless the user says so twice.
func TestRender(t *testing.T) {
	w := newWorld(t, "east", "west")
	dir := t.TempDir()
	tokenFile, ca := filepath.Join(dir, "token"), filepath.Join(dir, "ca.crt")
	const secret = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"
	require.NoError(t, os.WriteFile(tokenFile, []byte(secret+"\n"), 0o600))
	require.NoError(t, os.WriteFile(ca, w.Member("west").Endpoint.CA, 0o600))
	args := []string{"render", "secret", "--cluster", "west", "--server", "https://west.example:6443", "--ca-file", ca}

	code, out, err := w.run(args...)
	require.Zero(t, code, err)
	require.Contains(t, out, "REPLACE-WITH-TOKEN")

	code, out, err = w.run(append(args, "--token-file", tokenFile)...)
	require.Equal(t, 1, code)
	require.Empty(t, out)
	require.Contains(t, err, "--allow-plaintext")
	require.NotContains(t, err, secret)

	file := filepath.Join(dir, "secret.yaml")
	code, out, err = w.run(append(args, "--token-file", tokenFile, "-o", file)...)
	require.Zero(t, code, err)
	require.Empty(t, out)
	info, failed := os.Stat(file)
	require.NoError(t, failed)
	require.Equal(t, os.FileMode(0o600), info.Mode())

	code, out, err = w.run(append(args, "--token-file", tokenFile, "--allow-plaintext")...)
	require.Zero(t, code, err)
	require.Contains(t, out, secret)

	code, out, err = w.run("render", "reader", "--profile", "minimal")
	require.Zero(t, code, err)
	require.Contains(t, out, "kind: ClusterRoleBinding")
	code, _, err = w.run("render", "reader", "--profile", "none")
	require.Equal(t, 1, code)
	require.Contains(t, err, "next: meshpeer render reader --help")
	code, _, err = w.run("render", "secret")
	require.Equal(t, 1, code)
	require.Contains(t, err, "--cluster is empty")
}
