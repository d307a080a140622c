package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Finalizer of a Mesh whose links are to be removed before it goes.
const Finalizer = "meshpeer.io/links"

// Mesh keeps clusters peered.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=meshes
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Members",type=integer,JSONPath=`.status.members`
// +kubebuilder:printcolumn:name="Links",type=string,JSONPath=`.status.linksReady`
// +kubebuilder:printcolumn:name="Renews",type=string,format=date-time,JSONPath=`.status.renewAt`
// +kubebuilder:printcolumn:name="Reason",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="size(self.metadata.name) <= 63",message="the name is at most 63 characters long"
type Mesh struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec MeshSpec `json:"spec"`
	// +optional
	Status MeshStatus `json:"status,omitzero"`
}

// MeshList is a list of Meshes.
// +kubebuilder:object:root=true
type MeshList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Mesh `json:"items"`
}

// MeshStatus is what was seen last.
type MeshStatus struct {
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Members is how many clusters the source lists.
	// +optional
	Members int32 `json:"members,omitempty"`
	// LinksReady is "ready/all".
	// +optional
	LinksReady string `json:"linksReady,omitempty"`
	// RenewAt is when the first credential is to be renewed.
	// +optional
	RenewAt *metav1.Time `json:"renewAt,omitempty"`
	// +listType=map
	// +listMapKey=type
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// Links are all that may exist in the members, those that the spec no longer asks for too, until they are removed.
	// +listType=atomic
	// +optional
	Links []LinkStatus `json:"links,omitempty"`
}

// LinkStatus is one direction: workloads of From reach services of To. Fields are few, and those of a link that is well are
// short, because all links of a Mesh share the 1.5 MiB that etcd takes for an object.
type LinkStatus struct {
	From string `json:"from"`
	To   string `json:"to"`
	// ObservedGeneration of the Mesh that the link was last brought to.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Plan is the beginning of the digest of the steps that were last carried out.
	// +optional
	Plan string `json:"plan,omitempty"`
	// Credential is the generation of the credential in use.
	// +optional
	Credential int32 `json:"credential,omitempty"`
	// +optional
	IssuedAt *metav1.Time `json:"issuedAt,omitempty"`
	// +optional
	ExpiresAt *metav1.Time `json:"expiresAt,omitempty"`
	// RenewAt is when it is looked at next, spread over the links. A mesh of more than 4000 links leaves it out where all is well, and Plan and Istiods.
	// +optional
	RenewAt *metav1.Time `json:"renewAt,omitempty"`
	// Istiods is "synced/all" replicas of From.
	// +optional
	Istiods string `json:"istiods,omitempty"`
	// Faults are the conditions that are not as they should be; none: the link is well.
	// +listType=map
	// +listMapKey=type
	// +optional
	Faults []LinkFault `json:"faults,omitempty"`
	// Leftovers are objects that should be gone and are not: Kind/namespace/name on a cluster.
	// +listType=atomic
	// +optional
	Leftovers []string `json:"leftovers,omitempty"`
	// RemovingSince is when the link was first to be removed: Deletion.Deadline counts from there.
	// +optional
	RemovingSince *metav1.Time `json:"removingSince,omitempty"`
}

// LinkFault is a condition of a link that is not as it should be.
type LinkFault struct {
	Type string `json:"type"`
	// Status is Unknown where it could not be seen.
	Status metav1.ConditionStatus `json:"status"`
	// Reason is one of package mesh's codes.
	Reason string `json:"reason"`
	// +optional
	Message string `json:"message,omitempty"`
	// Since is when it turned so.
	// +optional
	Since metav1.Time `json:"since,omitzero"`
}

// Types of conditions. All but Drifted and Hazard are good when True.
const (
	Ready           = "Ready"           // every link is as the spec wants it
	Granted         = "Granted"         // reader and role of each link are there
	CredentialFresh = "CredentialFresh" // each credential works, and is not due
	Synced          = "Synced"          // every istiod replica reads what it should
	DiscoveryFresh  = "DiscoveryFresh"  // changes in To reach From's istiods in time
	TrafficProved   = "TrafficProved"   // a workload of From was answered by To
	Drifted         = "Drifted"         // somebody changed an object of a link
	Hazard          = "Hazard"          // an istiod's version is known to mishandle this
)
