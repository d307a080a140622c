//go:build linux

package e2e_test

import (
	"context"
	"errors"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/traffic"
	"github.com/meshpeer/meshpeer/probe"
)

// refusal is what a failover that was not begun is told.
func refusal(ctx context.Context, s *scene) diagnosis {
	_, err := traffic.Workload{}.Failover(s.link.Sides()).Check(ctx)
	refused, ok := errors.AsType[*probe.RefusedError](err)
	if !ok {
		return diagnosis{level: "failover", summary: "not refused"}
	}
	return diagnosis{"failover", probe.Skipped, refused.Reason, refused.Remedy}
}

var autoscaled = fault{
	name: "autoscaler present",
	inflict: func(t *testing.T, s *scene) func() {
		s.scale(t, s.from, "httpbin", 1)
		return with(t, `{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: httpbin},
			spec: {maxReplicas: 2, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: httpbin}}}`, s.link.From)
	},
	look: refusal,
	want: diagnosis{"failover", probe.Skipped, "HorizontalPodAutoscaler/httpbin", "pause that first"},
}

// killed is a failover whose process dies by SIGKILL while the workload is at zero. The next one is refused, and
// probe.Recover gives the replicas back.
var killed = fault{
	name: "failover killed at zero",
	inflict: func(t *testing.T, s *scene) func() {
		s.scale(t, s.from, "httpbin", 1)
		_, dead := child(t, s.world, verbFailover, 0)
		require.True(t, dead)
		require.NoError(t, s.from.WaitPods(t.Context(), "default", "app=httpbin", 0))
		return func() {
			f := traffic.Workload{}.Failover(s.link.Sides())
			recovery, err := probe.Recover(t.Context(), f.Target, f.Local)
			require.NoError(t, err)
			require.True(t, recovery.Found)
			require.Equal(t, 1, recovery.Replicas)
			require.NoError(t, s.from.WaitPods(t.Context(), "default", "app=httpbin", 1))
			again, err := probe.Recover(t.Context(), f.Target, f.Local)
			require.NoError(t, err)
			require.False(t, again.Found, "the record is gone")
			check, err := f.Check(t.Context())
			require.NoError(t, err)
			require.Equal(t, 1, check.Replicas)
		}
	},
	look: refusal,
	want: diagnosis{"failover", probe.Skipped, "the record of another run", "call Recover if it is dead"},
}

// verbFailover is the child's that dies where others would ask who answers.
const verbFailover = "failover"

func failoverMain() int {
	var clusters []*peering.Cluster
	for _, c := range []struct {
		id   peering.ID
		file string
	}{{peering.MustID("cluster-2"), envFrom}, {peering.MustID("cluster-1"), envTo}} {
		config, err := clientcmd.BuildConfigFromFlags("", os.Getenv(c.file))
		if err != nil {
			panic(err)
		}
		cluster, err := peering.Connect(c.id, config, peering.ConnectOptions{})
		if err != nil {
			panic(err)
		}
		clusters = append(clusters, cluster)
	}
	f := traffic.Workload{}.Failover(clusters[0].Side(), clusters[1].Side())
	f.Consent = f.Target
	f.Answer = probe.ProberFunc(func(context.Context) probe.Result {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // until it arrives
	})
	_, err := f.Run(context.Background())
	panic(err)
}
