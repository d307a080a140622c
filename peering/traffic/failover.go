package traffic

import (
	"context"

	"github.com/meshpeer/meshpeer/probe"
)

// Who asks the workload which cluster answers a client in from: what the httpbin says of itself, what the client's proxy
// counted and what from's API server says is ready. It assumes that to is the only other cluster that has the service.
func (w Workload) Who(from, to Side) probe.Who {
	w = w.filled()
	client := Executor{Side: from, Namespace: w.Namespace, Deployment: w.Client}
	agent := client
	agent.Container = sidecar
	return w.who(from, to, probe.Curl{In: client}, probe.PilotAgent{In: agent})
}

func (w Workload) who(from, to Side, curl probe.Curl, proxy probe.PilotAgent) probe.Who {
	return probe.Who{
		From: curl, URL: w.url(), Locator: Locator(w.Namespace, from, to), Proxy: &proxy, Service: w.cluster(),
		LocalReady: w.scaler(from).Ready, Elsewhere: to.ID,
	}
}

func (w Workload) scaler(s Side) Scaler {
	return Scaler{Side: s, Namespace: w.Namespace, Deployment: w.Server, Service: w.Service}
}

// Failover proves that to answers when from has no pods left: it scales Server in from to zero, asks from Client until
// to answers, and restores Server. Nothing is done before Run, and Run refuses without Consent:
//
//	f := workload.Failover(link.Sides())
//	check, err := f.Check(ctx) // what would be scaled, warnings, or why it would be refused
//	f.Consent = "cluster-1 default/httpbin" // as the user typed it
//	report, err := f.Run(ctx)
//
// After a crash, probe.Recover(ctx, f.Target, f.Local) restores the replicas.
func (w Workload) Failover(from, to Side) probe.Failover {
	w = w.filled()
	return probe.Failover{
		Target: from.ID + " " + w.Namespace + "/" + w.Server,
		Local:  w.scaler(from),
		Elsewhere: func(ctx context.Context) (int, error) {
			return to.readyInjected(ctx, w.Namespace, w.Service)
		},
		Answer: untilTo{w.Who(from, to), to.ID, 1},
	}
}
