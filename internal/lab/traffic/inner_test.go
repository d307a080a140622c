//go:build linux

package traffic_test

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/internal/lab"
)

// envInner makes this test binary one that runs inside a test: a lab in a lab, as another user or on a poorer machine.
const envInner = "MESHPEER_TEST_INNER"

// inner runs one test of this binary as another program and returns what it said.
func inner(t *testing.T, test string, change func(*exec.Cmd)) (string, error) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self, "-test.v", "-test.run=^"+test+"$")
	cmd.Env = append(os.Environ(), envInner+"="+test)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if change != nil {
		change(cmd)
	}
	err = cmd.Run()
	return said.String(), err
}

func onlyInner(t *testing.T) {
	t.Helper()
	if os.Getenv(envInner) != t.Name() {
		t.Skip("it runs inside another test")
	}
}

// A machine without Envoy runs control planes, and says in one sentence what to do.
func TestWithoutEnvoy(t *testing.T) {
	sharedLab(t)
	said, err := inner(t, "TestInnerWithoutEnvoy", func(cmd *exec.Cmd) {
		cmd.Env = append(cmd.Env, "ENVOY=/no/such/envoy", lab.EnvRequired+"=optional")
	})
	require.NoError(t, err, said)
	require.Contains(t, said, "--- SKIP: TestInnerWithoutEnvoy")
	require.Contains(t, said, "no data plane: ENVOY: stat /no/such/envoy: no such file or directory")

	said, err = inner(t, "TestInnerWithoutEnvoy", func(cmd *exec.Cmd) {
		cmd.Env = append(cmd.Env, "ENVOY=/no/such/envoy", lab.EnvRequired+"=required")
	})
	require.Error(t, err)
	require.Contains(t, said, "--- FAIL: TestInnerWithoutEnvoy")
}

func TestInnerWithoutEnvoy(t *testing.T) {
	onlyInner(t)
	var told []string
	l, err := lab.Start(t.Context(), lab.Options{
		Clusters: []lab.ClusterOptions{{ID: "only", NoIstiod: true}}, DataPlane: &lab.DataPlane{},
		Progress: func(line string) { told = append(told, line) },
	})
	require.NoError(t, err)
	defer l.Close()
	require.ErrorContains(t, l.DataPlaneErr(), "lab: no data plane: ENVOY: ")
	require.Contains(t, told[0], "no data plane: ENVOY: stat /no/such/envoy: no such file or directory: control planes only")
	require.ErrorIs(t, l.Clusters[0].WaitPods(t.Context(), "default", "", 0), l.DataPlaneErr())
	lab.RequireDataPlane(t)
}

// All of it works for a user of whom a user namespace knows nothing but one ID.
func TestOrdinaryUser(t *testing.T) {
	l := sharedLab(t)
	if os.Getenv(envInner) == "" && !initialUser(t) {
		t.Skip("all tests run as an ordinary user already")
	}
	dir, err := os.MkdirTemp("", "")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	const nobody = 65534
	said, err := inner(t, "TestInnerTeapot", func(cmd *exec.Cmd) {
		home := filepath.Join(dir, "home")
		require.NoError(t, os.Chmod(dir, 0o755))
		require.NoError(t, os.Mkdir(home, 0o700))
		require.NoError(t, os.Chown(home, nobody, nobody))
		binary := os.Getenv(lab.EnvBinary)
		files, err := filepath.Glob(filepath.Join(filepath.Dir(binary), "*"))
		require.NoError(t, err)
		for _, from := range append(files, cmd.Path, filepath.Join(l.Dir, "bin", "envoy")) {
			duplicate(t, from, dir)
		}
		cmd.Path, cmd.Dir = filepath.Join(dir, filepath.Base(cmd.Path)), home
		cmd.Env = append(cmd.Env, "HOME="+home, "XDG_CACHE_HOME="+home, "TMPDIR="+home, "ENVOY="+filepath.Join(dir, "envoy"),
			lab.EnvBinary+"="+filepath.Join(dir, filepath.Base(binary)), lab.EnvRequired+"=required")
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	})
	require.NoError(t, err, said)
	require.Contains(t, said, "--- PASS: TestInnerTeapot")
}

func TestInnerTeapot(t *testing.T) {
	onlyInner(t)
	l := sharedLab(t)
	require.False(t, initialUser(t))
	scale(t, l.Clusters[1], 0)
	answersFrom(t, l.Clusters[1], "cluster-1")
	requireMutualTLS(t, l.Clusters[1])
}

// initialUser says whether all user IDs exist here.
func initialUser(t *testing.T) bool {
	t.Helper()
	ids, err := os.ReadFile("/proc/self/uid_map")
	require.NoError(t, err)
	return bytes.Contains(ids, []byte("4294967295"))
}

func duplicate(t *testing.T, from, dir string) {
	t.Helper()
	in, err := os.Open(from)
	require.NoError(t, err)
	defer in.Close()
	out, err := os.OpenFile(filepath.Join(dir, filepath.Base(from)), os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o755)
	require.NoError(t, err)
	_, err = io.Copy(out, in)
	require.NoError(t, err)
	require.NoError(t, out.Close())
}
