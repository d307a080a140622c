// Package peering lets the clusters of an Istio or Alibaba Cloud Service Mesh (ASM) reach each other's services: it gives
// the istiod of one cluster a credential to read the API server of another, proves that the istiod uses it, and revokes
// it again.
//
// One direction is a [Link]: workloads of From reach services of To. To that end To holds a ServiceAccount, a ClusterRole
// and binding, and a token; From holds the remote secret, a kubeconfig with that token. Each link has its own of
// each: To's audit log names the cluster that reads, and removing one link touches no other.
//
//	east, err := peering.Connect(peering.MustID("east"), eastConfig, peering.ConnectOptions{})
//	west, err := peering.Connect(peering.MustID("west"), westConfig, peering.ConnectOptions{})
//	report, err := new(peering.Peering).Ensure(ctx, peering.Mesh(east, west)...)
//
// # The flow
//
//	stage    in     what happens                                               kind
//	connect  both   reach the API server, learn which cluster it is             -
//	read     both   what is there, is it ours, is the credential good           -
//	preflight both  why it would not work, if something would be written        -
//	grant    To     ServiceAccount, ClusterRole, ClusterRoleBinding             mutate
//	mint     To     a token, used once by us: right account, every right        mutate
//	share    From   the remote secret                                           mutate
//	sync     From   every istiod replica says of itself that it reads To        verify
//	probe    both   with a Workload: endpoints, gateway, an answer over mTLS    verify
//	revoke   To     tokens that are not in use any more                         clean
//
// [Peering.Plan] prints the list and [Peering.Apply] carries it out, also in another process; Ensure, Rotate and Remove are
// both in one. Everything that can be refused is refused while reading, before anything is written. When a mutate step
// fails, or the context ends during one, what the call did for that link is undone in reverse. A verify step that fails
// undoes nothing, because a slow istiod is not a reason to unpeer. Only Rotate then restores the old credential. What cannot
// be undone or revoked is named in the report, and the next call goes on from it.
//
// # Credentials
//
// Rotate mints the next generation of a token, tries it, writes it into the same Secret under the same key, waits until
// every istiod replica is synced and holds the endpoints and gateways that it held before, and only then revokes the old
// one; until then a failure restores the old one. [Peering.Adopt] takes over what istioctl made in the same way.
// [Credentials] lists every credential that opens a cluster, whoever made it.
//
// # Traffic
//
// That an istiod is synced does not prove traffic. With Peering.Workload set, [Peering.Verify] climbs on. With a
// [traffic.Workload]: every istiod has endpoints of the service in To and knows the gateway there, the proxy of a client got
// them, and a request sent from that client is answered by To, over mutual TLS, by the account it should be. A program's own
// [traffic.Check] tries what that program runs. The first rung that does not hold is the diagnosis. Verify changes nothing;
// [traffic.Workload.Failover], which scales pods to zero, asks for consent.
//
// # Two at once, and after a crash
//
// Names are deterministic and create is the lock: of two programs working on one link, the loser waits and looks again. A
// process that is killed leaves a state from which the next call rolls forward: it mints a new token, proves it, and revokes
// what is old. An attempt that began less than [Peering.LockTimeout] ago is given that time to finish first.
//
// # Rights of the caller
//
// In To: get, create, update and delete on serviceaccounts and secrets (and list on secrets) of the system namespace, on
// clusterroles and clusterrolebindings; escalate and bind on them, or every right of the role; create on
// serviceaccounts/token for bound tokens. In From: list, create, update and delete on secrets and list on pods of the
// system namespace, create on pods/portforward. In both: get on namespace kube-system, whose UID tells clusters apart. Package
// traffic lists what a Workload needs besides.
//
// With profile rbac.Minimal, also in To: get, create, update and delete on roles and rolebindings of From's system namespace,
// and escalate and bind on roles, or its one right. Where an endpoint is an IP address, preflight reads Service
// default/kubernetes in both; it reads nodes if a gateway is a NodePort. A right that is missing there makes a check Unknown.
//
// # What it owns
//
// An object is this package's if it carries the labels app.kubernetes.io/managed-by=meshpeer, meshpeer.io/from and
// meshpeer.io/to of the link. Any other object of the same name is left alone, and the error is [ForeignObjectError].
package peering
