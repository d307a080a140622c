package probe

import (
	"context"
	"net/http"
)

// weigh says how much the header that was seen is worth.
func (i Identity) weigh(ctx context.Context, p Peers) Peers {
	name := i.ControlName
	if name == "" {
		name = "the control"
	}
	if i.Control == nil {
		p.Why, p.Hint = "the header matched, without a control", "set Control: the same question from a workload without sidecar in the server's cluster"
		return p
	}
	url := i.ControlURL
	if url == "" {
		url = i.URL
	}
	got, err := i.Control.Send(ctx, Request{URL: under(url, "/headers")})
	switch {
	case refusedPlaintext(err):
		p.Proof, p.Why = Proved, "the header matched, and "+name+", which has no certificate, was refused"
	case err != nil:
		p.Why, p.Hint = "the header matched, and "+name+" could not ask: "+Diagnose(Sighting{Err: err}).Cause,
			"choose a control that reaches the server: a workload without sidecar in the server's cluster"
		return p
	case got.Status != http.StatusOK:
		p.Why, p.Hint = "the header matched, and "+name+" was not answered by the app", "choose a control that reaches the server"
		return p
	default:
		p = controlled(p, got, name)
	}
	if p.Proof == Proved && (i.Client.IsZero() || i.Server.IsZero()) {
		p.Proof, p.Hint = Observed, "set Client and Server: whose certificates they should be was not said"
	}
	return p
}

// refusedPlaintext says that the server cut the connection, as a sidecar under STRICT does to plain text: no filter chain
// matches it (istio/istio pilot/pkg/networking/core, inbound listeners).
func refusedPlaintext(err error) bool {
	kind := kindOf(err)
	return kind == KindReset || kind == KindEmpty
}

// controlled weighs a control that was answered, as PERMISSIVE allows.
func controlled(p Peers, got Response, name string) Peers {
	header, err := headersIn(got.Body)
	switch {
	case err != nil:
		p.Why, p.Hint = "the header matched, and the answer to "+name+" cannot be read", "choose a control that reaches the same httpbin"
	case len(header.Values(xfccHeader)) > 0:
		p.Proof = Unproved
		p.Why = "the header is void: " + name + " got one too"
		p.Hint = "choose a control without sidecar; if it has none, something other than the server's sidecar writes the header"
	default:
		p.Proof, p.Why = Proved, "the header matched, and "+name+", which has no certificate, got none"
	}
	return p
}
