package asmapi

import (
	"context"
	"time"
)

// API is what onboarding asks of ASM and Container Service. *Client is one; so is whatever a program puts in front of it. The
// mesh is the ID of the ASM instance. Errors are of type *Error.
type API interface {
	// DescribeServiceMeshDetail is the instance itself.
	DescribeServiceMeshDetail(ctx context.Context, mesh string) (*MeshDetail, error)
	// DescribeServiceMeshClusters are the clusters of the region, on all pages, and whether they could be added.
	DescribeServiceMeshClusters(ctx context.Context, mesh string) ([]Candidate, error)
	// DescribeClustersInServiceMesh are the clusters that have been added, whatever has become of them.
	DescribeClustersInServiceMesh(ctx context.Context, mesh string) ([]Member, error)
	// AddClusterIntoServiceMesh asks for a cluster to be added, which takes minutes after the reply. It is sent again by
	// itself only after throttling: after an error of kind Unavailable or NoReply look whether it took effect.
	AddClusterIntoServiceMesh(ctx context.Context, add AddCluster) error
	// DescribeMeshMultiClusterNetwork are the networks of the mesh by cluster ID.
	DescribeMeshMultiClusterNetwork(ctx context.Context, mesh string) (map[string]Network, error)
	// UpdateMeshMultiClusterNetwork sets them. Give it all of them: whether ASM keeps what is left out is not documented.
	UpdateMeshMultiClusterNetwork(ctx context.Context, mesh string, networks map[string]Network) error
	// DescribeServiceMeshKubeconfig opens the API server of the instance, which holds the mesh configuration.
	DescribeServiceMeshKubeconfig(ctx context.Context, mesh string, private bool) (Kubeconfig, error)
	// DescribeClusterUserKubeconfig opens the API server of a cluster for a while: whole minutes, 15 minutes to 3 days.
	DescribeClusterUserKubeconfig(ctx context.Context, cluster string, private bool, life time.Duration) (Kubeconfig, error)
}

// MeshDetail is an ASM instance.
type MeshDetail struct {
	ServiceMeshInfo struct {
		ServiceMeshID string `json:"ServiceMeshId"`
		Name          string
		State         string // see the States
		ErrorMessage  string
		Version       string // of ASM, such as v1.24.6.64-g1a2b3c4d-aliyun
		RegionID      string `json:"RegionId"`
		Profile       string
	}
	Clusters  []string // IDs
	Endpoints struct {
		IntranetAPIServerEndpoint string `json:"IntranetApiServerEndpoint"`
		PublicAPIServerEndpoint   string `json:"PublicApiServerEndpoint"`
		IntranetPilotEndpoint     string
		PublicPilotEndpoint       string
	}
}

// States of an instance and of a cluster. The documentation lists them for clusters that could be added; there may be others.
const (
	StateRunning  = "running"
	StateStarting = "starting"
	StateStopping = "stopping"
	StateStopped  = "stopped"
	StateFailed   = "failed"
)

// Candidate is a cluster that could be added to the mesh, or not.
type Candidate struct {
	ClusterID     string `json:"ClusterId"`
	Name          string
	State         string
	ErrorMessage  string
	Version       string // of Kubernetes
	RegionID      string `json:"RegionId"`
	VpcID         string `json:"VpcId"`
	ForbiddenFlag int
	ForbiddenInfo string // for FlagRanges a JSON string: see Conflicts
}

// Values of Candidate.ForbiddenFlag.
const (
	FlagFine      = 0
	FlagNotAdmin  = 1 // the caller is no administrator of the cluster
	FlagOtherVPC  = 2 // its VPC is another one and not connected with that of the instance
	FlagRanges    = 3 // its address ranges overlap with others of the mesh
	FlagNamespace = 4 // it has a namespace istio-system
)

// Member is a cluster of the mesh.
type Member struct {
	ClusterID     string `json:"ClusterId"`
	Name          string
	State         string
	ErrorMessage  string // why it is not what it should be, also while State says nothing of it
	ClusterType   string
	ClusterDomain string
	RegionID      string `json:"RegionId"`
	VpcID         string `json:"VpcId"`
	Version       string
}

// AddCluster is the request to add a cluster.
type AddCluster struct {
	Mesh, Cluster        string
	Kubeconfig           Kubeconfig // "the cluster certificate", for a cluster that Container Service has none for; zero: not sent
	DiscoveryOnly        bool       // read its services, manage nothing in it
	IgnoreNamespaceCheck bool       // add it in spite of a namespace istio-system
}
