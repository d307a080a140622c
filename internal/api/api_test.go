package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	unreleased = "# Changelog\n\n## Unreleased\n\n- more\n"
	v1         = "\n## v0.1.0 (2026-01-31)\n\n- first\n\n### Incompatible\n\n- `p.Old` is older than the first release\n"
	removed    = "Ignoring internal package p/internal/x\n- ./p.(*T).Gone: removed\n- ./q/p.Old: changed from func() to func(int)\n"
)

// history is a repository whose commits are changelogs; a version is tagged at its commit.
func history(t *testing.T, commits ...string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	git(t, dir, "init", "--quiet", "--initial-branch=main")
	for i, text := range commits {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "CHANGELOG.md"), []byte(text), 0o600))
		require.NoError(t, os.MkdirAll(filepath.Join(dir, "p"), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "p", "p.go"), []byte{'0' + byte(i)}, 0o600))
		git(t, dir, "add", ".")
		git(t, dir, "commit", "--quiet", "-m", "c")
	}
	return dir
}

func git(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", append([]string{"-c", "user.name=t", "-c", "user.email=t@example.com"}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "git %v: %s", args, out)
}

// compare runs with a differ that finds these changes, and returns which p.go it was shown as the base.
func compare(t *testing.T, dir, base, changes string) (seen, said string, err error) {
	t.Helper()
	var out bytes.Buffer
	err = run(dir, base, func(before, after string) ([]byte, error) {
		require.Equal(t, dir, after)
		text, err := os.ReadFile(filepath.Join(before, "p", "p.go"))
		require.NoError(t, err)
		seen = string(text)
		return []byte(changes), nil
	}, &out)
	return seen, out.String(), err
}

func TestNothingReleased(t *testing.T) {
	none := t.TempDir() // not even a repository
	require.NoError(t, os.WriteFile(filepath.Join(none, "CHANGELOG.md"), []byte(unreleased), 0o600))
	for _, dir := range []string{none, history(t, unreleased), history(t, unreleased, unreleased+v1)} { // the last is about to be
		seen, said, err := compare(t, dir, "", removed)
		require.NoError(t, err)
		require.Empty(t, seen)
		require.Contains(t, said, "nothing is released yet")
	}
}

func TestChangesSinceTheRelease(t *testing.T) {
	told := "\n### Incompatible\n\n- `p.T.Gone` is gone, and `p.Old` takes a number\n"
	for name, c := range map[string]struct{ log, changes, untold string }{
		"additions only":         {unreleased + v1, "", ""},
		"nothing told":           {unreleased + v1, removed, "2 of them"},
		"all told":               {unreleased + told + v1, removed, ""},
		"one told":               {unreleased + "\n### Incompatible\n\n- `p.Old`\n" + v1, removed, "1 of them"},
		"told in another place":  {unreleased + "\n### New\n\n- `p.T.Gone` and `p.Old`\n" + v1, removed, "2 of them"},
		"told of the last time":  {unreleased + v1 + "- `p.T.Gone` and `p.Old`\n", removed, "2 of them"},
		"a release is prepared":  {"# Changelog\n\n## 0.2.0\n\n" + told + v1, removed, ""},
		"a package is gone":      {unreleased + "\n### Incompatible\n\n- `q`\n" + v1, "- package m/q: removed\n", ""},
		"a name is part of one":  {unreleased + "\n### Incompatible\n\n- `p.T.Gone`, `p.Older`\n" + v1, removed, "1 of them"},
		"a name without a quote": {unreleased + "\n### Incompatible\n\n- p.T.Gone and `p.Old`\n" + v1, removed, "1 of them"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := history(t, unreleased+v1, c.log+"\n")
			git(t, dir, "tag", "v0.1.0", "HEAD~1")
			seen, said, err := compare(t, dir, "", c.changes)
			require.Equal(t, "0", seen)
			if c.untold == "" {
				require.NoError(t, err, said)
			} else {
				require.ErrorContains(t, err, c.untold)
				require.ErrorContains(t, err, "v0.1.0")
				require.Contains(t, said, "NOT told of")
			}
		})
	}
}

func TestAnyBase(t *testing.T) {
	seen, said, err := compare(t, history(t, unreleased, unreleased+"\n", unreleased), "HEAD~1", removed)
	require.NoError(t, err, "only a look")
	require.Equal(t, "1", seen)
	require.Contains(t, said, "p.T.Gone: removed")
	_, _, err = compare(t, history(t, unreleased), "nowhere", removed)
	require.ErrorContains(t, err, "nowhere")
}

func TestShallowClone(t *testing.T) {
	origin := history(t, unreleased+v1, unreleased+v1+"\n", unreleased+v1)
	git(t, origin, "tag", "v0.1.0", "HEAD~2")
	dir := filepath.Join(t.TempDir(), "clone")
	git(t, ".", "clone", "--quiet", "--depth=1", "file://"+origin, dir)
	seen, _, err := compare(t, dir, "", removed)
	require.ErrorContains(t, err, "2 of them")
	require.Equal(t, "0", seen)
	tags, err := command(dir, "git", "for-each-ref", "refs/tags")
	require.NoError(t, err)
	require.Empty(t, tags, "no reference is made")

	git(t, origin, "tag", "-d", "v0.1.0")
	_, said, err := compare(t, dir, "", removed)
	require.NoError(t, err)
	require.Contains(t, said, "nothing is released yet")

	git(t, dir, "remote", "set-url", "origin", "file://"+origin+"-gone")
	_, _, err = compare(t, dir, "", removed)
	require.ErrorContains(t, err, "git fetch --unshallow --tags", "what cannot be asked is not nothing")
}

func TestDifferFails(t *testing.T) {
	_, err := command(".", "go", "run", "./absent")
	require.ErrorContains(t, err, "absent", "with what it complains of")
}
