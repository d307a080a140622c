//go:build linux

package store

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// stranger is a user who is neither root nor this one.
const stranger = 12345

// places sets the user's cache and the temporary directory to new ones, which nobody but root and this user owns.
func places(t *testing.T) (cache, temporary string) {
	t.Helper()
	root := t.TempDir()
	cache, temporary = filepath.Join(root, "cache"), filepath.Join(root, "tmp")
	require.NoError(t, os.Mkdir(cache, 0o700))
	require.NoError(t, os.Mkdir(temporary, 0o700))
	require.NoError(t, os.Chmod(temporary, 0o777|os.ModeSticky))
	t.Setenv("XDG_CACHE_HOME", cache)
	t.Setenv("TMPDIR", temporary)
	return cache, temporary
}

// chown gives all of path to another user, which takes root.
func chown(t *testing.T, path string, uid int) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("giving a file to another user takes root")
	}
	require.NoError(t, filepath.WalkDir(path, func(name string, _ os.DirEntry, err error) error {
		require.NoError(t, err)
		return os.Lchown(name, uid, uid)
	}))
}

func opened(t *testing.T) (dir, said string) {
	t.Helper()
	var lines strings.Builder
	dir, err := Open(func(format string, args ...any) { fmt.Fprintf(&lines, format+"\n", args...) })
	require.NoError(t, err)
	info, err := os.Stat(dir)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
	require.Equal(t, os.Geteuid(), owner(info))
	require.DirExists(t, filepath.Join(dir, Runs))
	return dir, lines.String()
}

func TestOpen(t *testing.T) {
	cache, _ := places(t)
	dir, said := opened(t)
	require.Equal(t, filepath.Join(cache, "meshpeer", "lab"), dir)
	require.Empty(t, said)
	again, said := opened(t)
	require.Equal(t, dir, again)
	require.Empty(t, said)
}

func TestOpenWithoutHome(t *testing.T) {
	_, temporary := places(t)
	t.Setenv("XDG_CACHE_HOME", "")
	t.Setenv("HOME", "")
	dir, said := opened(t)
	require.Equal(t, filepath.Join(temporary, fmt.Sprintf("meshpeer-%d", os.Geteuid()), "lab"), dir)
	require.Empty(t, said, "a user without a home has no other place")
}

// plant makes what an attacker would: a cache with a program that leaves a mark.
func plant(t *testing.T, base string, mode os.FileMode) {
	t.Helper()
	dir := filepath.Join(base, "lab")
	require.NoError(t, os.MkdirAll(filepath.Join(dir, Runs), 0o777))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "controlplane"), []byte("#!/bin/sh\n"), 0o777))
	for _, d := range []string{base, dir, filepath.Join(dir, Runs)} {
		require.NoError(t, os.Chmod(d, mode))
	}
}

// Each case spoils the user's cache; the directory of the user below the temporary one is used in its place, with the
// reason said. Then that one is spoiled the same way, and the place is a new one, which is found again.
func TestOpenRefusesWhatOthersCouldChange(t *testing.T) {
	for name, tc := range map[string]struct {
		want  string
		spoil func(t *testing.T, base string)
	}{
		"another user's": {"belongs to user 12345", func(t *testing.T, base string) {
			plant(t, base, 0o700)
			chown(t, base, stranger)
		}},
		"another user's, open to all": {"belongs to user 12345", func(t *testing.T, base string) {
			plant(t, base, 0o777)
			chown(t, base, stranger)
		}},
		"writable by all":     {"mode 0777", func(t *testing.T, base string) { plant(t, base, 0o777) }},
		"writable by a group": {"mode 0770", func(t *testing.T, base string) { plant(t, base, 0o770) }},
		"a link": {"is a symbolic link", func(t *testing.T, base string) {
			target := filepath.Join(filepath.Dir(base), "elsewhere")
			plant(t, target, 0o700)
			require.NoError(t, os.Symlink(target, base))
		}},
		"another user's link": {"is a symbolic link", func(t *testing.T, base string) {
			target := filepath.Join(t.TempDir(), "elsewhere")
			plant(t, target, 0o700)
			require.NoError(t, os.Symlink(target, base))
			chown(t, base, stranger)
		}},
		"lab inside is another user's": {"belongs to user 12345", func(t *testing.T, base string) {
			plant(t, base, 0o700)
			chown(t, filepath.Join(base, "lab"), stranger)
		}},
		"run inside is a link": {"is a symbolic link", func(t *testing.T, base string) {
			plant(t, base, 0o700)
			require.NoError(t, os.Remove(filepath.Join(base, "lab", Runs)))
			require.NoError(t, os.Symlink("/", filepath.Join(base, "lab", Runs)))
		}},
		"a file": {"is not a directory", func(t *testing.T, base string) {
			require.NoError(t, os.WriteFile(base, nil, 0o600))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			cache, temporary := places(t)
			tc.spoil(t, filepath.Join(cache, "meshpeer"))
			dir, said := opened(t)
			usual := filepath.Join(temporary, fmt.Sprintf("meshpeer-%d", os.Geteuid()))
			require.Equal(t, filepath.Join(usual, "lab"), dir)
			require.Contains(t, said, tc.want)
			require.Equal(t, 1, strings.Count(said, "\n"), "one line: %s", said)

			require.NoError(t, os.RemoveAll(usual))
			tc.spoil(t, usual)
			dir, said = opened(t)
			require.True(t, strings.HasPrefix(dir, usual+"-"), dir)
			require.Contains(t, said, "using a new directory")
			again, _ := opened(t)
			require.Equal(t, dir, again, "found again")
		})
	}
}

// Whoever can rename a directory on the way can put another one in its place.
func TestOpenLooksAtTheWayToo(t *testing.T) {
	for name, tc := range map[string]struct {
		want  string
		spoil func(t *testing.T, cache string)
	}{
		"another user's":       {"belongs to user 12345", func(t *testing.T, cache string) { chown(t, cache, stranger) }},
		"writable, not sticky": {"mode 0777", func(t *testing.T, cache string) { require.NoError(t, os.Chmod(cache, 0o777)) }},
		"writable by a group":  {"mode 0775", func(t *testing.T, cache string) { require.NoError(t, os.Chmod(cache, 0o775)) }},
		"a link to such a place": {"mode 0777", func(t *testing.T, cache string) {
			open := cache + "-open"
			require.NoError(t, os.Mkdir(open, 0o700))
			require.NoError(t, os.Chmod(open, 0o777))
			require.NoError(t, os.Remove(cache))
			require.NoError(t, os.Symlink(open, cache))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			cache, temporary := places(t)
			tc.spoil(t, cache)
			dir, said := opened(t)
			require.True(t, strings.HasPrefix(dir, temporary), dir)
			require.Contains(t, said, tc.want)
			require.NoDirExists(t, filepath.Join(cache, "meshpeer"), "nothing was made there")
		})
	}
	t.Run("a link of ours is followed", func(t *testing.T) {
		cache, _ := places(t)
		require.NoError(t, os.Rename(cache, cache+"-real"))
		require.NoError(t, os.Symlink(filepath.Base(cache)+"-real", cache))
		dir, said := opened(t)
		require.Equal(t, filepath.Join(cache, "meshpeer", "lab"), dir)
		require.Empty(t, said)
	})
	t.Run("readable by others is closed", func(t *testing.T) {
		cache, _ := places(t)
		plant(t, filepath.Join(cache, "meshpeer"), 0o755)
		_, said := opened(t) // looks at the mode
		require.Empty(t, said)
	})
}

func TestOpenNowhere(t *testing.T) {
	places(t)
	t.Setenv("XDG_CACHE_HOME", "/proc/self")
	t.Setenv("TMPDIR", "/proc/self/fd")
	_, err := Open(func(string, ...any) {})
	require.ErrorContains(t, err, "no directory to keep things in")
	require.NotContains(t, err.Error(), "\n")
}

func TestLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	never := func() { require.Fail(t, "it waits") }
	release, err := Lock(path, never)
	require.NoError(t, err)
	release()

	t.Run("another user's file", func(t *testing.T) {
		chown(t, path, stranger)
		release, err := Lock(path, never)
		require.NoError(t, err)
		defer release()
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, os.Geteuid(), owner(info))
	})
	t.Run("a link", func(t *testing.T) {
		target := filepath.Join(t.TempDir(), "target")
		require.NoError(t, os.Remove(path))
		require.NoError(t, os.Symlink(target, path))
		release, err := Lock(path, never)
		require.NoError(t, err)
		defer release()
		require.NoFileExists(t, target, "the link is replaced, not followed")
	})
	t.Run("waits once", func(t *testing.T) {
		first, err := Lock(path, never)
		require.NoError(t, err)
		waited := 0
		second, err := Lock(path, func() { waited++; first() })
		require.NoError(t, err)
		second()
		require.Equal(t, 1, waited)
	})
}

func TestExplain(t *testing.T) {
	require.NoError(t, Explain(nil))
	dir := t.TempDir()
	plain := os.ErrClosed
	require.Equal(t, plain, Explain(plain, dir))
	for name, err := range map[string]error{
		"errno":  &os.PathError{Op: "write", Path: "/x/y", Err: unix.ENOSPC},
		"quota":  &os.PathError{Op: "write", Path: "/x/y", Err: unix.EDQUOT},
		"output": fmt.Errorf("etcd ended:\npanic: write /x: no space left on device\ngoroutine 1 [running]:\nmain.main()"),
	} {
		t.Run(name, func(t *testing.T) {
			got := Explain(err, dir)
			require.ErrorIs(t, got, ErrFull)
			require.NotContains(t, got.Error(), "\n")
			require.NotContains(t, got.Error(), "goroutine")
			require.Equal(t, got, Explain(got, dir))
		})
	}
	t.Run("a process that died of it", func(t *testing.T) {
		small := mountSmall(t, "64k")
		got := Explain(fmt.Errorf("etcd ended: SIGBUS\ngoroutine 1 [running]:"), small)
		require.ErrorIs(t, got, ErrFull)
		require.Contains(t, got.Error(), small+" is full")
	})
}

// mountSmall mounts a file system of a given size, which takes root.
func mountSmall(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=0700,size="+size); err != nil {
		t.Skipf("mounting a small file system: %v", err)
	}
	t.Cleanup(func() { require.NoError(t, unix.Unmount(dir, unix.MNT_DETACH)) })
	return dir
}

func TestFree(t *testing.T) {
	dir := t.TempDir()
	here, err := Free(dir)
	require.NoError(t, err)
	require.NotZero(t, here)
	_, err = Free(filepath.Join(dir, "not", "made", "yet"))
	require.NoError(t, err)
	require.Equal(t, []string{"1 MB", "999 MB", "5.9 GB"}, []string{Size(1), Size(999 * MB), Size(6000 * MB)})
}
