package conformance_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestEverySuiteRunsOnBoth: who adds a suite runs it on members in memory and on real clusters, as the test TestConformance and
// its name. A fake that promises what no API server does would be worth nothing.
func TestEverySuiteRunsOnBoth(t *testing.T) {
	const root = "../../.."
	var suites []string
	for _, folder := range []string{"peering/peeringtest/conformance", "secrets/secretstest", "probe/probetest"} {
		for _, f := range functions(t, filepath.Join(root, folder), false) {
			if strings.HasPrefix(f.Name.Name, "Test") {
				suites = append(suites, f.Name.Name)
			}
		}
	}
	slices.Sort(suites)
	require.Greater(t, len(suites), 10)
	for _, folder := range []string{"peering/peeringtest", "internal/lab/e2e"} {
		var ran []string
		for _, f := range functions(t, filepath.Join(root, folder), true) {
			suite, found := strings.CutPrefix(f.Name.Name, "TestConformance")
			if !found {
				continue
			}
			require.True(t, calls(f, "Test"+suite), "%s: %s does not call Test%s", folder, f.Name.Name, suite)
			ran = append(ran, "Test"+suite)
		}
		slices.Sort(ran)
		require.Equal(t, suites, ran, "suites that are there, and those that run in %s", folder)
	}
}

// functions of a folder, of its tests or of the rest.
func functions(t *testing.T, folder string, tests bool) (all []*ast.FuncDecl) {
	t.Helper()
	files, err := os.ReadDir(folder)
	require.NoError(t, err)
	for _, file := range files {
		if filepath.Ext(file.Name()) != ".go" || strings.HasSuffix(file.Name(), "_test.go") != tests {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(folder, file.Name()), nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, d := range parsed.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil {
				all = append(all, f)
			}
		}
	}
	return all
}

// calls says whether f calls a function of another package.
func calls(f *ast.FuncDecl, name string) (found bool) {
	ast.Inspect(f, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			selector, ok := call.Fun.(*ast.SelectorExpr)
			found = found || ok && selector.Sel.Name == name
		}
		return true
	})
	return found
}
