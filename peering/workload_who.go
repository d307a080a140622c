package peering

import (
	"github.com/meshpeer/meshpeer/probe"
)

// Who asks the workload of a link which cluster answers: what the httpbin says of itself, what the
// client's proxy counted and what From's API server says is ready. It assumes that To is the only
// other cluster that has the service.
func (w Workload) Who(l Link) probe.Who {
	w = w.filled()
	curl := probe.Curl{In: l.From.Executor(w.Namespace, w.Client, "")}
	return w.who(l, curl, probe.PilotAgent{In: l.From.Executor(w.Namespace, w.Client, sidecar)})
}

func (w Workload) who(l Link, curl probe.Curl, proxy probe.PilotAgent) probe.Who {
	return probe.Who{
		From: curl, URL: w.url(), Locator: Locator(w.Namespace, l.From, l.To), Proxy: &proxy, Service: w.cluster(),
		LocalReady: l.From.Scaler(w.Namespace, w.Server, w.Service).Ready, Elsewhere: l.To.ID.String(),
	}
}
