package probe_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestEveryProberGoesThroughTheDoor: a Result that is made past examine, guarded or Clean could show foreign text as it is,
// or a status that is none. ProberFunc is the caller's.
func TestEveryProberGoesThroughTheDoor(t *testing.T) {
	entries, err := os.ReadDir(".")
	require.NoError(t, err)
	seen := 0
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), ".go") || strings.HasSuffix(entry.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), entry.Name(), nil, 0)
		require.NoError(t, err)
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv == nil || f.Name.Name != "Probe" && f.Name.Name != "Expect" {
				continue
			}
			receiver, _ := f.Recv.List[0].Type.(*ast.Ident)
			if receiver != nil && receiver.Name == "ProberFunc" {
				continue
			}
			seen++
			last, ok := f.Body.List[len(f.Body.List)-1].(*ast.ReturnStmt)
			require.True(t, ok, "%s: %s does not end in a return", entry.Name(), f.Name.Name)
			call, ok := last.Results[0].(*ast.CallExpr)
			require.True(t, ok, "%s: the last return of %s is not a call", entry.Name(), f.Name.Name)
			switch through := call.Fun.(type) {
			case *ast.Ident:
				require.Equal(t, "examine", through.Name, entry.Name())
			case *ast.SelectorExpr:
				require.Equal(t, "Clean", through.Sel.Name, entry.Name())
			}
		}
	}
	require.GreaterOrEqual(t, seen, 8)
}
