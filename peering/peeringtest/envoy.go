package peeringtest

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// upstream is an endpoint as a client's proxy has it, with the pods that it leads to.
type upstream struct {
	address string
	pods    []served
}

// served is a pod and the member that it runs in.
type served struct {
	*corev1.Pod
	member *Member
}

// upstreams are what a pod of the member reaches a Service by: its own pods, and with a sidecar those of every member that
// the istiods read. Across networks that is the gateway, and pods without sidecar are left out.
func (m *Member) upstreams(p *corev1.Pod, namespace, service string, port int32) []upstream {
	members := []*Member{m}
	if injected(p) {
		members = append(members, m.Istiods.synced()...)
	}
	home := m.locked(func() string { return m.Server.network() })
	var all []upstream
	for _, other := range members {
		other.Server.mu.Lock()
		pods, away, gateway := other.Server.serving(namespace, service), other.Server.network(), other.Server.gateway()
		other.Server.mu.Unlock()
		across := upstream{address: gateway + ":15443"}
		for _, s := range pods {
			target := served{s, other}
			switch {
			case other == m || home == away || gateway == "":
				all = append(all, upstream{fmt.Sprintf("%s:%d", s.Status.PodIP, port), []served{target}})
			case injected(s):
				across.pods = append(across.pods, target)
			}
		}
		if len(across.pods) > 0 {
			all = append(all, across)
		}
	}
	return all
}

func (m *Member) locked(read func() string) string {
	m.Server.mu.Lock()
	defer m.Server.mu.Unlock()
	return read()
}

// synced are the members whose clusters the first replica calls synced, but for its own.
func (i *Istiods) synced() (members []*Member) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(i.replicas) == 0 {
		return nil
	}
	r := i.replicas[0]
	if i.look(r); r.hollow {
		return nil
	}
	for _, source := range r.page.sources {
		if source.id != i.id {
			members = append(members, i.mesh.Member(source.id))
		}
	}
	return members
}

// clustersPage is Envoy's admin page /clusters for all Services of the member.
func (m *Member) clustersPage(p *corev1.Pod) string {
	var page strings.Builder
	for _, s := range m.services() {
		for _, port := range s.Spec.Ports {
			name := fmt.Sprintf("outbound|%d||%s.%s.svc.cluster.local", port.Port, s.Name, s.Namespace)
			for _, u := range m.upstreams(p, s.Namespace, s.Name, port.Port) {
				fmt.Fprintf(&page, "%s::%s::rq_success::%d\n", name, u.address, m.Server.answers[p.Name+" "+u.address])
				fmt.Fprintf(&page, "%s::%s::health_flags::healthy\n", name, u.address)
				fmt.Fprintf(&page, "%s::%s::weight::%d\n", name, u.address, len(u.pods))
			}
		}
	}
	return page.String()
}

func (m *Member) services() (all []*corev1.Service) {
	m.Server.mu.Lock()
	defer m.Server.mu.Unlock()
	return m.Server.services()
}
