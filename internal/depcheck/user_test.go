package depcheck_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

var moduleLine = regexp.MustCompile(`(?m)^module .*$`)

// TestUserWithFlags compiles and runs the tests of a module that imports the public test kits and has its own -update.
func TestUserWithFlags(t *testing.T) {
	dir := userModule(t, "testdata/user")
	command := exec.CommandContext(t.Context(), "go", "test", "-c", "-o", "user.test", ".")
	command.Dir = dir
	command.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
	out, err := command.CombinedOutput()
	require.NoError(t, err, string(out))
	run := func(update string, args ...string) (string, error) {
		command := exec.CommandContext(t.Context(), "./user.test", args...)
		command.Dir = dir
		command.Env = append(os.Environ(), "MESHPEER_UPDATE="+update)
		out, err := command.CombinedOutput()
		return string(out), err
	}

	said, err := run("", "-test.run", "TestReader")
	require.Error(t, err, "there is no golden file yet:\n%s", said)
	require.Contains(t, said, "MESHPEER_UPDATE=1")

	said, err = run("", "-test.run", "TestOwnGolden|TestReader", "-update")
	require.Error(t, err, "the user's flag is not for the golden files of the kit:\n%s", said)
	require.FileExists(t, filepath.Join(dir, "own.txt"))
	require.NoDirExists(t, filepath.Join(dir, "testdata"))

	said, err = run("1")
	require.NoError(t, err, said)
	require.FileExists(t, filepath.Join(dir, "testdata", "reader.yaml"))

	said, err = run("")
	require.NoError(t, err, said)
	require.Contains(t, said, "PASS")
}

// userModule makes a module of a user from the files in a folder: our requirements, offline, and this working tree.
func userModule(t *testing.T, folder string) string {
	t.Helper()
	see(t)
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS(folder)))
	ours, err := os.ReadFile(filepath.Join(root, "go.mod"))
	require.NoError(t, err)
	theirs := moduleLine.ReplaceAllString(string(ours), "module example.com/user") +
		"\nrequire " + module + " v0.0.0\nreplace " + module + " => " + root + "\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte(theirs), 0o600))
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.sum"), sums, 0o600))
	return dir
}
