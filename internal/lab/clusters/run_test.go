//go:build linux

package clusters

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestClean(t *testing.T) {
	out := "2026\twarn\tThe environment variable POD_NAMESPACE was registered multiple times using different metadata\n{}\n"
	require.Equal(t, "{}\n", string(clean([]byte(out))))
}
