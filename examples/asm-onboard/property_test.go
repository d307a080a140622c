package main

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/examples/asm-onboard/asmtest"
)

var named = regexp.MustCompile(`^asm-onboard: (instance|members|candidates|access|join|settle|network|config|planes|check|peer|verify)( of cluster-[12])?: .+`)

// peered says whether cluster-2 has the remote secret of cluster-1.
func (w *world) peered(t *testing.T) bool {
	t.Helper()
	_, err := w.mesh.Member("cluster-2").Get(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "istio-system", Name: "istio-remote-secret-cluster-1"}})
	return err == nil
}

// Whatever fails, and in whatever order: it ends peered or with an error that names the step, the cluster is never added twice,
// and when the faults are over the next run gets there.
func TestAnySequenceOfFaults(t *testing.T) {
	ends := map[int]int{}
	for seed := range 80 {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(7, uint64(seed)))
			w := newWorld(t)
			w.spoil(random)
			for range 2 {
				got := w.run(t, t.Context(), "-apply", "-timeout", "15ms")
				ends[got.exit]++
				switch got.exit {
				case 0:
					require.True(t, w.peered(t))
					require.Contains(t, got.stdout, "peered and verified")
				default:
					require.Contains(t, []int{1, 2}, got.exit, got.all())
					require.Regexp(t, named, got.lastLine())
				}
				require.LessOrEqual(t, w.asm.Adds("cluster-2"), 1, got.all())
				w.asm.Change("cluster-2", func(c *asmtest.Cluster) { c.Hidden = 0 }) // a moment later ASM lists what it took
			}
			w.asm.Heal()
			w.asm.Change("cluster-2", func(c *asmtest.Cluster) { c.Stuck, c.Message, c.Expired, c.Flag = false, "", 0, 0 })
			w.mu.Lock()
			w.refused = 0
			w.mu.Unlock()
			got := w.run(t, t.Context(), "-apply", "-timeout", "30s")
			require.Zero(t, got.exit, got.all())
			require.True(t, w.peered(t))
			require.Equal(t, 1, w.asm.Adds("cluster-2"), got.all())
		})
	}
	t.Log("runs by exit status: ", ends)
	if !t.Failed() && len(ends) > 0 {
		require.Greater(t, ends[0], 20, "the faults are too hard")
		require.Greater(t, ends[1], 20, "the faults are too weak")
	}
}

// spoil makes a few things fail.
func (w *world) spoil(random *rand.Rand) {
	actions := []string{
		"", "DescribeServiceMeshDetail", "DescribeServiceMeshClusters", "AddClusterIntoServiceMesh", "AddClusterIntoServiceMesh", "DescribeClustersInServiceMesh",
		"DescribeMeshMultiClusterNetwork", "UpdateMeshMultiClusterNetwork", "DescribeServiceMeshKubeconfig", "DescribeClusterUserKubeconfig",
	}
	failures := asmtest.Failures()
	for range 1 + random.IntN(3) {
		times := 1 + random.IntN(3)
		if random.IntN(12) == 0 {
			times = asmtest.Always
		}
		w.asm.Inject(asmtest.Fault{Action: actions[random.IntN(len(actions))], Failure: failures[random.IntN(len(failures))], Times: times})
	}
	w.asm.Change("cluster-2", func(c *asmtest.Cluster) {
		c.Hidden, c.Joining, c.Expired = random.IntN(3), random.IntN(4), max(0, random.IntN(6)-2)
		c.Stuck = random.IntN(16) == 0
		if random.IntN(16) == 0 {
			c.Message = "something is wrong"
		}
		if random.IntN(8) == 0 {
			c.Flag = 1 + random.IntN(4)
		}
	})
	w.refused = max(0, random.IntN(6)-4)
}
