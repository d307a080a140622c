//go:build !race

package istiod

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestLookDoesNotGrow: a look allocates no more in a large mesh than in a small one, where the answer is as before. The race
// detector empties pools at random, and so it is left out.
func TestLookDoesNotGrow(t *testing.T) {
	allocated := func(clusters int) (clusterz, holdings float64) {
		var known, shards, gateways []string
		for n := range clusters {
			known = append(known, fmt.Sprintf(`{"id":"cluster-%d","secretName":"istio-system/istio-remote-secret-cluster-%d","syncStatus":"synced"}`, n, n))
			shards = append(shards, fmt.Sprintf(`"Kubernetes/cluster-%d":[{"Addresses":["10.0.0.1"],"Labels":null,"TLSMode":"istio"},{}]`, n))
			gateways = append(gateways, `{"Network":"n","Cluster":"other","Addr":"192.0.2.1","Port":15443}`)
		}
		r := texts(map[string]string{
			clusterzPath:      "[" + strings.Join(known, ",") + "]",
			shardz:            `{"a.default.svc.cluster.local":{"default":{"ServiceAccounts":null,"Shards":{` + strings.Join(shards, ",") + `}}}}`,
			"/debug/networkz": "[" + strings.Join(gateways, ",") + "]",
		})
		room, err := r.clusterz(t.Context(), nil)
		require.NoError(t, err)
		require.Len(t, room, clusters)
		clusterz = testing.AllocsPerRun(20, func() { room, err = r.clusterz(t.Context(), room) })
		require.NoError(t, err)
		holdings = testing.AllocsPerRun(20, func() { _, err = r.HoldingsOf(t.Context(), "cluster-1") })
		require.NoError(t, err)
		return clusterz, holdings
	}
	fewStatus, fewHeld := allocated(10)
	manyStatus, manyHeld := allocated(100)
	require.LessOrEqual(t, manyStatus, fewStatus+2)
	require.LessOrEqual(t, manyHeld, fewHeld+10, "a list that grows is moved a few times")
}
