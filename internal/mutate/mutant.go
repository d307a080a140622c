package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// mutant is a file with one change.
type mutant struct {
	file, function, operator string // file relative to the module's root, with slashes
	text                     string // source text of what changes, with single spaces
	line                     int
	dir                      string // folder of the package
	path                     string
	from, to                 int
	replacement              string
	equivalent               string // why no test can notice it
}

func (m mutant) id() string { return m.file + ":" + m.function + ":" + m.operator }

// source is the file as the mutant has it.
func (m mutant) source() ([]byte, error) {
	old, err := os.ReadFile(m.path)
	if err != nil {
		return nil, err
	}
	if m.to > len(old) {
		return nil, fmt.Errorf("%s changed while it was mutated", m.file)
	}
	return slices.Concat(old[:m.from], []byte(m.replacement), old[m.to:]), nil
}

// diff shows the lines that change.
func (m mutant) diff() string {
	old, err := os.ReadFile(m.path)
	if err != nil || m.to > len(old) {
		return m.text
	}
	from := strings.LastIndexByte(string(old[:m.from]), '\n') + 1
	to := m.to + strings.IndexByte(string(old[m.to:])+"\n", '\n')
	flat := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	return "- " + flat(string(old[from:to])) + "\n        + " + flat(string(old[from:m.from])+m.replacement+string(old[m.to:to]))
}

// enumerate returns all mutants of packages whose ID is wanted, in the order of the source.
func enumerate(packages []string, wanted *regexp.Regexp) ([]mutant, error) {
	command := exec.Command("go", append([]string{"list", "-json=Dir,GoFiles,Module"}, packages...)...)
	command.Stderr = os.Stderr
	listed, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	var all []mutant
	for decoder := json.NewDecoder(strings.NewReader(string(listed))); ; {
		var p struct {
			Dir     string
			GoFiles []string
			Module  struct{ Dir string }
		}
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		for _, name := range p.GoFiles {
			found, err := mutants(p.Module.Dir, filepath.Join(p.Dir, name))
			if err != nil {
				return nil, err
			}
			for _, m := range found {
				if wanted.MatchString(m.id()) {
					all = append(all, m)
				}
			}
		}
	}
}

// mutants are all mutants of a file.
func mutants(root, path string) ([]mutant, error) {
	source, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, path, source, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	name, err := filepath.Rel(root, path)
	if err != nil {
		return nil, err
	}
	text := func(from, to token.Pos) string {
		return string(source[set.Position(from).Offset:set.Position(to).Offset])
	}
	var all []mutant
	for _, decl := range file.Decls {
		function := "-"
		if f, is := decl.(*ast.FuncDecl); is {
			function = funcName(f)
		}
		ast.Inspect(decl, func(n ast.Node) bool {
			if n == nil {
				return false
			}
			for _, c := range changes(n, text) {
				all = append(all, mutant{
					file: filepath.ToSlash(name), function: function, operator: c.operator,
					text: strings.Join(strings.Fields(text(c.node.Pos(), c.node.End())), " "),
					line: set.Position(c.from).Line, dir: filepath.Dir(path), path: path,
					from: set.Position(c.from).Offset, to: set.Position(c.to).Offset, replacement: c.replacement,
				})
			}
			return true
		})
	}
	return all, nil
}

// funcName is Name, or Type.Name for a method.
func funcName(f *ast.FuncDecl) string {
	if f.Recv == nil || len(f.Recv.List) == 0 {
		return f.Name.Name
	}
	t := f.Recv.List[0].Type
	for {
		switch u := t.(type) {
		case *ast.StarExpr:
			t = u.X
		case *ast.IndexExpr:
			t = u.X
		case *ast.Ident:
			return u.Name + "." + f.Name.Name
		default:
			return f.Name.Name
		}
	}
}
