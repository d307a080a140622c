package doccheck_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/meshpeer/meshpeer/internal/golden"
	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/probe"
)

const troubleshooting = `# Troubleshooting

Generated from the tables of packages probe, peering/istiod and peering/preflight; do not edit.

Begin at the top and stop at the first table that has what you see. ` + "`Peering.Verify`" + ` with ` + "`Peering.Workload`" + ` does the same for a
link: it climbs from the remote secret to an answered request, and the first result that does not hold is the diagnosis. A
result that is unknown is no failure: something could not be seen from where you ask, and its hint says what would show it.

## What Verify says

| result | not passed means | read |
| --- | --- | --- |
| ` + "`remote-secret`" + ` | there is no Secret that istiod accepts for this cluster | [remote secret](asm.md#what-istiod-accepts) |
| ` + "`credential`" + ` | the API server of To refuses the token, or takes it for another account | [rotation](rotation.md), [revocation](revocation.md) |
| ` + "`rights`" + ` | the reader may not do all that istiod needs | [rights](rights.md) |
| ` + "`istiod-synced`" + ` | a replica of From's istiod does not read To | [below](#what-an-istiod-says-of-a-cluster) |
| ` + "`discovery-fresh`" + ` | an istiod does not see what changes in To, whatever it says | [unattended](unattended.md#do-the-istiods-still-see-changes) |
| all after it | workloads | [below](#what-a-request-got) |

`

// TestTroubleshooting keeps docs/troubleshooting.md what the tables say; MESHPEER_UPDATE=1 writes it.
func TestTroubleshooting(t *testing.T) {
	var b strings.Builder
	b.WriteString(troubleshooting)
	b.WriteString("## What an istiod says of a cluster\n\nOf each replica, in its own words (`/debug/clusterz`), or in ours where it is `not seen`.\n" +
		"`synced` tells of the first sync only: it stays when the credential stops working later.\n\n")
	row(&b, "status", "what to look at")
	row(&b, "---", "---")
	for _, s := range []istiod.Status{istiod.NotSeen, istiod.Syncing, istiod.TimedOut, istiod.Degraded, istiod.Closed} {
		row(&b, "`"+string(s)+"`", s.Hint())
	}
	b.WriteString("\n## What a request got\n\nThe first row that fits counts. Exit codes are curl's; answers are those that an Envoy makes. " +
		"`probe.Diagnose` says\nthe same of a `probe.Sighting`.\n\n")
	row(&b, "seen", "diagnosis", "cause", "do")
	row(&b, "---", "---", "---", "---")
	for _, d := range probe.Diagnoses() {
		name := "`" + d.Symptom + "`"
		if d.Status == probe.Unknown {
			name += " (unknown)"
		}
		row(&b, d.Seen, name, d.Cause, d.Remedy)
	}
	b.WriteString("\n## What preflight stops at\n\nWhile one of these fails, nothing is written for the link; the finding says what was seen and what to do.\n" +
		"`Peering.Tolerate` lets a link through all the same. The last ones, of namespace, Service, client and server, are made only by\n" +
		"`preflight.Run` with an `Input.Workload`. What only warns is in [preflight](preflight.md#checks), and so are the\n" +
		"[hazards of a rotation](preflight.md#hazards-of-a-rotation).\n\n")
	row(&b, "finding", "what must hold")
	row(&b, "---", "---")
	for _, c := range preflight.Checks() {
		if c.Severity == preflight.Blocks {
			row(&b, "`"+c.ID+"`", c.Asks)
		}
	}
	golden.Equal(t, "../../../docs/troubleshooting.md", []byte(b.String()))
}

func row(b *strings.Builder, cells ...string) {
	for i, c := range cells {
		cells[i] = strings.ReplaceAll(c, "|", `\|`)
	}
	fmt.Fprintf(b, "| %s |\n", strings.Join(cells, " | "))
}
