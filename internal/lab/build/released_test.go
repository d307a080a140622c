//go:build linux

package build

import (
	"archive/zip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// proxyWith serves one version of the module istio.io/istio from files.
func proxyWith(t *testing.T, version string, files map[string]string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "proxy", filepath.FromSlash(istioModule), "@v")
	require.NoError(t, os.MkdirAll(dir, 0o700))
	out, err := os.Create(filepath.Join(dir, version+".zip"))
	require.NoError(t, err)
	archive := zip.NewWriter(out)
	for name, text := range files {
		w, err := archive.Create(istioModule + "@" + version + "/" + name)
		require.NoError(t, err)
		_, err = w.Write([]byte(text))
		require.NoError(t, err)
	}
	require.NoError(t, archive.Close())
	require.NoError(t, out.Close())
	require.NoError(t, os.WriteFile(filepath.Join(dir, version+".mod"), []byte(files["go.mod"]), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, version+".info"), []byte(`{"Version":"`+version+`"}`), 0o600))
	t.Setenv("GOPROXY", "file://"+filepath.Dir(filepath.Dir(filepath.Dir(dir))))
	t.Setenv("GONOSUMDB", "*")
	t.Setenv("GOMODCACHE", filepath.Join(t.TempDir(), "mod"))
	t.Cleanup(func() { _ = exec.Command("go", "clean", "-modcache").Run() }) // it is read-only
}

// The module of a release is its own go.mod and go.sum with the release as one more requirement, if it is what it was.
func TestModuleOfARelease(t *testing.T) {
	r := Release{Name: "1.2.3", Module: "v0.0.0-20260102030405-0123456789ab", Sum: "h1:x", ModSum: "h1:y"}
	proxyWith(t, r.Module, map[string]string{
		"go.mod": "module istio.io/istio\n\ngo 1.25.0\n\nrequire example.com/a v1.2.3\n",
		"go.sum": "example.com/a v1.2.3 h1:a=\n",
		"x.go":   "package x\n",
	})
	dir := t.TempDir()
	err := r.module(dir)
	require.ErrorContains(t, err, "is not what it was")
	require.NoFileExists(t, filepath.Join(dir, "go.mod"))
	sums := regexp.MustCompile(`checksums are (h1:\S+) and (h1:\S+), not h1:x and h1:y`).FindStringSubmatch(err.Error())
	require.NotNil(t, sums, err.Error())

	r.Sum, r.ModSum = sums[1], sums[2]
	require.NoError(t, r.module(dir))
	read := func(name string) string {
		data, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		return string(data)
	}
	require.Equal(t, "module meshpeer.lab/istio\n\ngo 1.25.0\n\nrequire example.com/a v1.2.3\n\nrequire istio.io/istio "+r.Module+"\n", read("go.mod"))
	require.Equal(t, "example.com/a v1.2.3 h1:a=\nistio.io/istio "+r.Module+" "+r.Sum+"\nistio.io/istio "+r.Module+"/go.mod "+r.ModSum+"\n", read("go.sum"))
	require.Equal(t, string(releasedMain), read("main.go"))

	r.Module = "v0.0.0-20260102030405-ba9876543210"
	require.ErrorContains(t, r.module(dir), "go mod download: istio.io/istio@"+r.Module)
}
