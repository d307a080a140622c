package metrics

import (
	"net/http"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"
)

// Connected says whether a member can be connected to, as far as its description goes (members.Metrics).
func (m *Metrics) Connected(name types.NamespacedName, id string, yes bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.member(name, id).connected = yes
}

// Answered counts a request to a member's API server; code 0 is no answer (members.Metrics).
func (m *Metrics) Answered(name types.NamespacedName, id, method string, code int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.meshes[name]
	if s == nil || s.members[id] == nil { // a request that outlived its member
		return
	}
	text, fine := "error", code != 0 && code != http.StatusUnauthorized && code < http.StatusInternalServerError
	if code != 0 {
		text = strconv.Itoa(code)
	}
	s.members[id].requests[request{method, text}]++
	s.members[id].healthy = &fine
}

// Members are all members of a mesh as of now: the series of others go (members.Metrics).
func (m *Metrics) Members(name types.NamespacedName, ids []string) {
	wanted := map[string]bool{}
	for _, id := range ids {
		wanted[id] = true
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := m.meshes[name]; s != nil {
		prune(s.members, wanted)
	}
}

// member of a mesh; the caller holds the lock.
func (m *Metrics) member(name types.NamespacedName, id string) *member {
	s := m.of(name)
	if s.members[id] == nil {
		s.members[id] = &member{requests: map[request]float64{}}
	}
	return s.members[id]
}

func memberSeries(name, id string, m *member) []prometheus.Metric {
	series := []prometheus.Metric{gauge(connected, number(m.connected), name, id)}
	if m.healthy != nil {
		series = append(series, gauge(healthy, number(*m.healthy), name, id))
	}
	for r, n := range m.requests {
		series = append(series, counter(requests, n, name, id, r.method, r.code))
	}
	return series
}

func number(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
