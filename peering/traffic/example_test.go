package traffic_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
	"github.com/meshpeer/meshpeer/peering/traffic"
	"github.com/meshpeer/meshpeer/probe"
)

// exampleMesh is a peered pair: each member runs an httpbin, east runs sleep too, and west a client without sidecar.
func exampleMesh(ctx context.Context) []peering.Link {
	mesh := peeringtest.NewMesh("east", "west")
	links := peering.Mesh(mesh.Clusters()...)
	if _, err := new(peering.Peering).Ensure(ctx, links...); err != nil {
		panic(err)
	}
	mesh.Split()
	for _, id := range []string{"east", "west"} {
		mesh.Member(id).Run(peeringtest.App{Name: "httpbin", Port: 8000, Replicas: 1})
	}
	mesh.Member("east").Run(peeringtest.App{Name: "sleep", Replicas: 1})
	mesh.Member("west").Run(peeringtest.App{Name: "outsider", Replicas: 1, Plain: true})
	return links
}

// orders is a check of a program's own: the orders service has to answer from the pods that use it, and from the other cluster.
type orders struct{ shop string }

func (o orders) Validate() error {
	if o.shop == "" {
		return errors.New("name the Deployment of the shop")
	}
	return nil
}

func (o orders) Rungs(from, to traffic.Side) []traffic.Rung {
	const url = "http://httpbin.default.svc.cluster.local:8000"
	shop := probe.Curl{In: traffic.Executor{Side: from, Namespace: "default", Deployment: o.shop}}
	who := probe.Who{From: shop, URL: url, Locator: traffic.Locator("default", from, to)}
	elsewhere := probe.ProberFunc(func(ctx context.Context) probe.Result {
		a, err := who.Ask(ctx)
		if err != nil || a.Cluster != to.ID {
			return probe.Result{Status: probe.Failed, Summary: to.ID + " did not answer", Hint: "see its log", Err: err}
		}
		return probe.Result{Status: a.Proof.Status(), Summary: "answered by " + a.String()}
	})
	return []traffic.Rung{
		{Check: "orders-answer", Object: "Deployment/default/" + o.shop, Prober: probe.Teapot{From: shop, URL: url}},
		{Check: "orders-elsewhere", Object: "Deployment/default/" + o.shop, Prober: probe.Retry(elsewhere, probe.Poll{Every: time.Millisecond})},
	}
}

func ExampleCheck() {
	ctx := context.Background()
	links := exampleMesh(ctx)
	p := peering.Peering{Workload: orders{shop: "sleep"}}
	report, err := p.Verify(ctx, links[0])
	for _, r := range report.Links[0].Results[4:] {
		fmt.Println(r.Status, r.Check)
	}
	fmt.Println(err)
	// Output:
	// passed orders-answer
	// warned orders-elsewhere
	// <nil>
}

// A controller keeps the canary, and looks again and again.
func ExampleFreshness_Canary() {
	ctx := context.Background()
	links := exampleMesh(ctx)
	canary := traffic.Freshness{}.Canary(links[0].Sides())
	for range 2 {
		seen := canary.Look(ctx)
		after, ok := seen.Slowest() // a gauge discovery_freshness_seconds; without ok it has no value
		fmt.Println(seen.Result().Status, after < time.Second, ok)
	}
	fmt.Println(canary.Close(ctx))
	// Output:
	// passed true true
	// passed true true
	// <nil>
}

func ExampleAll() {
	ctx := context.Background()
	links := exampleMesh(ctx)
	p := peering.Peering{Workload: traffic.All(traffic.Freshness{}, &traffic.Workload{Control: "outsider"})}
	report, err := p.Verify(ctx, links[0])
	for _, r := range report.Links[0].Results[3:6] {
		fmt.Println(r.Status, r.Check)
	}
	fmt.Println(err)
	// Output:
	// passed istiod-synced
	// passed discovery-fresh
	// passed istiod-endpoints
	// <nil>
}

func ExampleWorkload() {
	ctx := context.Background()
	links := exampleMesh(ctx)
	p := peering.Peering{Workload: &traffic.Workload{Control: "outsider"}}
	report, err := p.Verify(ctx, links[0])
	for _, r := range report.Links[0].Results {
		fmt.Println(r.Status, r.Check)
	}
	fmt.Println(err)
	// Output:
	// passed remote-secret
	// passed credential
	// passed rights
	// passed istiod-synced
	// passed istiod-endpoints
	// passed network-gateway
	// passed proxy-endpoints
	// passed teapot
	// passed mutual-tls
	// passed answered-by
	// <nil>
}

func ExampleWorkload_Failover() {
	ctx := context.Background()
	links := exampleMesh(ctx)
	f := traffic.Workload{}.Failover(links[0].Sides())
	check, err := f.Check(ctx)
	fmt.Println(f.Target, "has", check.Replicas, "replica,", err)
	f.Consent = "east default/httpbin" // as the user typed it
	report, err := f.Run(ctx)
	fmt.Println("west answers:", report.Answer.Status, "restored:", report.Restored, err)
	// Output:
	// east default/httpbin has 1 replica, <nil>
	// west answers: passed restored: true <nil>
}
