package istiod

import (
	"maps"
	"slices"
)

// Holding is what a replica has of a remote cluster. After a rotation "synced" alone does not prove anything: it describes
// the first sync, and some versions lose endpoints or gateways when the credential changes. It is not changed once made.
type Holding struct {
	services map[Service]bool
	gateways map[Gateway]bool
}

// Service is one that has endpoints in the remote cluster. Host is its name in the mesh, such as
// httpbin.default.svc.cluster.local.
type Service struct{ Namespace, Host string }

// Gateway is a network gateway of the remote cluster, by the address and the port that sidecars of other networks dial.
type Gateway struct {
	Network, Addr string
	Port          int
}

// NewHolding is for those who compare with something else than what a replica said.
func NewHolding(services []Service, gateways []Gateway) *Holding {
	h := &Holding{map[Service]bool{}, map[Gateway]bool{}}
	for _, s := range services {
		h.services[s] = true
	}
	for _, g := range gateways {
		h.gateways[g] = true
	}
	return h
}

// Services in order of namespace and host. The texts are istiod's.
func (h *Holding) Services() []Service {
	return slices.SortedFunc(maps.Keys(h.services), Service.compare)
}

// Gateways in order of network, address and port. The texts are istiod's.
func (h *Holding) Gateways() []Gateway {
	return slices.SortedFunc(maps.Keys(h.gateways), Gateway.compare)
}

// Covers says whether h has all that before had.
func (h *Holding) Covers(before *Holding) bool { return h.Lacks(before) == nil }

// Lacks is what before had and h has not; nil if there is no such thing.
func (h *Holding) Lacks(before *Holding) *Holding {
	var lost *Holding
	note := func() *Holding {
		if lost == nil {
			lost = NewHolding(nil, nil)
		}
		return lost
	}
	for s := range before.services {
		if !h.services[s] {
			note().services[s] = true
		}
	}
	for g := range before.gateways {
		if !h.gateways[g] {
			note().gateways[g] = true
		}
	}
	return lost
}

// equal compares two of which either may be nil.
func (h *Holding) equal(other *Holding) bool {
	if h == nil || other == nil {
		return h == other
	}
	return maps.Equal(h.services, other.services) && maps.Equal(h.gateways, other.gateways)
}

func (h *Holding) empty() bool { return h == nil || len(h.services)+len(h.gateways) == 0 }
