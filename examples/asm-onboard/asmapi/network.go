package asmapi

import (
	"encoding/json"
	"maps"
)

// Network is the entry of a cluster in MultiClusterNetworks. Fields that this package does not know are kept, so that an entry
// that was read can be sent back.
type Network struct {
	Network              string // its name, as label topology.istio.io/network has it
	EnableGateway        bool   // clients elsewhere go through its east-west gateway
	CustomGatewayAddress string // host:port of a gateway that ASM does not run
	GatewayName          string // of the one that it does run, such as asm-cross-network-<cluster ID>

	others map[string]json.RawMessage
}

// wire is Network without its methods.
type wire struct {
	Network              string
	EnableGateway        bool
	CustomGatewayAddress string `json:",omitempty"`
	GatewayName          string `json:",omitempty"`
}

// UnmarshalJSON reads an entry.
func (n *Network) UnmarshalJSON(data []byte) error {
	var known wire
	others := map[string]json.RawMessage{}
	if err := json.Unmarshal(data, &known); err != nil {
		return err
	}
	if err := json.Unmarshal(data, &others); err != nil {
		return err
	}
	for _, name := range []string{"Network", "EnableGateway", "CustomGatewayAddress", "GatewayName"} {
		delete(others, name)
	}
	*n = Network{known.Network, known.EnableGateway, known.CustomGatewayAddress, known.GatewayName, others}
	return nil
}

// MarshalJSON writes it with all that it had.
func (n Network) MarshalJSON() ([]byte, error) {
	data, err := json.Marshal(wire{n.Network, n.EnableGateway, n.CustomGatewayAddress, n.GatewayName})
	if err != nil || len(n.others) == 0 {
		return data, err
	}
	all := maps.Clone(n.others)
	if err := json.Unmarshal(data, &all); err != nil {
		return nil, err
	}
	return json.Marshal(all)
}

// Same says whether the fields that this package knows are equal.
func (n Network) Same(m Network) bool {
	return wire{n.Network, n.EnableGateway, n.CustomGatewayAddress, n.GatewayName} ==
		wire{m.Network, m.EnableGateway, m.CustomGatewayAddress, m.GatewayName}
}

// Conflict is one of the address ranges that FlagRanges is about.
type Conflict struct {
	Cluster string
	Object  string // Pod, Service, VSwitch, VPC or VPC CIDR
	CIDR    string
}

// Conflicts reads ForbiddenInfo.
func (c Candidate) Conflicts() ([]Conflict, error) {
	var all []Conflict
	return all, json.Unmarshal([]byte(c.ForbiddenInfo), &all)
}
