package traffic

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/meshpeer/meshpeer/probe"
)

// teapot asks for one, until To answers.
func (l *levels) teapot(ctx context.Context) probe.Result {
	return l.trust(ctx, l.ask(ctx, probe.Teapot{From: toward{l}, URL: l.url()}))
}

// mutualTLS looks who the server in To was told to be talking to.
func (l *levels) mutualTLS(ctx context.Context) probe.Result {
	if l.client == nil {
		return l.nobody()
	}
	i := probe.Identity{From: toward{l}, URL: l.url(), Client: identityOf(l.client.pod)}
	if pod, err := l.to.runningPod(ctx, l.Namespace, l.Server); err == nil {
		i.Server = identityOf(pod)
	}
	if l.Control != "" {
		i.Control = probe.Curl{In: Executor{Side: l.to, Namespace: l.Namespace, Deployment: l.Control}}
		i.ControlName = fmt.Sprintf("%s/%s of %s", l.Namespace, l.Control, l.to.ID)
	}
	r := l.ask(ctx, i)
	if r.Status == probe.Warned && l.Control == "" {
		r.Hint = "set Workload.Control to a Deployment without sidecar in " + l.to.ID
	}
	return r
}

// answeredBy asks who answers, until it is To.
func (l *levels) answeredBy(ctx context.Context) probe.Result {
	if l.client == nil {
		return l.nobody()
	}
	who := l.who(l.from, l.to, l.client.curl, l.client.proxy)
	who.Locator = probe.LocatorFunc(l.locate)
	others := 0
	for id, has := range l.holders {
		if has && id != l.from.ID && id != l.to.ID {
			others++
		}
	}
	if !l.known || others > 0 {
		who.LocalReady = nil // somebody else may have answered
	}
	return l.ask(ctx, untilTo{who, l.to.ID, l.Asks})
}

// ask probes. If To did not answer at all, the result is Unknown: it might still.
func (l *levels) ask(ctx context.Context, p probe.Prober) probe.Result {
	if l.client == nil {
		return l.nobody()
	}
	explained := probe.Explain(probe.ProberFunc(func(ctx context.Context) probe.Result {
		r := p.Probe(ctx)
		if elsewhere, ok := errors.AsType[*ElsewhereError](r.Err); ok {
			r.Status, r.Hint = probe.Unknown, stays
			r.Summary = strings.TrimPrefix(elsewhere.Error(), "traffic: ")
		}
		if lookup, ok := errors.AsType[*lookupError](r.Err); ok {
			r.Status, r.Summary, r.Hint = probe.Unknown, lookup.Error(), ""
		}
		return r
	}), l.client.proxy, l.cluster())
	return explained.Probe(ctx)
}

func (l *levels) nobody() probe.Result {
	return probe.Result{Status: probe.Skipped, Summary: "there is no client to ask from, see proxy-endpoints"}
}

// untilTo is a Who that is asked until To answers.
type untilTo struct {
	who  probe.Who
	to   string
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
		if a.Cluster != u.to {
			continue
		}
		r.Status, r.Summary = a.Proof.Status(), "answered by "+a.String()
		if a.Proof != probe.Proved {
			r.Hint = "let the app say who it is: USE_REAL_HOSTNAME=1 for go-httpbin"
		}
		return r
	}
	r.Status, r.Err, r.Hint = probe.Failed, &ElsewhereError{u.to, asked}, stays
	r.Summary = strings.TrimPrefix(r.Err.Error(), "traffic: ")
	return r
}
