package depcheck_test

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestImportHasNoEffect: an import of ours registers nothing, reads no environment and starts nothing. Programs and tests of
// users own their flags, environment and standard streams.
func TestImportHasNoEffect(t *testing.T) {
	see(t)
	command := exec.CommandContext(t.Context(), "go", "list", "-json=Dir,Name,GoFiles", "./...")
	command.Dir = "../.."
	out, err := command.Output()
	require.NoError(t, err)
	looked := 0
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			Dir, Name string
			GoFiles   []string
		}
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else {
			require.NoError(t, err)
		}
		if p.Name == "main" {
			continue
		}
		for _, name := range p.GoFiles {
			source, err := os.ReadFile(filepath.Join(p.Dir, name))
			require.NoError(t, err)
			for _, effect := range effects(t, name, string(source)) {
				t.Errorf("%s: %s", p.Dir, effect)
			}
			looked++
		}
	}
	require.Greater(t, looked, 100)
}

func TestEffects(t *testing.T) {
	for _, source := range []string{
		`func init() {}`,
		`import "flag"`,
		`import "os"; var debug = os.Getenv("DEBUG")`,
		`import system "os"; var debug, set = system.LookupEnv("DEBUG")`,
		`import "os"; var debug = func() bool { return os.Getenv("DEBUG") != "" }()`,
		`import "os"; var _ = os.Setenv("A", "b")`,
		`import "net/http"; var client = http.DefaultClient`,
		`import "log/slog"; var logger = slog.Default()`,
	} {
		require.NotEmpty(t, effects(t, "a.go", "package a; "+source), source)
	}
	for _, source := range []string{
		`import "os"; func debug() string { return os.Getenv("DEBUG") }`,
		`import "os"; var read = func() string { return os.Getenv("DEBUG") }`,
		`import "errors"; var errA = errors.New("a")`,
		`type t struct{}; func (t) init() {}`,
	} {
		require.Empty(t, effects(t, "a.go", "package a; "+source), source)
	}
}

// effects are the places in a file that do something as soon as the package is imported.
func effects(t *testing.T, name, source string) (found []string) {
	t.Helper()
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, name, source, parser.SkipObjectResolution)
	require.NoError(t, err)
	stateful := map[string]bool{} // names in this file of packages with state of the whole process
	for _, spec := range file.Imports {
		path := strings.Trim(spec.Path.Value, `"`)
		local := filepath.Base(path)
		if spec.Name != nil {
			local = spec.Name.Name
		}
		switch path {
		case "flag", "expvar", "github.com/spf13/pflag":
			found = append(found, name+" imports "+path)
		case "os", "net/http", "log", "log/slog":
			stateful[local] = true
		}
	}
	for _, decl := range file.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil && d.Name.Name == "init" {
				found = append(found, set.Position(d.Pos()).String()+": func init")
			}
		case *ast.GenDecl:
			if d.Tok == token.VAR {
				found = append(found, used(set, d, stateful)...)
			}
		}
	}
	return found
}

// used are the names of package-level state that the declaration of a variable uses when it is evaluated.
func used(set *token.FileSet, d *ast.GenDecl, stateful map[string]bool) (found []string) {
	const names = " Getenv LookupEnv Environ Setenv Unsetenv Args DefaultClient DefaultTransport DefaultServeMux Handle HandleFunc " +
		"SetDefault Default SetOutput SetFlags Stdout Stderr "
	called := map[*ast.FuncLit]bool{}
	ast.Inspect(d, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if f, is := n.Fun.(*ast.FuncLit); is {
				called[f] = true
			}
		case *ast.FuncLit:
			return called[n]
		case *ast.SelectorExpr:
			if x, is := n.X.(*ast.Ident); is && stateful[x.Name] && strings.Contains(names, " "+n.Sel.Name+" ") {
				found = append(found, set.Position(n.Pos()).String()+": "+x.Name+"."+n.Sel.Name)
			}
		}
		return true
	})
	return found
}
