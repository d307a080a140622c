package peering_test

import (
	"context"
	"fmt"
	"os"

	"k8s.io/client-go/rest"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
)

// Two clusters of rest.Configs, peered both ways. This is the program of the README.
func Example() {
	peer := func(ctx context.Context, eastConfig, westConfig *rest.Config) error {
		east, err := peering.Connect(peering.MustID("east"), eastConfig, peering.ConnectOptions{})
		if err != nil {
			return err
		}
		west, err := peering.Connect(peering.MustID("west"), westConfig, peering.ConnectOptions{})
		if err != nil {
			return err
		}
		report, err := new(peering.Peering).Ensure(ctx, peering.Mesh(east, west)...)
		if report != nil {
			_ = report.WriteText(os.Stdout)
		}
		return err
	}
	fmt.Println(peer(context.Background(), &rest.Config{}, &rest.Config{}))
	// Output: peering: Connect "east": rest.Config.Host is empty: load a kubeconfig with client-go's clientcmd
}

func ExamplePeering_Verify() {
	mesh := peeringtest.NewMesh("east", "west")
	links := peering.Mesh(mesh.Clusters()...)
	p := new(peering.Peering)
	if _, err := p.Ensure(context.Background(), links...); err != nil {
		fmt.Println(err)
	}
	mesh.Member("east").Istiods.Stick("istiod-1", istiod.TimedOut)

	report, _ := p.Verify(context.Background(), links[0])
	for _, r := range report.Links[0].Results {
		fmt.Println(r.Check, r.Status)
	}
	// Output:
	// remote-secret passed
	// credential passed
	// rights passed
	// istiod-synced failed
}

func ExamplePeering_Remove() {
	mesh := peeringtest.NewMesh("east", "west")
	links := peering.Mesh(mesh.Clusters()...)
	p := new(peering.Peering)
	if _, err := p.Ensure(context.Background(), links...); err != nil {
		fmt.Println(err)
	}
	report, err := p.Remove(context.Background(), links[0])
	for _, c := range report.Links[0].Changes {
		fmt.Println(c.On, c.Object, c.Action)
	}
	fmt.Println(report.Status(), err)
	// Output:
	// east Secret/istio-system/istio-remote-secret-west deleted
	// west Token/istio-system/meshpeer-reader-east-1 revoked
	// west ClusterRoleBinding/meshpeer-reader-east deleted
	// west ClusterRole/meshpeer-reader-east deleted
	// west ServiceAccount/istio-system/meshpeer-reader-east deleted
	// passed <nil>
}

func ExampleParseID() {
	_, err := peering.ParseID("East.Prod")
	fmt.Println(err != nil)
	id, err := peering.ParseIstioID("Kubernetes")
	fmt.Println(id, err)
	// Output:
	// true
	// Kubernetes <nil>
}
