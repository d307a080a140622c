package istiod

import "context"

// RemoteCluster is one line of istiod's /debug/clusterz.
type RemoteCluster struct {
	ID     string `json:"id"`
	Secret string `json:"secretName"` // namespace/name; empty for istiod's own cluster
	Status Status `json:"syncStatus"`
}

const clusterzPath = "/debug/clusterz"

// Clusterz asks the replica which clusters it reads.
func (r Replica) Clusterz(ctx context.Context) ([]RemoteCluster, error) {
	return r.clusterz(ctx, nil)
}

// clusterz is Clusterz in the room of an earlier answer, of which most is the same.
func (r Replica) clusterz(ctx context.Context, room []RemoteCluster) ([]RemoteCluster, error) {
	return list(ctx, r, clusterzPath, room, func(d *document, was RemoteCluster) (c RemoteCluster, err error) {
		return c, d.object(func(key []byte) (err error) {
			switch string(key) {
			case "id":
				c.ID, err = d.text(was.ID)
			case "secretName":
				c.Secret, err = d.text(was.Secret)
			case "syncStatus":
				var status string
				status, err = d.text(string(was.Status))
				c.Status = Status(status)
			default:
				err = d.skip()
			}
			return err
		})
	})
}

// Status of one remote cluster at this replica; NotSeen if it is listed for another Secret or not at all.
func (r Replica) Status(ctx context.Context, id, secret string) (Status, error) {
	clusters, err := r.Clusterz(ctx)
	if err != nil {
		return "", err
	}
	return statusOf(clusters, id, secret), nil
}

func statusOf(clusters []RemoteCluster, id, secret string) Status {
	for i := range clusters {
		if c := &clusters[i]; c.ID == id && (secret == "" || c.Secret == secret) {
			return c.Status
		}
	}
	return NotSeen
}

// ShardEndpoint is an endpoint as istiod has it in its shards (Istio pilot/pkg/model.IstioEndpoint), by its names in JSON.
type ShardEndpoint struct {
	Addresses       []string
	Address         string // up to 1.23, in place of Addresses
	ServicePortName string
	TLSMode         string // "istio" where mutual TLS is taken
}

// Shards are the endpoints that a replica has, by host, by namespace of the Service, and by the cluster that tells of them.
// They are all in memory at once; HoldingsOf needs less.
func (r Replica) Shards(ctx context.Context) (map[string]map[string]HostShards, error) {
	all := map[string]map[string]HostShards{}
	err := r.read(ctx, shardz, func(d *document) error {
		return d.object(func(key []byte) error {
			host := string(key)
			var namespaces map[string]HostShards
			err := d.decode(&namespaces)
			all[host] = namespaces
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// HostShards has keys such as Kubernetes/cluster-1.
type HostShards struct{ Shards map[string][]ShardEndpoint }

// NetworkGateway is an east-west gateway that a replica knows (Istio pilot/pkg/model.NetworkGateway).
type NetworkGateway struct {
	Network, Cluster, Addr string
	Port                   int // for sidecars; 0 is none
	HBONEPort              int // for ambient clients; 0 is none, as in versions that know no ambient mode
}

// Gateways are those that a replica knows.
func (r Replica) Gateways(ctx context.Context) ([]NetworkGateway, error) {
	var before NetworkGateway
	return list(ctx, r, "/debug/networkz", nil, func(d *document, _ NetworkGateway) (g NetworkGateway, err error) {
		err = d.object(func(key []byte) (err error) {
			switch string(key) {
			case "Network":
				g.Network, err = d.text(before.Network)
			case "Cluster":
				g.Cluster, err = d.text(before.Cluster)
			case "Addr":
				g.Addr, err = d.text(before.Addr)
			case "Port":
				g.Port, err = d.number()
			case "HBONEPort":
				g.HBONEPort, err = d.number()
			default:
				err = d.skip()
			}
			return err
		})
		before = g // a text that comes again is not made again
		return g, err
	})
}
