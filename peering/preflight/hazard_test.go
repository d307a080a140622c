package preflight_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/peering/preflight"
)

func TestHazards(t *testing.T) {
	const swap, off = "swap-never-ends", "credentials-controller-off"
	for version, want := range map[string][]string{
		"1.12.3":                  {"not-picked-up", "stop-then-start"},
		"1.14.0":                  {"stop-then-start"},
		"1.27.1":                  {"stop-then-start", "second-secret-ignored"},
		"1.27.2":                  {"stop-then-start"},
		"1.28":                    {"stop-then-start"},
		"1.29.0-rc.0":             {"stop-then-start"},
		"1.29.0":                  {"stop-then-start", "controller-deadlock"},
		"1.29.2-distroless":       {"stop-then-start", "controller-deadlock"},
		"1.29.3":                  {"stop-then-start"},
		"1.30.0":                  {"registry-deadlock", "shards-wiped", "gateway-vanishes", swap},
		"v1.30.2":                 {"registry-deadlock", "shards-wiped", "gateway-vanishes", swap},
		"1.30.3":                  {"shards-wiped", "gateway-vanishes", swap},
		"1.30.4":                  {swap},
		"1.31.0-alpha.1":          {"shards-wiped", "gateway-vanishes", swap, off},
		"1.31.0-alpha.2":          {swap, off},
		"1.31.0-beta.0":           {swap, off},
		"1.31.0":                  {swap, off},
		"1.29.1.78-gd3ac4cbd-asm": {"stop-then-start", "controller-deadlock"},
		"":                        {"version-unreadable"},
		"latest":                  {"version-unreadable"},
		"0.0.0-dev":               {"version-unreadable"},
		"99999.1":                 {"version-unreadable"},
	} {
		t.Run(version, func(t *testing.T) {
			var got []string
			for _, h := range preflight.Hazards(version) {
				got = append(got, h.ID)
				require.NotEmpty(t, h.What)
				require.NotEmpty(t, h.Source)
				require.NotEmpty(t, h.Remedy)
			}
			require.Equal(t, want, got)
		})
	}
}

func TestHazardsAreNamedOnceAndBounded(t *testing.T) {
	seen := map[string]bool{}
	for _, h := range preflight.AllHazards() {
		require.False(t, seen[h.ID])
		seen[h.ID] = true
		require.NotEmpty(t, h.Ranges)
		require.Contains(t, []preflight.Measure{preflight.Warn, preflight.Restart, preflight.Refuse}, h.Do)
		if h.Do == preflight.Refuse {
			require.NotEmpty(t, h.When, "%s would forbid every rotation", h.ID)
		}
	}
}

func FuzzHazards(f *testing.F) {
	for _, seed := range []string{"1.30.3", "v1.31.0-alpha.1", "1.22.6.78-gd3ac4cbd-aliyun", "1.", "-", "1.2.3-rc"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, version string) {
		for _, h := range preflight.Hazards(version) {
			require.NotEmpty(t, h.ID)
		}
	})
}
