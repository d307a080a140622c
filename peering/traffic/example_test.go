package traffic_test

import (
	"context"
	"fmt"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
	"github.com/meshpeer/meshpeer/peering/traffic"
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
