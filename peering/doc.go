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
//	stage     in    what happens                                                kind
//	connect   both  reach the API server                                        -
//	read      both  one snapshot of each cluster, for all links of the call     -
//	preflight both  why it would not work, if something would be written        -
//	grant     To    ServiceAccount, ClusterRole, ClusterRoleBinding             mutate
//	mint      To    a token, used once by us: right account, every right        mutate
//	share     From  the remote secret                                           mutate
//	sync      From  every istiod replica says of itself that it reads To        verify
//	probe     both  Verify with a Workload: endpoints, gateway, an answer       verify
//	revoke    To    tokens that are not in use any more                         clean
//
// A call reads each cluster once: a handful of lists, however many links there are. From that and from the options it
// computes for each link an [Intent], all that decides what the link is to be, and the steps that lead there. [Peering.Plan]
// shows both, and [Peering.Apply] carries a plan out, also in another process: it computes the plan anew, and refuses if
// the digests differ. Ensure, Rotate and Remove are both in one. Everything that can be refused is refused while reading,
// before anything is written.
//
// When a mutate step fails, or the context ends during one, what the call did for that link is undone in reverse. A verify
// step that fails undoes nothing, because a slow istiod is not a reason to unpeer; only Rotate then restores the old
// credential. What cannot be undone or revoked is named in the report, and the next call goes on from it.
//
// A write is done, not done, or of unknown outcome, as when the connection breaks before the answer. What may work a moment
// later is tried again, after a look at what is there; a write whose outcome stays unknown is undone like one that was done.
// No credential is revoked, and no right that it needs is taken, while a Secret that may hold it is not known to hold another.
//
// # Many links
//
// [Peering.Concurrency] links (64) are worked on at a time. Of one From at most [Peering.Unconfirmed] (8) are written and
// not yet seen to be in use, so that its istiods never sync with a whole mesh at once. All links that wait for the istiods
// of a From share what one watcher asks them; a link that waits is no work.
//
// # Credentials
//
// Rotate mints the next generation of a token, tries it, writes it into the same Secret under the same key, waits until
// every istiod replica is synced and holds the endpoints and gateways that it held before, and only then revokes the old
// one; until then a failure restores the old one. The API server may accept an old token for 10 s more, from its cache:
// [Peering.AwaitRefusal] waits for the refusal, as Remove does. [Peering.Adopt] takes over what istioctl made in the same
// way; [Peering.Verify] tries such a link as it is. [Credentials] lists every credential that opens a cluster, whoever made
// it.
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
// In To: get, list, create, update and delete on serviceaccounts and secrets of the readers' namespace, which is the
// system namespace unless Reader.Namespace says otherwise, and on clusterroles and clusterrolebindings; escalate and bind on
// clusterroles, or every right of the role; create on serviceaccounts/token for bound tokens. In From: get, list, create,
// update and delete on secrets, list on pods and get and create on pods/portforward of the system namespace. In both: get on
// namespace kube-system, whose UID tells clusters apart. Package traffic lists what a Workload needs besides.
//
// To a caller who may not list serviceaccounts, clusterroles or clusterrolebindings, objects are read one by one, which is
// more requests; secrets have to be listed. Reviews of one's own rights and name (selfsubjectrulesreviews,
// selfsubjectaccessreviews, selfsubjectreviews) are allowed to everybody who is authenticated (Kubernetes, ClusterRole
// system:basic-user).
//
// With profile rbac.Minimal, also in To: get, create, update and delete on roles and rolebindings of From's system namespace,
// and escalate and bind on roles, or its one right; list on both saves requests. Where an endpoint is an IP address,
// preflight reads Service default/kubernetes in both; it reads nodes if a gateway is a NodePort. A right that is missing
// there makes a check Unknown.
//
// # What it owns
//
// An object is this package's if it carries the labels app.kubernetes.io/managed-by=meshpeer, meshpeer.io/from and
// meshpeer.io/to of the link. Any other object of the same name is left alone, and the error is [ForeignObjectError].
package peering
