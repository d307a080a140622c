package peering_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/secrets"
)

// TestRoundsOfALink counts how often a verb waits for answers before it can go on. A request takes a round, and what is asked
// at the same time takes no longer.
func TestRoundsOfALink(t *testing.T) {
	const round = 250 * time.Millisecond // more than all pauses together
	for _, c := range []struct {
		name            string
		p               peering.Peering
		stored, rotated int // rounds of Ensure and Rotate, up to the remote secret
		again           int // of an Ensure that finds nothing to do
	}{
		// What is there; preflight, and of that what depends on Pods; the account; the token and, meanwhile, the roles; its value;
		// whose it is and what it may; the remote secret.
		{"durable", peering.Peering{}, 8, 9, 4},
		{"bound", peering.Peering{Credential: secrets.KindBound}, 8, 9, 4},
		{"minimal", peering.Peering{Reader: rbac.Options{Profile: rbac.Minimal}}, 11, 10, 4}, // two Roles more than the token takes, and the rights in their namespace
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				mesh := peeringtest.New(peeringtest.Options{Size: 2, Latency: round})
				link := peering.Mesh(mesh.Clusters()...)[0]
				p := &c.p
				var start time.Time
				var stored, over int
				p.Observe = func(e peering.Event) {
					if e.Stage == peering.StageShare {
						stored = int(time.Since(start) / round)
					}
				}
				do := func(goal peering.Goal) {
					start = time.Now()
					_, err := apply(p, goal, link)
					require.NoError(t, err)
					over = int(time.Since(start) / round)
				}
				do(peering.Present)
				require.LessOrEqual(t, stored, c.stored)
				require.LessOrEqual(t, over, stored+2, "one look at each istiod, and a list of them that confirms it")
				do(peering.Present)
				require.LessOrEqual(t, over, c.again)
				do(peering.Rotated)
				require.LessOrEqual(t, stored, c.rotated)
				t.Log(stored, over)
			})
		})
	}
}
