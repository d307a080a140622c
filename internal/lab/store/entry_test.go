//go:build linux

package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func filled(t *testing.T) Entry {
	t.Helper()
	e := Entry{Dir: filepath.Join(t.TempDir(), "entry"), Program: "program"}
	require.ErrorIs(t, e.Check(), fs.ErrNotExist)
	refill(t, e)
	return e
}

func refill(t *testing.T, e Entry) {
	t.Helper()
	require.NoError(t, e.Fill(func(dir string) error {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "data"), []byte("data"), 0o600))
		return os.WriteFile(filepath.Join(dir, "program"), []byte("#!/bin/sh\n"), 0o700)
	}))
	require.NoError(t, e.Check())
}

// Whatever happened to an entry, it is seen, and filling it again mends it.
func TestDamagedEntry(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, e Entry) error{
		"without its program":  func(_ *testing.T, e Entry) error { return os.Remove(e.Path("program")) },
		"without another file": func(_ *testing.T, e Entry) error { return os.Remove(e.Path("data")) },
		"without its digests":  func(_ *testing.T, e Entry) error { return os.Remove(e.Path(digests)) },
		"digests cut off":      func(_ *testing.T, e Entry) error { return os.Truncate(e.Path(digests), 30) },
		"digests empty":        func(_ *testing.T, e Entry) error { return os.Truncate(e.Path(digests), 0) },
		"digests of elsewhere": func(_ *testing.T, e Entry) error { return os.WriteFile(e.Path(digests), []byte("00  ../x\n"), 0o600) },
		"truncated":            func(_ *testing.T, e Entry) error { return os.Truncate(e.Path("program"), 3) },
		"other text, same size": func(_ *testing.T, e Entry) error {
			return os.WriteFile(e.Path("program"), []byte("#!/bin/hs\n"), 0o700)
		},
		"not executable":     func(_ *testing.T, e Entry) error { return os.Chmod(e.Path("program"), 0o600) },
		"writable by others": func(_ *testing.T, e Entry) error { return os.Chmod(e.Path("program"), 0o777) },
		"directory writable": func(_ *testing.T, e Entry) error { return os.Chmod(e.Dir, 0o777) },
		"program is a directory": func(_ *testing.T, e Entry) error {
			return errors.Join(os.Remove(e.Path("program")), os.Mkdir(e.Path("program"), 0o700))
		},
		"program is a link": func(_ *testing.T, e Entry) error {
			return errors.Join(os.Remove(e.Path("program")), os.Symlink("/bin/true", e.Path("program")))
		},
		"is a file": func(_ *testing.T, e Entry) error {
			return errors.Join(os.RemoveAll(e.Dir), os.WriteFile(e.Dir, []byte("x"), 0o600))
		},
		"is a link": func(_ *testing.T, e Entry) error {
			return errors.Join(os.Rename(e.Dir, e.Dir+"-real"), os.Symlink(e.Dir+"-real", e.Dir))
		},
		"is empty": func(_ *testing.T, e Entry) error { return errors.Join(os.RemoveAll(e.Dir), os.Mkdir(e.Dir, 0o700)) },
		"program is another user's": func(t *testing.T, e Entry) error {
			chown(t, e.Path("program"), stranger)
			return nil
		},
		"all is another user's": func(t *testing.T, e Entry) error {
			chown(t, e.Dir, stranger)
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := filled(t)
			require.NoError(t, spoil(t, e))
			err := e.Check()
			require.Error(t, err)
			require.NotErrorIs(t, err, fs.ErrNotExist, "it is there, but damaged")
			refill(t, e)
			left, err := filepath.Glob(filepath.Join(filepath.Dir(e.Dir), prefix+"*"))
			require.NoError(t, err)
			require.Empty(t, left)
		})
	}
}

// A fill that fails, or a process killed in the middle of one, changes nothing; the next fill clears its traces away.
func TestFillIsWholeOrNothing(t *testing.T) {
	e := filled(t)
	broken := errors.New("broken")
	require.ErrorIs(t, e.Fill(func(dir string) error {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "half"), nil, 0o600))
		return broken
	}), broken)
	require.NoError(t, e.Check())
	require.NoDirExists(t, filepath.Join(filepath.Dir(e.Dir), prefix))

	killed := filepath.Join(filepath.Dir(e.Dir), prefix+"1")
	require.NoError(t, os.MkdirAll(filepath.Join(killed, "half"), 0o700))
	refill(t, e)
	require.NoDirExists(t, killed)
}
