package metrics

import (
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/meshpeer/meshpeer/examples/controller/api/v1alpha1"
	"github.com/meshpeer/meshpeer/examples/controller/mesh"
)

// Links are all links of a mesh as of now (mesh.Metrics).
func (m *Metrics) Links(name types.NamespacedName, links []v1alpha1.LinkStatus) {
	kept := make([]v1alpha1.LinkStatus, len(links))
	wanted := map[mesh.Pair]bool{}
	for i := range links {
		links[i].DeepCopyInto(&kept[i])
		wanted[mesh.Pair{From: links[i].From, To: links[i].To}] = true
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.of(name)
	s.links = kept
	prune(s.rotated, wanted)
	prune(s.freshness, wanted)
}

// Rotated counts one attempt to replace a credential (mesh.Metrics).
func (m *Metrics) Rotated(name types.NamespacedName, link mesh.Pair, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.of(name)
	if s.rotated[link] == nil {
		s.rotated[link] = &[2]float64{}
	}
	if err == nil {
		s.rotated[link][0]++
	} else {
		s.rotated[link][1]++
	}
}

// Freshness is how long a change took to arrive (mesh.Metrics).
func (m *Metrics) Freshness(name types.NamespacedName, link mesh.Pair, took time.Duration, _ bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.of(name).freshness[link] = took
}

func linkSeries(name string, l v1alpha1.LinkStatus) (series []prometheus.Metric) {
	if l.ExpiresAt != nil {
		series = append(series, gauge(expiry, float64(l.ExpiresAt.Unix()), name, l.From, l.To))
	}
	conditions := map[string]metav1.ConditionStatus{v1alpha1.Ready: ready(l)}
	for _, f := range l.Faults {
		if f.Type != v1alpha1.Ready {
			conditions[f.Type] = f.Status
		}
	}
	for kind, status := range conditions {
		series = append(series, gauge(condition, 1, name, l.From, l.To, kind, string(status)))
	}
	if drifted, known := drifted(l); known {
		series = append(series, gauge(drift, drifted, name, l.From, l.To))
	}
	return series
}

// ready is True for a link without faults, Unknown for one that was never looked at or where nothing worse is known.
func ready(l v1alpha1.LinkStatus) metav1.ConditionStatus {
	switch {
	case l.ObservedGeneration == 0:
		return metav1.ConditionUnknown
	case len(l.Faults) == 0:
		return metav1.ConditionTrue
	case slices.ContainsFunc(l.Faults, func(f v1alpha1.LinkFault) bool { return f.Status != metav1.ConditionUnknown }):
		return metav1.ConditionFalse
	}
	return metav1.ConditionUnknown
}

func drifted(l v1alpha1.LinkStatus) (value float64, known bool) {
	for _, f := range l.Faults {
		if f.Type == v1alpha1.Drifted {
			return 1, f.Status == metav1.ConditionTrue
		}
	}
	return 0, l.ObservedGeneration != 0
}
