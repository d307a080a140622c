//go:build linux

package enter

import (
	"io"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/internal/lab/build"
	"github.com/meshpeer/meshpeer/internal/lab/progress"
)

func TestBuildReleases(t *testing.T) {
	r := progress.New(io.Discard)
	require.ErrorContains(t, buildReleases(t.TempDir(), []string{"9"}, r), `lab: no Istio "9": there are `)
	t.Setenv("PATH", "")
	require.ErrorIs(t, buildReleases(t.TempDir(), []string{"1.29.1"}, r), ErrUnavailable, "without Go")
	require.NoError(t, buildReleases(t.TempDir(), nil, r))
}

// Inside nothing is built, and the error says what the program forgot.
func TestIstioInside(t *testing.T) {
	home := &Residence{Dir: filepath.Join(t.TempDir(), "run", "1"), Bin: "/lab/controlplane"}
	for _, name := range []string{"", "1.31"} {
		own, err := home.Istio(name)
		require.NoError(t, err)
		require.Equal(t, "/lab/controlplane", own.Bin)
		require.Equal(t, "/lab/"+build.IstioCRDs, own.File(build.IstioCRDs))
	}
	for range 2 {
		_, err := home.Istio("1.29")
		require.ErrorContains(t, err, "istio 1.29.1 is not built: name it in EnterOptions.Istio")
	}
	_, err := home.Istio("9")
	require.ErrorContains(t, err, `no Istio "9"`)
}
