// Package preflight finds out, before anything is written, why peering two clusters would fail or why calls would not
// arrive: every reason that is known and can be read from the clusters.
//
// [Run] takes an [Input] and returns [Finding] values: which check, its severity, what was seen, what to do. The checks are
// one table ([Checks], printed in docs/preflight.md): each has a stable ID, a severity, what it reads and the source of the
// fact behind it.
//
//	from, err := preflight.Connect("cluster-2", fromConfig)
//	to, err := preflight.Connect("cluster-1", toConfig)
//	findings, err := preflight.Run(ctx, preflight.Input{From: from, To: to, Endpoint: endpoint,
//		Workload: &preflight.Workload{Namespace: "default", Service: "httpbin"}})
//	preflight.WriteText(os.Stdout, findings)
//
// What cannot be read is [probe.Unknown], never [probe.Failed] and never [probe.Passed]: a right that the caller lacks, a
// kind that is not served, a seam that was not given, a server that only istiod can reach, a check that panicked. A check
// that goes on without something that it asked for adds a finding that says so. Under ASM, whose parts may have other names
// than Istio's charts give them, the same holds for an istiod, gateway or Gateway that is not found.
//
// Up to three API servers are read: From's, To's, and the one with the mesh configuration where that is neither. Nothing
// can be written: the [Reader] has no such method, and the access reviews that Side.May makes are answered and not stored.
//
// # Gateways and clients
//
// A gateway is what From's istiod uses as one: a Service of any type with label topology.istio.io/network, a Gateway of the
// Gateway API with that label, or an entry of meshNetworks. [NetworkGateways] predicts all of them. Sidecars need port
// 15443, ambient clients need HBONE on port 15008; the Workload tells which the client is, and without one both are judged.
//
// # istiods
//
// The istiods of a side are the Pods that Side.IstiodSelector picks. Each is judged by its own settings and version; if they
// are of several revisions, check istiod-revisions compares their mesh configurations.
//
// # Cost
//
// Requests are shared between the checks and made at once, at most Input.Parallel to each server. A run takes about as
// long as its longest chain of dependent requests, which is three: is the caller an administrator, which rights does it
// lack, does it hold the role that it is to grant. With one gateway, a workload and an ASM instance these are 13 requests
// to From, 14 to To and 8 to the instance, a GET of /version on both sides and of /api/v1 in To, one TLS handshake that
// sends nothing, and access reviews: one on each side for an administrator, else some 20 in To and 14 in From.
//
// Rotating the credential of a link has hazards of its own in some versions of istiod: see [Hazards].
package preflight
