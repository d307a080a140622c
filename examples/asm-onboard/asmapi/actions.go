package asmapi

import (
	"context"
	"encoding/json"
	"net/url"
	"strconv"
	"time"
)

// userKubeconfig is the action of Container Service, the others are ASM's.
const userKubeconfig = "DescribeClusterUserKubeconfig"

// head is in every reply of ASM. One without a request ID is none of ASM's: what it lacks is unknown, and not empty.
type head struct {
	RequestID string `json:"RequestId"`
}

func (h head) check(action string) error {
	if h.RequestID == "" {
		return &Error{Action: action, Kind: NoReply, Status: 200, Message: "the reply has no RequestId: it is not ASM's"}
	}
	return nil
}

func (c *Client) DescribeServiceMeshDetail(ctx context.Context, mesh string) (*MeshDetail, error) {
	const action = "DescribeServiceMeshDetail"
	var reply struct {
		head
		ServiceMesh *MeshDetail
	}
	if err := c.call(ctx, request{action: action, body: map[string]string{"ServiceMeshId": mesh}}, &reply); err != nil {
		return nil, err
	}
	if reply.ServiceMesh == nil {
		return nil, &Error{Action: action, Kind: NoReply, Status: 200, Message: "the reply has no ServiceMesh", RequestID: Clean(reply.RequestID)}
	}
	return reply.ServiceMesh, reply.check(action)
}

const pageSize = 50

func (c *Client) DescribeServiceMeshClusters(ctx context.Context, mesh string) ([]Candidate, error) {
	const action = "DescribeServiceMeshClusters"
	var all []Candidate
	for {
		var reply struct {
			head
			Clusters         []Candidate
			NumberOfClusters int
		}
		page := map[string]string{"Limit": strconv.Itoa(pageSize), "Offset": strconv.Itoa(len(all))}
		if err := c.call(ctx, request{action: action, query: map[string]string{"ServiceMeshId": mesh}, body: page}, &reply); err != nil {
			return nil, err
		}
		if err := reply.check(action); err != nil {
			return nil, err
		}
		all = append(all, reply.Clusters...)
		if len(reply.Clusters) == 0 || len(all) >= reply.NumberOfClusters {
			return all, nil
		}
	}
}

func (c *Client) DescribeClustersInServiceMesh(ctx context.Context, mesh string) ([]Member, error) {
	const action = "DescribeClustersInServiceMesh"
	var reply struct {
		head
		Clusters []Member
	}
	if err := c.call(ctx, request{action: action, query: map[string]string{"ServiceMeshId": mesh}}, &reply); err != nil {
		return nil, err
	}
	return reply.Clusters, reply.check(action)
}

func (c *Client) AddClusterIntoServiceMesh(ctx context.Context, add AddCluster) error {
	const action = "AddClusterIntoServiceMesh"
	r := request{action: action, once: true, body: map[string]string{"ServiceMeshId": add.Mesh, "ClusterId": add.Cluster}}
	if !add.Kubeconfig.IsZero() {
		r.body["Kubeconfig"], r.secrets = add.Kubeconfig.Reveal(), []string{add.Kubeconfig.Reveal()}
	}
	if add.DiscoveryOnly {
		r.body["DiscoveryOnly"] = "true"
	}
	if add.IgnoreNamespaceCheck {
		r.body["IgnoreNamespaceCheck"] = "true"
	}
	var reply struct {
		head
		Code, Message string
	}
	if err := c.call(ctx, r, &reply); err != nil {
		return err
	}
	if reply.Code != "" && reply.Code != "200" {
		hidden := append(c.secrets(), r.secrets...)
		return &Error{
			Action: action, Kind: Refused, Status: 200, Code: Clean(reply.Code, hidden...), Message: Clean(reply.Message, hidden...),
			RequestID: Clean(reply.RequestID, hidden...),
		}
	}
	return reply.check(action)
}

func (c *Client) DescribeMeshMultiClusterNetwork(ctx context.Context, mesh string) (map[string]Network, error) {
	const action = "DescribeMeshMultiClusterNetwork"
	var reply struct {
		head
		MultiClusterNetworks map[string]Network
	}
	if err := c.call(ctx, request{action: action, body: map[string]string{"ServiceMeshId": mesh}}, &reply); err != nil {
		return nil, err
	}
	return reply.MultiClusterNetworks, reply.check(action)
}

func (c *Client) UpdateMeshMultiClusterNetwork(ctx context.Context, mesh string, networks map[string]Network) error {
	const action = "UpdateMeshMultiClusterNetwork"
	text, err := json.Marshal(networks)
	if err != nil {
		return &Error{Action: action, Kind: NotAsked, Message: "the networks are no JSON"}
	}
	var reply head
	body := map[string]string{"ServiceMeshId": mesh, "MultiClusterNetworks": string(text)}
	if err := c.call(ctx, request{action: action, body: body}, &reply); err != nil {
		return err
	}
	return reply.check(action)
}

func (c *Client) DescribeServiceMeshKubeconfig(ctx context.Context, mesh string, private bool) (Kubeconfig, error) {
	const action = "DescribeServiceMeshKubeconfig"
	var reply struct {
		head
		Kubeconfig, ExpireTime string
	}
	query := map[string]string{"ServiceMeshId": mesh, "PrivateIpAddress": strconv.FormatBool(private)}
	if err := c.call(ctx, request{action: action, query: query}, &reply); err != nil {
		return Kubeconfig{}, err
	}
	if err := reply.check(action); err != nil {
		return Kubeconfig{}, err
	}
	if reply.Kubeconfig == "" {
		return Kubeconfig{}, &Error{Action: action, Kind: NoReply, Status: 200, Message: "the reply has no kubeconfig", RequestID: Clean(reply.RequestID)}
	}
	expires, _ := time.Parse(time.DateTime, reply.ExpireTime) // of which time zone is not documented; years ahead
	return NewKubeconfig(reply.Kubeconfig, expires), nil
}

func (c *Client) DescribeClusterUserKubeconfig(ctx context.Context, cluster string, private bool, life time.Duration) (Kubeconfig, error) {
	const action = userKubeconfig
	var reply struct{ Config, Expiration string }
	query := map[string]string{"PrivateIpAddress": strconv.FormatBool(private), "TemporaryDurationMinutes": strconv.Itoa(int(life / time.Minute))}
	r := request{action: action, path: "/k8s/" + url.PathEscape(cluster) + "/user_config", query: query}
	if err := c.call(ctx, r, &reply); err != nil {
		return Kubeconfig{}, err
	}
	expires, err := time.Parse(time.RFC3339, reply.Expiration)
	if reply.Config == "" || err != nil {
		return Kubeconfig{}, &Error{Action: action, Kind: NoReply, Status: 200, Message: "the reply has no config, or no expiration"}
	}
	return NewKubeconfig(reply.Config, expires), nil
}
