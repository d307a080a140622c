package peering

import (
	"context"

	"github.com/meshpeer/meshpeer/probe"
)

// Failover proves that To answers when From has no pods left: it scales Server in From to zero, asks from Client until
// To answers, and restores Server. Nothing is done before Run, and Run refuses without Consent:
//
//	f := workload.Failover(link)
//	check, err := f.Check(ctx) // what would be scaled, warnings, or why it would be refused
//	f.Consent = "cluster-1 default/httpbin" // as the user typed it
//	report, err := f.Run(ctx)
//
// After a crash, probe.Recover(ctx, f.Target, f.Local) restores the replicas.
func (w Workload) Failover(l Link) probe.Failover {
	w = w.filled()
	return probe.Failover{
		Target: l.From.ID.String() + " " + w.Namespace + "/" + w.Server,
		Local:  l.From.Scaler(w.Namespace, w.Server, w.Service),
		Elsewhere: func(ctx context.Context) (int, error) {
			return l.To.readyInjected(ctx, w.Namespace, w.Service)
		},
		Answer: untilTo{w.Who(l), l.To.ID, 1},
	}
}
