package onboard

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/traffic"
	"github.com/meshpeer/meshpeer/secrets"

	"github.com/meshpeer/meshpeer/examples/asm-onboard/asmapi"
)

// Mesh says what is wanted. It has the form of mesh.yaml.
type Mesh struct {
	Instance string            // ID of the ASM instance
	Private  bool              // use addresses inside of the VPC, of the instance and of the clusters
	Clusters []Member          // at least two
	Workload *traffic.Workload // what Verify tries the links with; none: what cannot be asked stays unknown
	Tolerate []string          // checks of preflight whose failure does not stop a link: see docs/preflight.md
}

// Member is a cluster that is to be in the mesh.
type Member struct {
	ID                   peering.ID
	Endpoint             *secrets.Endpoint // its API server as the istiods of others reach it. Default: the kubeconfig's
	DiscoveryOnly        bool              // ASM is to read it and to manage nothing in it
	IgnoreNamespaceCheck bool              // add it although it has a namespace istio-system
	Network              *Network          // none: its network stays what it is

	// Kubeconfig is a file, for a cluster that Container Service has no kubeconfig for. ASM is given it when the cluster is
	// added, and keeps it: it has to hold its credential itself, and to last.
	Kubeconfig string
}

// Network is the part of MultiClusterNetworks that is wanted of a cluster. GatewayName is ASM's own.
type Network struct {
	Name                 string // topology.istio.io/network
	EnableGateway        bool   // clients elsewhere go through its east-west gateway
	CustomGatewayAddress string // host:port of a gateway that ASM does not run
}

// over is an entry as it is to be.
func (n Network) over(live asmapi.Network) asmapi.Network {
	live.Network, live.EnableGateway, live.CustomGatewayAddress = n.Name, n.EnableGateway, n.CustomGatewayAddress
	return live
}

func (n Network) String() string {
	gateway := "without gateway"
	if n.EnableGateway {
		gateway = "behind " + cmp.Or(n.CustomGatewayAddress, "ASM's gateway")
	}
	return fmt.Sprintf("network %s, %s", n.Name, gateway)
}

// Validate names the first field that cannot work.
func (m Mesh) Validate() error {
	if m.Instance == "" {
		return errors.New("instance: is empty: give the ID of the ASM instance")
	}
	if len(m.Clusters) < 2 {
		return fmt.Errorf("clusters: %d: a link needs two", len(m.Clusters))
	}
	seen := map[peering.ID]bool{}
	for i, c := range m.Clusters {
		switch {
		case c.ID == peering.ID{}:
			return fmt.Errorf("clusters[%d].id: is empty: give the ID that Container Service shows, not the name", i)
		case seen[c.ID]:
			return fmt.Errorf("clusters[%d].id %q: is named twice", i, c.ID)
		case c.Network != nil && c.Network.Name == "":
			return fmt.Errorf("clusters[%d].network.name: is empty: name the network, or leave network out", i)
		case c.Network != nil && c.Network.CustomGatewayAddress != "" && !c.Network.EnableGateway:
			return fmt.Errorf("clusters[%d].network.customGatewayAddress %q: is not used without enableGateway", i, c.Network.CustomGatewayAddress)
		}
		seen[c.ID] = true
		if c.Endpoint != nil {
			if err := c.Endpoint.Validate(); err != nil {
				return fmt.Errorf("clusters[%d].endpoint: %w", i, err)
			}
		}
	}
	if m.Workload != nil {
		if err := m.Workload.Validate(); err != nil {
			return fmt.Errorf("workload: %w", err)
		}
	}
	return nil
}
