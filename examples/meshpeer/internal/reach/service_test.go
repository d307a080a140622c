package reach_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/examples/meshpeer/internal/reach"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
	"github.com/meshpeer/meshpeer/peering/traffic"
	"github.com/meshpeer/meshpeer/probe"
)

// tried is what the topmost rung that was climbed says of orders, from east to west.
func tried(t *testing.T, furnish func(east, west *peeringtest.Member), path string) probe.Result {
	t.Helper()
	var last probe.Result
	synctest.Test(t, func(t *testing.T) {
		mesh := peeringtest.New(peeringtest.Options{Names: []string{"east", "west"}, Workloads: true})
		east, west := mesh.Member("east"), mesh.Member("west")
		link := peering.Link{From: east.Cluster, To: west.Cluster}
		_, err := new(peering.Peering).Ensure(t.Context(), link)
		require.NoError(t, err)
		furnish(east, west)
		check := &reach.Service{Workload: traffic.Workload{Service: "orders", Port: 8080, Poll: probe.Poll{Timeout: 5 * time.Second}}, Path: path}
		report, _ := (&peering.Peering{Workload: check}).Verify(t.Context(), link)
		require.NotNil(t, report)
		results := report.Links[0].Results
		last = results[len(results)-1]
	})
	return last
}

func orders(replicas int32) peeringtest.App {
	return peeringtest.App{Name: "orders", Port: 8080, Replicas: replicas}
}

// scaled gives a Deployment so many replicas.
func scaled(m *peeringtest.Member, name string, replicas int32) {
	like := &appsv1.Deployment{TypeMeta: metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"}, ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name}}
	o, err := m.Get(context.Background(), like)
	if err != nil {
		panic(err)
	}
	o.(*appsv1.Deployment).Spec.Replicas = &replicas
	if _, err = m.Update(context.Background(), o); err != nil {
		panic(err)
	}
}

func TestService(t *testing.T) {
	for name, tt := range map[string]struct {
		furnish func(east, west *peeringtest.Member)
		path    string
		check   string
		status  probe.Status
		summary string
	}{
		"answers":         {func(east, west *peeringtest.Member) { east.Run(orders(0)); west.Run(orders(1)) }, "/", "answer", probe.Passed, "west answers 404, at 10.2.0.3:8080"},
		"answers a query": {func(east, west *peeringtest.Member) { east.Run(orders(0)); west.Run(orders(1)) }, "/status/418?a=b", "answer", probe.Passed, "west answers 418"},
		"both answer":     {func(east, west *peeringtest.Member) { east.Run(orders(1)); west.Run(orders(1)) }, "/", "answer", probe.Passed, "west answers"},
		"From answers": {func(east, west *peeringtest.Member) {
			east.PreferLocal = true
			east.Run(orders(1))
			west.Run(orders(1))
		}, "/", "answer", probe.Unknown, "20 answers, none that was seen to come from west"},
		"no client": {func(east, west *peeringtest.Member) {
			east.Run(orders(0))
			west.Run(orders(1))
			scaled(east, "sleep", 0)
		}, "/", "answer", probe.Unknown, ""},
		"there is none": {func(east, west *peeringtest.Member) { east.Run(orders(0)); west.Run(orders(0)) }, "/", "istiod-endpoints", probe.Failed, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := tried(t, tt.furnish, tt.path)
			require.Equal(t, tt.check, got.Check, "%+v", got)
			require.Equal(t, tt.status, got.Status, "%+v", got)
			require.Contains(t, got.Summary, tt.summary)
			if tt.status != probe.Passed {
				require.NotEmpty(t, got.Hint)
			}
		})
	}
}

func TestValidate(t *testing.T) {
	require.NoError(t, (&reach.Service{Path: "/"}).Validate())
	require.ErrorContains(t, (&reach.Service{Path: "x"}).Validate(), "slash")
	require.Error(t, (&reach.Service{Path: "/", Workload: traffic.Workload{Port: -1}}).Validate())
}
