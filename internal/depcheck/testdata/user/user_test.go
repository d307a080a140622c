// Package user is the test package of a program that uses the public test kits and has flags of its own, with names that
// test packages like to have.
package user

import (
	"context"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/rbac/rbactest"
)

var (
	update = flag.Bool("update", false, "write the golden files of this package")
	_      = flag.Bool("golden", false, "")
	_      = flag.Bool("debug", false, "")
	_      = flag.String("kubeconfig", "", "")
	_      = flag.Int("v", 0, "")
)

func TestFlags(t *testing.T) {
	flag.VisitAll(func(f *flag.Flag) {
		switch f.Name {
		case "update", "golden", "debug", "kubeconfig", "v":
		default:
			require.True(t, strings.HasPrefix(f.Name, "test."), "an import registered the flag -%s", f.Name)
		}
	})
}

func TestReader(t *testing.T) {
	reader, err := rbac.Render(rbac.Options{})
	require.NoError(t, err)
	rbactest.Allows(t, reader.ClusterRole.Rules, rbac.Access{Verb: "list", Resource: "nodes"})
	rbactest.Golden(t, "reader.yaml", reader)
}

func TestMesh(t *testing.T) {
	mesh := peeringtest.NewMesh("east", "west")
	report, err := new(peering.Peering).Ensure(context.Background(), peering.Mesh(mesh.Clusters()...)...)
	require.NoError(t, err)
	require.NotEmpty(t, report.Links)
}

func TestOwnGolden(t *testing.T) {
	if *update {
		require.NoError(t, os.WriteFile("own.txt", []byte("own"), 0o600))
	}
	require.FileExists(t, "own.txt")
}
