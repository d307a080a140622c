package peering_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/secrets"
)

// TestCostOfALink counts requests: a link has its budget, and so has each cluster, however many links it has.
func TestCostOfALink(t *testing.T) {
	for _, tt := range []struct {
		p             peering.Peering
		writes, reads int
	}{
		{peering.Peering{}, 6, 5},
		{peering.Peering{Credential: secrets.KindBound}, 6, 5},
		{peering.Peering{Reader: rbac.Options{Profile: rbac.Upstream}}, 6, 5},
		{peering.Peering{Reader: rbac.Options{Profile: rbac.Minimal}}, 8, 5},
	} {
		for _, size := range []int{2, 3, 12} { // 2, 6 and 132 links; 1 below
			t.Run(fmt.Sprint(tt.p.Credential, tt.p.Reader.Profile, size), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					mesh := peeringtest.New(peeringtest.Options{Size: size})
					links := peering.Mesh(mesh.Clusters()...)
					if size == 2 {
						links = links[:1]
					}
					_, err := tt.p.Ensure(t.Context(), links...)
					require.NoError(t, err)
					wrote, read, list := spent(mesh)
					require.LessOrEqual(t, wrote, tt.writes*len(links))
					require.LessOrEqual(t, read, tt.reads*len(links)+8*size, "%d links: %v", len(links), list)

					report, err := tt.p.Ensure(t.Context(), links...)
					require.NoError(t, err)
					require.False(t, report.Changed())
					wrote, read, list = spent(mesh)
					require.Zero(t, wrote)
					require.LessOrEqual(t, read, 2*len(links)+8*size, "%d links: %v", len(links), list)
					if size == 12 {
						require.LessOrEqual(t, read, len(links)+8*size, "one look at each credential: %v", list)
					}
				})
			})
		}
	}
}

// spent are the requests since the last time: writes, reads with reviews, and how often which.
func spent(mesh *peeringtest.Mesh) (wrote, read int, list map[string]int) {
	list = map[string]int{}
	for _, m := range mesh.Members() {
		for _, c := range m.Calls() {
			if c.Verb == "create token" || c.Verb == "exec" {
				continue
			}
			list[c.Verb+" "+strings.TrimSuffix(c.Kind, "List")]++
			if c.Write() {
				wrote++
			} else {
				read++
			}
		}
		m.ForgetCalls()
	}
	return wrote, read, list
}
