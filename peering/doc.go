// Package peering lets the clusters of an Istio or Alibaba Cloud Service Mesh (ASM) reach each other's services: it gives
// the istiod of one cluster a credential to read the API server of another, proves that the istiod uses it, and revokes
// it again.
//
//	east, err := peering.Connect(peering.MustID("east"), eastConfig, peering.ConnectOptions{})
//	west, err := peering.Connect(peering.MustID("west"), westConfig, peering.ConnectOptions{})
//	report, err := new(peering.Peering).Ensure(ctx, peering.Mesh(east, west)...)
//
// One direction is a [Link]. Each has a ServiceAccount, a role and a token of its own in To, and a remote secret in From: To's
// audit log names who reads, and removing one touches no other. What lacks its labels is left alone.
// From a snapshot of each cluster a call computes an [Intent], and the steps that lead there:
//
//	grant  To    ServiceAccount, ClusterRole, ClusterRoleBinding              mutate
//	mint   To    a token, used once by us: right account, every right         mutate
//	share  From  the remote secret                                            mutate
//	sync   From  every istiod replica says of itself that it reads To         verify
//	revoke To    tokens that are not in use any more                          clean
//
// [Peering.Plan] shows both, and [Peering.Apply] carries them out if they are still the same; Ensure, Rotate and Remove are
// both in one. What can be refused is refused before anything is written. When a mutate step fails, is of unknown outcome, or
// the context ends, what the call did for that link is undone in reverse; a verify step that fails undoes nothing, but Rotate
// restores the old credential. No credential is revoked, and no right that it needs is taken, while a Secret that may hold it
// is not known to hold another. What is left is named in the report, and the next call goes on from it, also after a crash.
//
// With a Workload [Peering.Verify] calls over the link. Rights: docs/rights.md.
package peering
