package peering

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/meshpeer/meshpeer/probe"
)

// teapot asks for one, until To answers.
func (t *traffic) teapot(ctx context.Context) probe.Result {
	return t.trust(ctx, t.ask(ctx, probe.Teapot{From: toward{t}, URL: t.url()}))
}

// mutualTLS looks who the server in To was told to be talking to.
func (t *traffic) mutualTLS(ctx context.Context) probe.Result {
	if t.client == nil {
		return t.nobody()
	}
	i := probe.Identity{From: toward{t}, URL: t.url(), Client: identityOf(t.client.pod)}
	if pod, err := t.To.runningPod(ctx, t.Namespace, t.Server); err == nil {
		i.Server = identityOf(pod)
	}
	if t.Control != "" {
		i.Control = probe.Curl{In: t.To.Executor(t.Namespace, t.Control, "")}
		i.ControlName = fmt.Sprintf("%s/%s of %s", t.Namespace, t.Control, t.To.ID)
	}
	r := t.ask(ctx, i)
	if r.Status == probe.Warned && t.Control == "" {
		r.Hint = "set Workload.Control to a Deployment without sidecar in " + t.To.ID.String()
	}
	return r
}

// answeredBy asks who answers, until it is To.
func (t *traffic) answeredBy(ctx context.Context) probe.Result {
	if t.client == nil {
		return t.nobody()
	}
	who := t.who(t.Link, t.client.curl, t.client.proxy)
	who.Locator = probe.LocatorFunc(t.locate)
	others := 0
	for id, has := range t.holders {
		if has && id != t.From.ID.String() && id != t.To.ID.String() {
			others++
		}
	}
	if !t.known || others > 0 {
		who.LocalReady = nil // somebody else may have answered
	}
	return t.ask(ctx, untilTo{who, t.To.ID, t.Asks})
}

// ask probes. If To did not answer at all, the result is Unknown: it might still.
func (t *traffic) ask(ctx context.Context, p probe.Prober) probe.Result {
	if t.client == nil {
		return t.nobody()
	}
	explained := probe.Explain(probe.ProberFunc(func(ctx context.Context) probe.Result {
		r := p.Probe(ctx)
		if elsewhere, ok := errors.AsType[*ElsewhereError](r.Err); ok {
			r.Status, r.Hint = probe.Unknown, stays
			r.Summary = strings.TrimPrefix(elsewhere.Error(), "peering: ")
		}
		if lookup, ok := errors.AsType[*lookupError](r.Err); ok {
			r.Status, r.Summary, r.Hint = probe.Unknown, lookup.Error(), hint(lookup)
		}
		return r
	}), t.client.proxy, t.cluster())
	return explained.Probe(ctx)
}

func (t *traffic) nobody() probe.Result {
	return probe.Result{Status: probe.Skipped, Summary: "there is no client to ask from, see proxy-endpoints"}
}

// untilTo is a Who that is asked until To answers.
type untilTo struct {
	who  probe.Who
	to   ID
	asks int
}

// Probe implements [probe.Prober].
func (u untilTo) Probe(ctx context.Context) probe.Result {
	r := probe.Result{Check: "answered-by", Target: u.who.URL}
	asked := 0
	for range asks(ctx, u.asks) {
		asked++
		a, err := u.who.Ask(ctx)
		if err != nil {
			d := probe.Diagnose(probe.Sighting{Err: err})
			r.Status, r.Summary, r.Hint, r.Err = d.Status, d.Cause, d.Remedy, err
			return r
		}
		if a.Cluster != u.to.String() {
			continue
		}
		r.Status, r.Summary = a.Proof.Status(), "answered by "+a.String()
		if a.Proof != probe.Proved {
			r.Hint = "let the app say who it is: USE_REAL_HOSTNAME=1 for go-httpbin"
		}
		return r
	}
	r.Status, r.Err, r.Hint = probe.Failed, &ElsewhereError{u.to, asked}, stays
	r.Summary = strings.TrimPrefix(r.Err.Error(), "peering: ")
	return r
}
