// Package probe proves, on anyone's clusters, that the other cluster answered a cross-cluster request over mutual TLS.
// Small interfaces go in and Results come out: it needs no Kubernetes client and imports the standard library only.
//
// A [Result] is a [Status] with its evidence and the next step to take. Checks before, during and after peering all
// answer with a Status. Results are values. An error is evidence inside a Result, never the way to say "skipped" or
// "fine". What cannot be seen from here is Unknown, never Failed and never Passed; a prober that is nil, that panics or
// that returns a word other than the five statuses has seen nothing.
//
// Text of servers, certificates, commands and pods is shown as one short line without control characters. Answers
// ([Response]) and outputs of commands ([Output]) print as their status and length only.
//
// A [Prober] makes a Result. The simple ones are [TCP], [TLS], [HTTP] and [Teapot]; [Retry] repeats one until it holds,
// a [Ladder] stops at the first rung that does not, which is the diagnosis, and [Run] runs many at once:
//
//	sleep := probe.Curl{In: executor} // requests leave from inside a workload
//	results := probe.Run(ctx, probe.RunOptions{}, probe.Ladder{Name: "cluster-2 to cluster-1", Rungs: []probe.Rung{
//		{Check: "teapot", Prober: probe.Retry(probe.Teapot{From: sleep, URL: "http://httpbin:8000"}, probe.Poll{})},
//		{Check: "mutual-tls", Prober: probe.Identity{From: sleep, URL: "http://httpbin:8000", Client: id, Control: plain}},
//	}})
//
// Requests are sent by a [Sender]: [Direct] from this process, or [Curl] from inside a workload through an [Executor],
// which wraps pods/exec. [PilotAgent] reads what the client's Envoy knows and counts. [Diagnose] turns what was seen into
// a cause and a remedy.
//
// Every claim says how far it was shown, by a [Proof]. [Identity] calls mutual TLS proved only if a request without a
// client certificate showed that the check could have failed. [Who] names the cluster that answered, and calls it
// proved only if signs of two independent sources agree, see [Attribute]. A [Split] gives shares as intervals that stay
// valid however early sampling stopped.
//
// [Failover] is the only part that changes anything: it scales a workload to zero, with consent, and restores it.
// [Recover] restores it for a run that died. [Meter] says for how long clients felt an operation.
package probe
