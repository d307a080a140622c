package peering

import (
	"context"
	"errors"

	"github.com/meshpeer/meshpeer/probe"
)

// climb are the levels of Verify above what istiods say of their own sync: the endpoints that istiod has, the gateway to
// them, the endpoints that the client's proxy got, and an answer. Each needs those below it, so the first that fails is the
// diagnosis; one that cannot be seen from here is Unknown, and the climb goes on.
func (t0 *task) climb() []step {
	if t0.Peering.Workload == nil {
		return nil
	}
	t := &traffic{task: t0, Workload: t0.Peering.Workload.filled()}
	client := "Deployment/" + t.Namespace + "/" + t.Client
	return flow(
		t.level(StageSync, "istiod", "istiod-endpoints", t.istiodEndpoints),
		t.level(StageSync, "istiod", "network-gateway", t.networkGateway),
		t.level(StageProbe, client, "proxy-endpoints", t.proxyEndpoints),
		t.level(StageProbe, client, "teapot", t.teapot),
		t.level(StageProbe, client, "mutual-tls", t.mutualTLS),
		t.level(StageProbe, client, "answered-by", t.answeredBy),
	)
}

// traffic is what the levels of one link learn, each for those above it.
type traffic struct {
	*task
	Workload
	known    bool            // an istiod told of its endpoints
	holders  map[string]bool // clusters that have endpoints of the service, by ID
	injected int             // endpoints in To that take mutual TLS, as the last istiod has it
	at       map[string]bool // hosts by which proxies of From know To's endpoints, as istiods told
	told     bool            // at is all of them, or was just now
	acrossTo string          // To's network, if gateways lead there
	client   *client         // who asks; nil: nobody can
	locator  probe.Locator
}

// level is a check that is repeated until it holds or Workload.Poll gives up. What is Unknown does not get known by waiting.
func (t *traffic) level(stage Stage, object, check string, look func(context.Context) probe.Result) []step {
	return t.check(stage, t.From.ID, object, func(ctx context.Context) (probe.Result, error) {
		poll := probe.Retry(probe.ProberFunc(func(ctx context.Context) probe.Result {
			r := look(ctx).Clean()
			if r.Status == probe.Unknown {
				return probe.Result{Status: probe.Skipped, Err: &unknown{r}} // ends the Retry
			}
			return r
		}), t.Poll)
		r := poll.Probe(ctx)
		if u, ok := errors.AsType[*unknown](r.Err); ok {
			r = u.Result
		}
		r.Check = check
		if r.Target == "" {
			r.Target = t.host() + " from " + t.From.ID.String()
		}
		if r.Status == probe.Failed {
			r.Err = &LevelError{Check: check, Summary: r.Summary, Remedy: r.Hint, Err: r.Err}
		}
		return r, r.Err
	})
}

// unknown takes a Result through a Retry.
type unknown struct{ probe.Result }

func (*unknown) Error() string { return "unknown" }

// LevelError says that a level of Verify does not hold. Err is what was seen, if that was an error.
type LevelError struct {
	Check   string // of the probe.Result
	Summary string
	Remedy  string
	Err     error
}

func (e *LevelError) Error() string { return line(e.Check) + ": " + prose(e.Summary) }

// Unwrap returns what was seen.
func (e *LevelError) Unwrap() error { return e.Err }
