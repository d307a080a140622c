package traffic

import (
	"context"
	"errors"

	"github.com/meshpeer/meshpeer/probe"
)

// Rungs implements [Check]: the endpoints that istiods have, the gateway to them, the endpoints that the client's proxy got, an
// answer, who gave it, and over mutual TLS or not. Each is repeated until it holds or Poll gives up. One that cannot be seen from
// here is Unknown. A nil *Workload has none.
func (w *Workload) Rungs(from, to Side) []Rung {
	if w == nil {
		return nil
	}
	l := &levels{Workload: w.filled(), from: from, to: to}
	client := "Deployment/" + l.Namespace + "/" + l.Client
	return []Rung{
		l.rung(StageSync, "istiod", "istiod-endpoints", l.istiodEndpoints),
		l.rung(StageSync, "istiod", "network-gateway", l.networkGateway),
		l.rung(StageProbe, client, "proxy-endpoints", l.proxyEndpoints),
		l.rung(StageProbe, client, "teapot", l.teapot),
		l.rung(StageProbe, client, "mutual-tls", l.mutualTLS),
		l.rung(StageProbe, client, "answered-by", l.answeredBy),
	}
}

// levels is what the rungs of one link learn, each for those above it.
type levels struct {
	Workload
	from, to Side
	known    bool            // every istiod told of its endpoints
	holders  map[string]bool // clusters that have endpoints of the service, by ID
	injected int             // endpoints in to that take mutual TLS, as the last istiod has it
	at       map[string]bool // hosts by which proxies of from know to's endpoints, as istiods told
	told     bool            // at is all of them, or was just now
	acrossTo string          // to's network, if gateways lead there
	client   *client         // who asks; nil: nobody can
	locator  probe.Locator
}

// rung repeats a look until it holds or Workload.Poll gives up. What is Unknown does not get known by waiting.
func (l *levels) rung(stage, object, check string, look func(context.Context) probe.Result) Rung {
	return Rung{stage, check, object, probe.ProberFunc(func(ctx context.Context) probe.Result {
		poll := probe.Retry(probe.ProberFunc(func(ctx context.Context) probe.Result {
			r := look(ctx).Clean()
			if r.Status == probe.Unknown {
				return probe.Result{Status: probe.Skipped, Err: &unknown{r}} // ends the Retry
			}
			return r
		}), l.Poll)
		r := poll.Probe(ctx)
		if u, ok := errors.AsType[*unknown](r.Err); ok {
			r = u.Result
		}
		if r.Target == "" {
			r.Target = l.host() + " from " + l.from.ID
		}
		return r
	})}
}

// unknown takes a Result through a Retry.
type unknown struct{ probe.Result }

func (*unknown) Error() string { return "unknown" }
