package metrics

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"

	"github.com/meshpeer/meshpeer/examples/controller/api/v1alpha1"
	"github.com/meshpeer/meshpeer/examples/controller/mesh"
)

var (
	linkLabels   = []string{"mesh", "from", "to"}
	memberLabels = []string{"mesh", "cluster"}

	expiry = prometheus.NewDesc("meshpeer_credential_expiry_timestamp_seconds",
		"Unix time at which the credential of a link ends. A link whose credential does not expire has no series.", linkLabels, nil)
	rotations = prometheus.NewDesc("meshpeer_rotation_total",
		"Attempts to replace the credential of a link since the controller started, by result: success or error.", append(slices.Clone(linkLabels), "result"), nil)
	condition = prometheus.NewDesc("meshpeer_link_condition",
		"1 for the status of condition Ready of a link, and for each other condition that is not as it should be. A link that is well has Ready True alone.",
		append(slices.Clone(linkLabels), "condition", "status"), nil)
	drift = prometheus.NewDesc("meshpeer_drift",
		"1 if somebody changed an object of a link, 0 if nobody did. A link that could not be looked at has no series.", linkLabels, nil)
	freshness = prometheus.NewDesc("meshpeer_discovery_freshness_seconds",
		"How long the last change of the canary in To took to reach every istiod of From; at least so long if it is still missing.", linkLabels, nil)
	requests = prometheus.NewDesc("meshpeer_api_requests_total",
		"Requests to the API server of a member since the controller started, by method and status code; code error: no answer.",
		append(slices.Clone(memberLabels), "method", "code"), nil)
	connected = prometheus.NewDesc("meshpeer_member_connected",
		"1 if the source describes a member so that it can be connected to, 0 if not.", memberLabels, nil)
	healthy = prometheus.NewDesc("meshpeer_member_healthy",
		"1 if the API server of a member answered the last request, 0 if it did not or refused the credential. A member that nobody asked has no series.", memberLabels, nil)

	all = []*prometheus.Desc{expiry, rotations, condition, drift, freshness, requests, connected, healthy}
)

// Metrics is a prometheus.Collector and what the reconciler and the connections report to (mesh.Metrics, members.Metrics). It
// is safe for concurrent use.
type Metrics struct {
	mu     sync.Mutex
	meshes map[types.NamespacedName]*state
}

// state of a mesh, as last reported.
type state struct {
	links     []v1alpha1.LinkStatus
	rotated   map[mesh.Pair]*[2]float64 // attempts that worked, and that did not
	freshness map[mesh.Pair]time.Duration
	members   map[string]*member
}

// member of a mesh.
type member struct {
	connected bool
	healthy   *bool // nil: nobody asked
	requests  map[request]float64
}

type request struct{ method, code string }

// New is a collector without series. Register it once, with controller-runtime's metrics.Registry.
func New() *Metrics { return &Metrics{meshes: map[types.NamespacedName]*state{}} }

// Names are those of all families.
func Names() []string {
	return []string{
		"meshpeer_credential_expiry_timestamp_seconds", "meshpeer_rotation_total", "meshpeer_link_condition", "meshpeer_drift",
		"meshpeer_discovery_freshness_seconds", "meshpeer_api_requests_total", "meshpeer_member_connected", "meshpeer_member_healthy",
	}
}

// of is the state of a mesh; the caller holds the lock.
func (m *Metrics) of(name types.NamespacedName) *state {
	s := m.meshes[name]
	if s == nil {
		s = &state{rotated: map[mesh.Pair]*[2]float64{}, freshness: map[mesh.Pair]time.Duration{}, members: map[string]*member{}}
		m.meshes[name] = s
	}
	return s
}

// Describe is prometheus.Collector.
func (m *Metrics) Describe(descs chan<- *prometheus.Desc) {
	for _, d := range all {
		descs <- d
	}
}

// Collect is prometheus.Collector.
func (m *Metrics) Collect(out chan<- prometheus.Metric) {
	for _, metric := range m.series() { // sent without the lock: whoever scrapes may be slow
		out <- metric
	}
}

func (m *Metrics) series() (series []prometheus.Metric) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, s := range m.meshes {
		for _, l := range s.links {
			series = append(series, linkSeries(name.String(), l)...)
		}
		for pair, counts := range s.rotated {
			for i, result := range []string{"success", "error"} {
				series = append(series, counter(rotations, counts[i], name.String(), pair.From, pair.To, result))
			}
		}
		for pair, took := range s.freshness {
			series = append(series, gauge(freshness, took.Seconds(), name.String(), pair.From, pair.To))
		}
		for id, member := range s.members {
			series = append(series, memberSeries(name.String(), id, member)...)
		}
	}
	return series
}

// Forget drops all series of a mesh (mesh.Metrics).
func (m *Metrics) Forget(name types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.meshes, name)
}

func gauge(d *prometheus.Desc, v float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

func counter(d *prometheus.Desc, v float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
}

// prune drops what is not wanted any more.
func prune[K comparable, V any](from map[K]V, wanted map[K]bool) {
	maps.DeleteFunc(from, func(k K, _ V) bool { return !wanted[k] })
}
