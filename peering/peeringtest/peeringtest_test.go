package peeringtest_test

import (
	"context"
	"fmt"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
)

func ExampleNewMesh() {
	mesh := peeringtest.NewMesh("east", "west")
	report, err := new(peering.Peering).Ensure(context.Background(), peering.Mesh(mesh.Clusters()...)...)
	fmt.Println(report.Status(), err)
	for _, call := range mesh.Member("east").Calls() {
		if call.Write() {
			fmt.Println(call.Verb, call.Kind, call.Name)
		}
	}
	// Unordered output:
	// passed <nil>
	// create ServiceAccount meshpeer-reader-west
	// create ClusterRole meshpeer-reader-west
	// create ClusterRoleBinding meshpeer-reader-west
	// create Secret meshpeer-reader-west-1
	// create Secret istio-remote-secret-west
}
