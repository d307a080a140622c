package metrics_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/meshpeer/meshpeer/examples/controller/api/v1alpha1"
	"github.com/meshpeer/meshpeer/examples/controller/members"
	"github.com/meshpeer/meshpeer/examples/controller/mesh"
	"github.com/meshpeer/meshpeer/examples/controller/metrics"
)

var (
	_ mesh.Metrics         = (*metrics.Metrics)(nil)
	_ members.Metrics      = (*metrics.Metrics)(nil)
	_ prometheus.Collector = (*metrics.Metrics)(nil)

	shop     = types.NamespacedName{Namespace: "mesh", Name: "shop"}
	eastWest = mesh.Pair{From: "east", To: "west"}
)

// reported has something of every family.
func reported() *metrics.Metrics {
	m := metrics.New()
	expires := metav1.NewTime(time.Unix(2_000_000_000, 0))
	m.Links(shop, []v1alpha1.LinkStatus{
		{From: "east", To: "west", ObservedGeneration: 1, ExpiresAt: &expires},
		{From: "west", To: "east", ObservedGeneration: 1, Faults: []v1alpha1.LinkFault{
			{Type: v1alpha1.Synced, Status: metav1.ConditionUnknown},
			{Type: v1alpha1.Drifted, Status: metav1.ConditionTrue},
			{Type: v1alpha1.Ready, Status: metav1.ConditionUnknown}, // of several the worst is told
		}},
	})
	m.Rotated(shop, eastWest, nil)
	m.Rotated(shop, eastWest, errors.New("no"))
	m.Rotated(shop, eastWest, nil)
	m.Freshness(shop, eastWest, 1500*time.Millisecond, true)
	m.Connected(shop, "east", true)
	m.Connected(shop, "west", false)
	m.Answered(shop, "east", "GET", 200)
	m.Answered(shop, "east", "POST", 409)
	m.Answered(shop, "east", "GET", 200)
	return m
}

// values are the series of a family, without its HELP and TYPE.
func values(t *testing.T, m *metrics.Metrics, family string) string {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	require.NoError(t, registry.Register(m))
	families, err := registry.Gather()
	require.NoError(t, err)
	var b strings.Builder
	for _, f := range families {
		if f.GetName() != family {
			continue
		}
		for _, s := range f.GetMetric() {
			for _, l := range s.GetLabel() {
				if l.GetName() != "mesh" {
					fmt.Fprintf(&b, "%s=%s ", l.GetName(), l.GetValue())
				}
			}
			fmt.Fprintln(&b, s.GetGauge().GetValue()+s.GetCounter().GetValue())
		}
	}
	return b.String()
}

func TestSeries(t *testing.T) {
	m := reported()
	for family, want := range map[string]string{
		"meshpeer_credential_expiry_timestamp_seconds": "from=east to=west 2e+09\n",
		"meshpeer_rotation_total":                      "from=east result=error to=west 1\nfrom=east result=success to=west 2\n",
		"meshpeer_link_condition": "condition=Drifted from=west status=True to=east 1\ncondition=Ready from=east status=True to=west 1\n" +
			"condition=Ready from=west status=False to=east 1\ncondition=Synced from=west status=Unknown to=east 1\n",
		"meshpeer_drift":                       "from=east to=west 0\nfrom=west to=east 1\n",
		"meshpeer_discovery_freshness_seconds": "from=east to=west 1.5\n",
		"meshpeer_api_requests_total":          "cluster=east code=200 method=GET 2\ncluster=east code=409 method=POST 1\n",
		"meshpeer_member_connected":            "cluster=east 1\ncluster=west 0\n",
		"meshpeer_member_healthy":              "cluster=east 1\n",
	} {
		require.Equal(t, want, values(t, m, family), family)
	}
}

// What nobody could look at is neither well nor ill.
func TestUnknown(t *testing.T) {
	m := metrics.New()
	m.Links(shop, []v1alpha1.LinkStatus{
		{From: "new", To: "west"},
		{From: "far", To: "west", ObservedGeneration: 1, Faults: []v1alpha1.LinkFault{{Type: v1alpha1.Drifted, Status: metav1.ConditionUnknown}}},
	})
	require.Empty(t, values(t, m, "meshpeer_drift"))
	require.Equal(t, "condition=Drifted from=far status=Unknown to=west 1\ncondition=Ready from=far status=Unknown to=west 1\n"+
		"condition=Ready from=new status=Unknown to=west 1\n", values(t, m, "meshpeer_link_condition"))

	m.Connected(shop, "far", true)
	require.Empty(t, values(t, m, "meshpeer_member_healthy"), "nobody asked")
	for code, want := range map[int]string{0: "0", 200: "1", 401: "0", 403: "1", 404: "1", 503: "0"} {
		m.Answered(shop, "far", "GET", code)
		require.Equal(t, "cluster=far "+want+"\n", values(t, m, "meshpeer_member_healthy"), code)
	}
}

// TestGone: what is gone has no series, also if somebody is late to report of it.
func TestGone(t *testing.T) {
	m := reported()
	m.Links(shop, []v1alpha1.LinkStatus{{From: "west", To: "east", ObservedGeneration: 2}})
	m.Members(shop, []string{"west"})
	m.Answered(shop, "east", "GET", 200)
	for _, family := range metrics.Names() {
		require.NotContains(t, values(t, m, family), "from=east", family)
		require.NotContains(t, values(t, m, family), "cluster=east", family)
	}
	require.Equal(t, "from=west to=east 0\n", values(t, m, "meshpeer_drift"))
	m.Forget(shop)
	for _, family := range metrics.Names() {
		require.Empty(t, values(t, m, family), family)
	}
}

// TestLint is what `promtool check metrics` says, and that Names and the series are the same families.
func TestLint(t *testing.T) {
	m := reported()
	registry := prometheus.NewPedanticRegistry()
	require.NoError(t, registry.Register(m))
	problems, err := testutil.GatherAndLint(registry)
	require.NoError(t, err)
	require.Empty(t, problems)
	families, err := registry.Gather()
	require.NoError(t, err)
	var names []string
	for _, f := range families {
		names = append(names, f.GetName())
	}
	require.ElementsMatch(t, metrics.Names(), names)
	require.NoError(t, ctrlmetrics.Registry.Register(m), "no name is controller-runtime's")
	ctrlmetrics.Registry.Unregister(m)
}
