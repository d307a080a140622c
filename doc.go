// Package meshpeer is the map of a Go SDK that lets the clusters of an Istio or Alibaba Cloud Service Mesh (ASM) reach each
// other's services, and proves that they do.
//
// In a mesh of several clusters, istiod has to read the API server of every cluster whose services its workloads call.
// People set that up by hand: a ClusterRole here, a service-account token there, a kubeconfig in a Secret in the other
// cluster. Here these are values that can be rendered, compared, applied, verified, revoked and tested.
//
// One direction is a link: workloads of From reach services of To, and to that end the istiod of From reads the API
// server of To. Role and token live in To, the remote secret lives in From.
//
//	stage      package              touches        what comes out
//	connect    peering              nothing        a Cluster: a struct of small seams
//	read       peering              both           one snapshot of each cluster; an intent and the steps of each link
//	preflight  peering/preflight    both           why it would not work, before anything is written
//	render     rbac                 nothing        ServiceAccount, ClusterRole, ClusterRoleBinding
//	grant      peering              To             these objects, the link's own
//	mint       secrets.TokenSource  To             a token that has been tried: right account, every right
//	build      secrets              nothing        the remote secret
//	share      peering              From           that Secret, where istiod looks for it
//	sync       peering/istiod       From's istiods "synced" from every replica, or why not
//	probe      peering/traffic      from From to To who answered, and whether it was mutual TLS
//	report     peering              nothing        text, JSON, JUnit, HTML, and when a credential has to be renewed
//
// Data goes down this table and never back up. Packages [github.com/meshpeer/meshpeer/rbac],
// [github.com/meshpeer/meshpeer/secrets] and [github.com/meshpeer/meshpeer/probe] import nothing of the others and are of
// use alone; so are [github.com/meshpeer/meshpeer/peering/istiod], which tells what istiods say of the clusters they read,
// [github.com/meshpeer/meshpeer/peering/preflight], and [github.com/meshpeer/meshpeer/peering/traffic], which tries a link by
// the probers of package probe. [github.com/meshpeer/meshpeer/peering] composes them;
// [github.com/meshpeer/meshpeer/peering/peeringtest] is a mesh in memory for tests. What programs put in the place of a seam is
// held to its contract by secrets/secretstest, probe/probetest and peering/peeringtest/conformance.
//
// Everything is tried on real API servers and real istiods: internal/lab starts them on one machine.
package meshpeer
