package danger_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/internal/danger"
)

func TestAll(t *testing.T) {
	seen := map[string]bool{}
	for _, d := range danger.All() {
		require.Regexp(t, `^[a-z]+(-[a-z]+)*$`, d.Check)
		require.False(t, seen[d.Check], d.Check)
		seen[d.Check] = true
		require.NotEmpty(t, d.Why+d.Remedy+d.Source)
		require.NotEmpty(t, d.Rights)
		for _, r := range d.Rights {
			require.NotContains(t, strings.Join(r.Verbs, "")+strings.Join(r.APIGroups, "")+strings.Join(r.Resources, ""), "*", "%s: the rights are found one by one", d.Check)
			require.Empty(t, r.ResourceNames)
		}
	}
	require.Len(t, seen, 13)
}
