package depcheck_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/meshpeer/meshpeer"

// budgets are the packages outside the standard library that an import of ours may bring.
var budgets = map[string]int{
	"rbac":                70,
	"rbac/rbactest":       75,
	"secrets":             115,
	"probe":               10,
	"secrets/secretstest": 115,
	"probe/probetest":     10,
	"peering":             210, // with peering/preflight
}

type pkg struct {
	ImportPath string
	Standard   bool
	Imports    []string
	Module     *struct{ Path string }
}

// TestImportWeight counts what each package brings and prints which modules it is from.
func TestImportWeight(t *testing.T) {
	for name, budget := range budgets {
		t.Run(name, func(t *testing.T) {
			byModule := map[string]int{}
			total := 0
			for _, p := range deps(t, name) {
				if !p.Standard && p.Module.Path != module {
					byModule[p.Module.Path]++
					total++
				}
			}
			t.Logf("%s brings %d packages (budget %d)", name, total, budget)
			for _, m := range slices.Sorted(maps.Keys(byModule)) {
				t.Logf("  %3d  %s", byModule[m], m)
			}
			require.LessOrEqual(t, total, budget, "find what brought them with: go list -deps ./%s", name)
		})
	}
}

// ours are the public packages that each may bring: what can be taken without the rest stays so.
var ours = map[string][]string{
	"rbac":                nil,
	"secrets":             nil,
	"probe":               nil,
	"secrets/secretstest": {"secrets"},
	"probe/probetest":     {"probe"},
	"peering/istiod":      nil,
	"peering/traffic":     {"peering/istiod", "probe", "rbac"}, // rbac comes with internal/apply
	"peering/preflight":   {"probe", "rbac", "secrets"},
}

// TestDirection: imports go down, and none of these needs the flow.
func TestDirection(t *testing.T) {
	for name, below := range ours {
		for _, p := range deps(t, name) {
			path, isOurs := strings.CutPrefix(p.ImportPath, module+"/")
			if isOurs && path != name && !slices.Contains(below, path) {
				require.True(t, strings.HasPrefix(path, "internal/"), "%s imports %s", name, path)
			}
		}
	}
}

// TestNoClientset: typed clients and apply configurations would double the weight of every program that imports us.
func TestNoClientset(t *testing.T) {
	for _, p := range deps(t, "peering") {
		for _, heavy := range []string{"k8s.io/client-go/kubernetes", "k8s.io/client-go/applyconfigurations"} {
			require.False(t, strings.HasPrefix(p.ImportPath, heavy), "%s is imported", p.ImportPath)
		}
	}
}

func deps(t *testing.T, name string) []pkg {
	t.Helper()
	see(t)
	command := exec.CommandContext(t.Context(), "go", "list", "-deps", "-json=ImportPath,Standard,Imports,Module", "./"+name)
	command.Dir = "../.."
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	require.NoError(t, err, stderr.String())
	var all []pkg
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else {
			require.NoError(t, err)
		}
		all = append(all, p)
	}
}
