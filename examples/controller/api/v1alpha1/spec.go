package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// MeshSpec says which clusters are peered, how, and with what credentials.
// +kubebuilder:validation:XValidation:rule="self.topology.kind == 'Star' ? has(self.topology.hub) : !has(self.topology.hub)",message="topology.hub goes with topology.kind Star, and only with it"
type MeshSpec struct {
	Members Members `json:"members"`
	// +kubebuilder:default={}
	// +optional
	Topology Topology `json:"topology,omitzero"`
	// +kubebuilder:default={}
	// +optional
	Credential Credential `json:"credential,omitzero"`
	// Probe calls over each link; without it a link is judged by what the istiods say.
	// +optional
	Probe *Probe `json:"probe,omitempty"`
	// Freshness measures how soon every istiod of a link sees a change, as often as the link is probed, or every 10 minutes.
	// +optional
	Freshness *Freshness `json:"freshness,omitempty"`
	// +kubebuilder:default={}
	// +optional
	Deletion Deletion `json:"deletion,omitzero"`
	// Mode Observe writes into no member: what would be written is told by condition Drifted.
	// +kubebuilder:validation:Enum=Enforce;Observe
	// +kubebuilder:default=Enforce
	// +optional
	Mode Mode `json:"mode,omitempty"`
	// RecheckEvery is how often a link that is well is looked at, besides at its renewal and when one of its objects changes.
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1m')",message="recheckEvery is at least 1m"
	// +kubebuilder:default="24h"
	// +optional
	RecheckEvery metav1.Duration `json:"recheckEvery,omitzero"`
}

// Mode says whether members are written to.
type Mode string

const (
	Enforce Mode = "Enforce"
	Observe Mode = "Observe"
)

// Members says where the list of clusters comes from: exactly one of the fields.
// +kubebuilder:validation:XValidation:rule="[has(self.secrets), has(self.clusterProfiles), has(self.configMap), has(self.file)].filter(x, x).size() == 1",message="name exactly one source of members"
type Members struct {
	// Secrets of the Mesh's namespace with a kubeconfig, in the key kubeconfig, or value as Cluster API's <name>-kubeconfig.
	// +optional
	Secrets *SecretMembers `json:"secrets,omitempty"`
	// ClusterProfiles of the Mesh's namespace (multicluster.x-k8s.io).
	// +optional
	ClusterProfiles *ProfileMembers `json:"clusterProfiles,omitempty"`
	// ConfigMap of the Mesh's namespace, whose key members.yaml lists clusters and the Secrets with their kubeconfigs.
	// +optional
	ConfigMap *LocalName `json:"configMap,omitempty"`
	// File of the controller's own directory of members, which its flag -members-dir names.
	// +optional
	File *LocalName `json:"file,omitempty"`
}

// LocalName names an object of the Mesh's namespace, or a file of the controller's directory.
type LocalName struct {
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$`
	Name string `json:"name"`
}

// SecretMembers selects Secrets by label.
type SecretMembers struct {
	Selector metav1.LabelSelector `json:"selector"`
}

// ProfileMembers selects ClusterProfiles by label.
type ProfileMembers struct {
	Selector metav1.LabelSelector `json:"selector"`
	// Provider of status.accessProviders to connect with; "" is the first whose access needs no plugin.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	Provider string `json:"provider,omitempty"`
}

// Topology says which clusters are linked.
type Topology struct {
	// Kind Mesh links every two clusters, both ways; Star links the hub with each other cluster, both ways.
	// +kubebuilder:validation:Enum=Mesh;Star
	// +kubebuilder:default=Mesh
	// +optional
	Kind TopologyKind `json:"kind,omitempty"`
	// Hub is the ID of the cluster in the middle.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +optional
	Hub string `json:"hub,omitempty"`
}

// TopologyKind is the form of a mesh.
type TopologyKind string

const (
	FullMesh TopologyKind = "Mesh"
	Star     TopologyKind = "Star"
)

// Credential says what each link's reader is given.
// +kubebuilder:validation:XValidation:rule="!has(self.lifetime) || self.kind == 'Bound'",message="only a Bound credential has a lifetime"
type Credential struct {
	// Kind Bound expires and is renewed in time; Durable works until it is revoked, also when this controller is gone.
	// +kubebuilder:validation:Enum=Bound;Durable
	// +kubebuilder:default=Bound
	// +optional
	Kind CredentialKind `json:"kind,omitempty"`
	// Lifetime to ask for, from 10m; the API server may grant less. Default 24h.
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('10m')",message="no API server grants less than 10m"
	// +optional
	Lifetime *metav1.Duration `json:"lifetime,omitempty"`
	// RotateEvery replaces each credential when it is so old, in place of at four fifths of its life.
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('10s')",message="rotateEvery is at least 10s"
	// +optional
	RotateEvery *metav1.Duration `json:"rotateEvery,omitempty"`
}

// CredentialKind says how a credential ends.
type CredentialKind string

const (
	Bound   CredentialKind = "Bound"
	Durable CredentialKind = "Durable"
)

// Probe is an httpbin and a client that asks it (package traffic's Workload).
type Probe struct {
	// +kubebuilder:default=default
	// +kubebuilder:validation:MaxLength=63
	// +optional
	Namespace string `json:"namespace,omitempty"`
	// +kubebuilder:default=httpbin
	// +kubebuilder:validation:MaxLength=63
	// +optional
	Service string `json:"service,omitempty"`
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	// +kubebuilder:default=8000
	// +optional
	Port int32 `json:"port,omitempty"`
	// Client is the Deployment that asks.
	// +kubebuilder:default=sleep
	// +kubebuilder:validation:MaxLength=253
	// +optional
	Client string `json:"client,omitempty"`
	// Control is a Deployment without sidecar: mutual TLS is proved only if it does not get what Client gets.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	Control string `json:"control,omitempty"`
	// Every is how often a link is tried.
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('30s')",message="every is at least 30s"
	// +kubebuilder:default="10m"
	// +optional
	Every metav1.Duration `json:"every,omitzero"`
}

// Freshness makes an EndpointSlice in To, asks the istiods of From until all of them show it, and deletes it. Mode Observe does not.
type Freshness struct {
	// Within is how long an istiod has: a link that takes longer is not DiscoveryFresh.
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1s') && duration(self) <= duration('1m')",message="within is from 1s to 1m"
	// +kubebuilder:default="5s"
	// +optional
	Within metav1.Duration `json:"within,omitzero"`
}

// Deletion says what becomes of the links when the Mesh is deleted or a member leaves it.
type Deletion struct {
	// Policy Revoke removes links and proves that their credentials are refused; Retain leaves them as they are.
	// +kubebuilder:validation:Enum=Revoke;Retain
	// +kubebuilder:default=Revoke
	// +optional
	Policy DeletionPolicy `json:"policy,omitempty"`
	// Deadline ends the attempts to remove what cannot be reached: an Event names what is left, and the Mesh goes.
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1s')",message="deadline is at least 1s"
	// +kubebuilder:default="10m"
	// +optional
	Deadline metav1.Duration `json:"deadline,omitzero"`
}

// DeletionPolicy says whether links outlive their Mesh.
type DeletionPolicy string

const (
	Revoke DeletionPolicy = "Revoke"
	Retain DeletionPolicy = "Retain"
)
