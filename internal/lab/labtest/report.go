//go:build linux

package labtest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/probe"
)

// Passed requires that all that a report verified has passed. The link itself may be warned, of what its version does.
func Passed(t testing.TB, report *peering.Report, err error) {
	t.Helper()
	require.NoError(t, err)
	require.NotEmpty(t, report.Links)
	for _, l := range report.Links {
		for _, r := range l.Results {
			require.Equal(t, probe.Passed, r.Status, "%s -> %s: %s: %s; %s", l.From, l.To, r.Check, r.Summary, r.Hint)
		}
		if len(l.Warnings) > 0 {
			require.Equal(t, probe.Warned, l.Status, "%+v", l)
		} else {
			require.Equal(t, probe.Passed, l.Status, "%+v", l)
		}
	}
}
