package preflight_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/probe"
)

// one is the healthy world with one thing changed, and what the check must say of it.
type one struct {
	check, name string
	change      func(*world)
	status      probe.Status
	evidence    string
}

func cases() []one {
	return slices.Concat(peerCases(), servedCases(), serverCases(), trustCases(), gatewayCases(), workloadCases(), policyCases(), trafficCases())
}

func TestChecks(t *testing.T) {
	endpoint, ca := apiServer(t), root(now.AddDate(9, 0, 0))
	for _, c := range cases() {
		t.Run(c.check+"/"+c.name, func(t *testing.T) {
			w := newWorld(t, endpoint, ca)
			c.change(w)
			findings := run(t, w.in)[c.check]
			i := slices.IndexFunc(findings, func(f preflight.Finding) bool {
				return f.Status == c.status && strings.Contains(f.Subject+": "+f.Evidence, c.evidence)
			})
			require.GreaterOrEqual(t, i, 0, "no finding is %s with %q in %+v", c.status, c.evidence, findings)
			if c.status != probe.Passed && c.status != probe.Skipped {
				require.NotEmpty(t, findings[i].Remedy)
			}
			if c.status == probe.Failed {
				require.Equal(t, preflight.Blocks, findings[i].Severity)
			}
		})
	}
}

// TestEveryCheckCanFailAndBeUnknown holds the list of cases complete; passing is TestHealthyMeshPassesEveryCheck.
func TestEveryCheckCanFailAndBeUnknown(t *testing.T) {
	seen := map[string]map[probe.Status]bool{}
	for _, c := range cases() {
		if seen[c.check] == nil {
			seen[c.check] = map[probe.Status]bool{}
		}
		seen[c.check][c.status] = true
	}
	for _, c := range preflight.Checks() {
		want := probe.Failed
		if c.Severity != preflight.Blocks {
			want = probe.Warned
		}
		if c.ID != "asm-gateway" { // what ASM documents does not say that there must be one
			require.True(t, seen[c.ID][want], "%s has no case that is %s", c.ID, want)
		}
		require.True(t, seen[c.ID][probe.Unknown], "%s has no case that is unknown", c.ID)
	}
}

func TestTableIsComplete(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range preflight.Checks() {
		require.False(t, seen[c.ID], c.ID)
		seen[c.ID] = true
		require.Regexp(t, `^[a-z]+(-[a-z]+)*$`, c.ID)
		require.Contains(t, []preflight.Severity{preflight.Blocks, preflight.Warns, preflight.Informs}, c.Severity)
		require.NotEmpty(t, c.Asks)
		require.NotEmpty(t, c.Needs)
		require.NotEmpty(t, c.Source)
	}
}
