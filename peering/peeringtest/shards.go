package peeringtest

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/meshpeer/meshpeer/peering/istiod"
)

// endpoint and gateway are as istiod's debug pages print them (Istio pilot/pkg/model.IstioEndpoint, NetworkGateway).
type (
	endpoint struct {
		Addresses []string
		TLSMode   string
	}
	gateway struct {
		Network, Cluster, Addr string
		Port                   int
	}
	hostShards struct{ Shards map[string][]endpoint }
)

// shards are the endpoints of each synced cluster by host and namespace, unless the test made the replicas lose them.
func (i *Istiods) shards(clusters []istiod.RemoteCluster) map[string]map[string]hostShards {
	all := map[string]map[string]hostShards{}
	add := func(namespace, service, id string, e endpoint) {
		host := fmt.Sprintf("%s.%s.svc.cluster.local", service, namespace)
		if all[host] == nil {
			all[host] = map[string]hostShards{namespace: {map[string][]endpoint{}}}
		}
		shards := all[host][namespace].Shards
		shards["Kubernetes/"+id] = append(shards["Kubernetes/"+id], e)
	}
	for _, c := range clusters {
		member := i.mesh.Member(c.ID)
		if c.Status != istiod.Synced || i.hollow || member == nil {
			continue
		}
		add("default", "kubernetes", c.ID, endpoint{Addresses: []string{"10.0.0.1"}})
		member.Server.mu.Lock()
		for _, o := range member.Server.sorted() {
			if s, ok := o.(*corev1.Service); ok && len(s.Spec.Ports) > 0 {
				for _, p := range member.Server.serving(s.Namespace, s.Name) {
					e := endpoint{Addresses: []string{p.Status.PodIP}}
					if injected(p) {
						e.TLSMode = "istio"
					}
					add(s.Namespace, s.Name, c.ID, e)
				}
			}
		}
		member.Server.mu.Unlock()
	}
	return all
}

// gateways of the synced clusters.
func (i *Istiods) gateways(clusters []istiod.RemoteCluster) []gateway {
	all := []gateway{}
	for _, c := range clusters {
		member := i.mesh.Member(c.ID)
		if c.Status != istiod.Synced || i.hollow || member == nil {
			continue
		}
		member.Server.mu.Lock()
		if address := member.Server.gateway(); address != "" {
			all = append(all, gateway{member.Server.network(), c.ID, address, 15443})
		}
		member.Server.mu.Unlock()
	}
	return all
}
