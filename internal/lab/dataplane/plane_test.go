//go:build linux

package dataplane

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// A Pod that comes does not touch what those that are there read.
func TestReplace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "resolv")
	open := func() *os.File {
		f, err := os.Open(path)
		require.NoError(t, err)
		t.Cleanup(func() { _ = f.Close() })
		return f
	}
	same := func(a, b *os.File) bool {
		x, err := a.Stat()
		require.NoError(t, err)
		y, err := b.Stat()
		require.NoError(t, err)
		return os.SameFile(x, y)
	}
	require.NoError(t, replace(path, "one"))
	first := open()
	require.NoError(t, replace(path, "one"))
	require.True(t, same(first, open()))
	require.NoError(t, replace(path, "two"))
	second := open()
	require.False(t, same(first, second))
	text := make([]byte, 8)
	n, err := first.Read(text)
	require.NoError(t, err)
	require.Equal(t, "one", string(text[:n]))
	left, err := filepath.Glob(path + "*")
	require.NoError(t, err)
	require.Equal(t, []string{path}, left)
}
