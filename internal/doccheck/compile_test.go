package doccheck_test

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/format"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/meshpeer/meshpeer/"

// known are the packages that a block without a package clause need not import.
var known = map[string]string{
	"bytes": "bytes", "context": "context", "exec": "os/exec", "errors": "errors", "fmt": "fmt", "io": "io", "json": "encoding/json", "os": "os",
	"slog": "log/slog", "testing": "testing", "synctest": "testing/synctest", "time": "time", "rand": "math/rand/v2",
	"require": "github.com/stretchr/testify/require",
	"corev1":  "k8s.io/api/core/v1", "rbacv1": "k8s.io/api/rbac/v1", "rest": "k8s.io/client-go/rest", "clientcmd": "k8s.io/client-go/tools/clientcmd",
	"rbac": module + "rbac", "rbactest": module + "rbac/rbactest", "secrets": module + "secrets", "probe": module + "probe",
	"peering": module + "peering", "istiod": module + "peering/istiod", "traffic": module + "peering/traffic",
	"preflight": module + "peering/preflight", "peeringtest": module + "peering/peeringtest",
}

// given are the values that a block of statements may use.
const given = "ctx context.Context, t *testing.T, east, west *peering.Cluster, eastConfig, westConfig *rest.Config, " +
	"link peering.Link, links []peering.Link, p *peering.Peering, plan *peering.Plan, report *peering.Report, workload *traffic.Workload"

// exports are the files with the compiled packages, by import path: all that known packages need.
var exports = sync.OnceValues(func() (map[string]string, error) {
	command := exec.Command("go", append([]string{"list", "-export", "-deps", "-f", "{{.ImportPath}}\t{{.Export}}"}, slices.Sorted(maps.Values(known))...)...)
	command.Dir = root
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w: %s", err, &stderr)
	}
	files := map[string]string{}
	for l := range strings.Lines(string(out)) {
		path, file, _ := strings.Cut(strings.TrimSpace(l), "\t")
		files[path] = file
	}
	return files, nil
})

func newImporter(t *testing.T, set *token.FileSet) types.Importer {
	t.Helper()
	see(t)
	files, err := exports()
	require.NoError(t, err)
	return importer.ForCompiler(set, "gc", func(path string) (io.ReadCloser, error) {
		if files[path] == "" {
			return nil, fmt.Errorf("package %s is none that documents use; see known in internal/doccheck", path)
		}
		return os.Open(files[path])
	})
}

// see looks at every source file, so that go test, which repeats an earlier result, knows that it depends on them: what the go
// command reads it does not see.
func see(t *testing.T) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && entry.Name() == ".git" {
			return fs.SkipDir
		}
		if entry.IsDir() || strings.HasSuffix(path, ".go") || strings.HasPrefix(entry.Name(), "go.") {
			_, err = os.Stat(path)
		}
		return err
	}))
}

// compile type-checks a block: a file if it has a package clause, else declarations if it parses as such, else statements.
func compile(set *token.FileSet, imports types.Importer, path string, b block) error {
	at := fmt.Sprintf("//line %s:%d\n", path, b.line)
	whole := strings.HasPrefix(b.text, "package ")
	statements := false
	source := at + b.text
	if !whole {
		source = "package doc\n" + at + b.text
		if _, err := parser.ParseFile(token.NewFileSet(), "", source, 0); err != nil {
			statements = true
			params := given
			if b.with != "" {
				params += ", " + b.with
			}
			source = "package doc\nfunc _(" + params + ") error {{\n" + at + b.text + "\n}\nreturn nil\n}\n"
		}
	}
	file, err := parser.ParseFile(set, "", source, 0)
	if err != nil {
		return err
	}
	if !whole {
		source = strings.Replace(source, "package doc\n", "package doc\n"+missing(file), 1)
		if file, err = parser.ParseFile(set, "", source, 0); err != nil {
			return err
		}
	}
	var all []error
	config := types.Config{Importer: imports, Error: func(err error) {
		// What a fragment declares the next one may use.
		if fault, ok := errors.AsType[types.Error](err); !ok || !fault.Soft || !statements {
			all = append(all, err)
		}
	}}
	_, _ = config.Check("doc", set, []*ast.File{file}, nil) // the function above has the errors
	return errors.Join(all...)
}

// missing are imports of known packages for the names that a file does not declare.
func missing(file *ast.File) string {
	names := map[string]bool{}
	for _, name := range file.Unresolved {
		names[name.Name] = known[name.Name] != ""
	}
	text := ""
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if names[name] {
			text += fmt.Sprintf("import %s %q\n", name, known[name])
		}
	}
	return text
}

// TestGoCompiles also wants the blocks as gofmt writes them.
func TestGoCompiles(t *testing.T) {
	set := token.NewFileSet()
	imports := newImporter(t, set)
	looked := 0
	for _, p := range pages(t) {
		for _, b := range p.blocks {
			if b.language != "go" || !ownModule(p.path) || strings.HasSuffix(b.from, ".go") {
				continue // of a file it is an excerpt, which TestOutputs compares
			}
			looked++
			if err := compile(set, imports, p.path, b); err != nil {
				t.Errorf("%s:%d: the block does not compile:\n%v", p.path, b.line, err)
				continue
			}
			formatted, err := format.Source([]byte(b.text))
			require.NoError(t, err)
			require.Equal(t, string(formatted), b.text, "%s:%d is not as gofmt writes it", p.path, b.line)
		}
	}
	require.Positive(t, looked)
}

func TestCompile(t *testing.T) {
	set := token.NewFileSet()
	imports := newImporter(t, set)
	for name, c := range map[string]struct{ text, fails, with string }{
		"statements":      {"report, err := p.Ensure(ctx, links...)\n", "", ""},
		"more values":     {"fmt.Println(n)\n", "", "n int"},
		"declarations":    {"func f(l peering.Link) string { return l.String() }\n", "", ""},
		"file":            {"package main\n\nimport \"fmt\"\n\nfunc main() { fmt.Println() }\n", "", ""},
		"no such field":   {"p.NoSuch = 1\n", "doc.md:7: p.NoSuch undefined", ""},
		"no such package": {"fmtt.Println()\n", "undefined: fmtt", ""},
		"wrong type":      {"func f() int { return \"\" }\n", "doc.md:7", ""},
		"unused in file":  {"package main\n\nfunc main() { a := 1 }\n", "declared and not used", ""},
		"unused import":   {"package main\n\nimport \"fmt\"\n\nfunc main() {}\n", "imported and not used", ""},
		"syntax":          {"if {\n", "missing condition", ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := compile(set, imports, "doc.md", block{language: "go", line: 7, text: c.text, with: c.with})
			if c.fails == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, c.fails)
			}
		})
	}
}
