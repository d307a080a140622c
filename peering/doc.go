// Package peering lets the clusters of an Istio or Alibaba Cloud Service Mesh (ASM) reach each other's services: it gives
// the istiod of one cluster a credential to read the API server of another, proves that the istiod uses it, and revokes
// it again.
//
//	east, err := peering.Connect(peering.MustID("east"), eastConfig, peering.ConnectOptions{})
//	west, err := peering.Connect(peering.MustID("west"), westConfig, peering.ConnectOptions{})
//	report, err := new(peering.Peering).Ensure(ctx, peering.Mesh(east, west)...)
//
// One direction is a [Link]: To holds a ServiceAccount, a ClusterRole and binding, and a token; From holds the remote secret,
// a kubeconfig with that token. Each link has its own of each: To's audit log names the cluster that reads, and removing one
// link touches no other. An object without the labels of its link is left alone, and the error is [ForeignObjectError].
//
// From a snapshot of each cluster and from the options a call computes for each link an [Intent], all that decides what the
// link is to be, and the steps that lead there:
//
//	grant  To    ServiceAccount, ClusterRole, ClusterRoleBinding              mutate
//	mint   To    a token, used once by us: right account, every right         mutate
//	share  From  the remote secret                                            mutate
//	sync   From  every istiod replica says of itself that it reads To         verify
//	revoke To    tokens that are not in use any more                          clean
//
// [Peering.Plan] shows both, and [Peering.Apply] carries them out if they are still the same; Ensure, Rotate and Remove are
// both in one. What can be refused is refused before anything is written. When a mutate step fails, or the context ends
// during one, what the call did for that link is undone in reverse; a verify step that fails undoes nothing, and only Rotate
// then restores the old credential. A write of unknown outcome, because the answer was lost, is undone like one that was
// done. No credential is revoked, and no right that it needs is taken, while a Secret that may hold it is not known to hold
// another. What is left is named in the report, and the next call goes on from it, also after a crash.
//
// That an istiod is synced does not prove traffic. With [Peering.Workload] set, [Peering.Verify] climbs from the endpoints
// that every istiod has to an answer of To over mutual TLS: the first rung that does not hold is the diagnosis.
//
// The rights that a caller needs are in docs/rights.md of the module.
package peering
