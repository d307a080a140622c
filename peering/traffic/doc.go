// Package traffic tries a link of a mesh: whether requests of workloads in one cluster are answered by another. That an istiod
// is synced does not prove it.
//
// A [Check] climbs from what istiods know up to an answer, a [Rung] at a time. [Workload] is the one for an httpbin and a client
// that asks it; programs bring their own for what they run. peering.Verify climbs the Check in Peering.Workload:
//
//	p := peering.Peering{Workload: &traffic.Workload{Control: "outsider"}}
//	report, err := p.Verify(ctx, links...)
//
// [Executor], [Locator], [Scaler], [Workload.Who] and [Workload.Failover] are its parts, and fit package probe. All look at
// clusters as a [Side], which peering's Cluster.Side makes: the API server with the caller's rights, and its istiods. A failover
// scales pods to zero and asks for consent; nothing else here changes anything.
//
// The caller needs, in both clusters: get on the system namespace and on deployments, list on pods and endpointslices of the
// workload's namespace, list on services; get and create on pods/exec (Kubernetes 1.35 asks for create on WebSockets too).
package traffic
