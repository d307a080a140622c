//go:build linux

package main

import (
	"context"
	_ "embed"
	"fmt"
	"time"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/peering/traffic"
	"github.com/meshpeer/meshpeer/probe"
)

//go:embed plain.yaml
var plain []byte

// scenario is the one that ASM's document ends in, in its order: cluster-1 under a control plane that is hosted elsewhere and
// reads both clusters, cluster-2 under an istiod of its own.
func (m *mesh) scenario(ctx context.Context, tell *teller, keep bool) error {
	forward := peering.Link{From: m.clusters[0], To: m.clusters[1]}
	back := peering.Link{From: m.clusters[1], To: m.clusters[0]}
	for _, c := range m.lab.Clusters {
		if err := c.Apply(ctx, plain); err != nil {
			return err
		}
	}

	tell.chapter("Step 1. cluster-1 has no httpbin: cluster-2 answers, because the hosted control plane reads both")
	if err := m.httpbins(ctx, tell, 0, 1); err != nil {
		return err
	}
	if err := ask(ctx, tell, forward); err != nil {
		return err
	}

	tell.chapter("Step 2. cluster-2 has no httpbin: nobody answers, because its istiod does not know cluster-1")
	if err := m.httpbins(ctx, tell, 1, 0); err != nil {
		return err
	}
	if err := m.lookAt(ctx, tell, istiod.NotSeen, back); err != nil {
		return err
	}
	if err := silent(ctx, tell, back); err != nil {
		return err
	}

	tell.chapter("Peer: the role to cluster-1, the remote secret to cluster-2")
	p := &peering.Peering{Observe: tell.event, Workload: &traffic.Workload{Control: "plain"}}
	report, err := p.Ensure(ctx, back)
	tell.report("ensure", report)
	if err != nil {
		return err
	}
	if err := m.lookAt(ctx, tell, istiod.Synced, back); err != nil {
		return err
	}

	tell.chapter("The same curl is answered by cluster-1")
	if err := ask(ctx, tell, back); err != nil {
		return err
	}
	if err := m.again(ctx, tell, p, back); err != nil {
		return err
	}

	tell.chapter("Both httpbins again: who answers how often, and Verify from the bottom up")
	if err := m.httpbins(ctx, tell, 1, 1); err != nil {
		return err
	}
	if err := share(ctx, tell, back); err != nil {
		return err
	}
	report, err = p.Verify(ctx, back)
	tell.report("verify", report)
	if err != nil {
		return err
	}
	if keep {
		return m.keep(ctx, tell)
	}
	return m.remove(ctx, tell, p, back)
}

// httpbins scales the two Deployments as `kubectl scale` does, and waits until their pods are there or gone.
func (m *mesh) httpbins(ctx context.Context, tell *teller, replicas ...int) error {
	for i, c := range m.lab.Clusters {
		if err := c.Scale(ctx, "default", "httpbin", replicas[i]); err != nil {
			return err
		}
		tell.line("kubectl scale deployment httpbin --replicas %d --context=%s", replicas[i], c.ID)
	}
	for i, c := range m.lab.Clusters {
		if err := c.WaitPods(ctx, "default", "app=httpbin", replicas[i]); err != nil {
			return err
		}
	}
	return nil
}

// in asks from inside a pod of a Deployment: sleep is in the mesh, plain is not.
func in(c *peering.Cluster, deployment string) probe.Curl {
	return probe.Curl{In: traffic.Executor{Side: c.Side(), Namespace: "default", Deployment: deployment}}
}

const url = "http://httpbin:8000"

// ask is the document's curl, with proof of who answered and of mutual TLS.
func ask(ctx context.Context, tell *teller, l peering.Link) error {
	tell.line("kubectl exec deployment/sleep --context=%s -- curl httpbin:8000/status/418", l.From.ID)
	patient := probe.Poll{Timeout: 20 * time.Second}
	for _, p := range []probe.Prober{
		probe.Retry(probe.Teapot{From: in(l.From, "sleep"), URL: url}, patient),
		probe.Identity{
			From: in(l.From, "sleep"), URL: url, Client: probe.MustSPIFFEID("spiffe://cluster.local/ns/default/sa/sleep"),
			Server:  probe.MustSPIFFEID("spiffe://cluster.local/ns/default/sa/httpbin"),
			Control: in(l.To, "plain"), ControlName: "plain of " + l.To.ID.String(),
		},
		traffic.Workload{}.Who(l.Sides()),
	} {
		r := p.Probe(ctx)
		tell.result(r)
		if r.Status != probe.Passed {
			return fmt.Errorf("%s from %s: %s: %s", r.Check, l.From.ID, r.Status, r.Summary)
		}
	}
	a, err := traffic.Workload{}.Who(l.Sides()).Ask(ctx)
	if err != nil {
		return err
	}
	if a.Cluster != l.To.ID.String() {
		return fmt.Errorf("%q answered, not %s", a.Cluster, l.To.ID)
	}
	tell.answer(l, a)
	return nil
}

// silent is the same curl where it must not be answered.
func silent(ctx context.Context, tell *teller, l peering.Link) error {
	r := probe.Explain(probe.Teapot{From: in(l.From, "sleep"), URL: url}, probe.PilotAgent{}, "").Probe(ctx)
	tell.result(r)
	if r.Status != probe.Failed {
		return fmt.Errorf("the curl from %s is %s before peering: %s", l.From.ID, r.Status, r.Summary)
	}
	return nil
}

// share asks until the shares of both clusters are known well enough.
func share(ctx context.Context, tell *teller, l peering.Link) error {
	split, err := probe.Sampling{Clusters: []string{l.From.ID.String(), l.To.ID.String()}, Max: 150, Width: 0.5}.Sample(ctx, traffic.Workload{}.Who(l.Sides()))
	if err != nil {
		return err
	}
	tell.split("httpbin:8000 from "+l.From.ID.String(), split)
	return nil
}
