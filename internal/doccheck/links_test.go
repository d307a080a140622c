package doccheck_test

import (
	"fmt"
	"go/token"
	"go/types"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
)

var (
	markdownLink = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading      = regexp.MustCompile(`^#{1,6} (.*)$`)
)

// anchors are the fragments that GitHub gives the headings of a page.
func (p page) anchors() map[string]bool {
	all, times := map[string]bool{}, map[string]int{}
	for _, l := range p.lines {
		m := heading.FindStringSubmatch(l.text)
		if m == nil {
			continue
		}
		slug := strings.Map(func(r rune) rune {
			switch {
			case r == ' ' || r == '-':
				return '-'
			case unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_':
				return unicode.ToLower(r)
			}
			return -1
		}, m[1])
		if n := times[slug]; n > 0 {
			all[fmt.Sprintf("%s-%d", slug, n)] = true
		} else {
			all[slug] = true
		}
		times[slug]++
	}
	return all
}

// broken says why a link of a page leads nowhere; "" if it does, or leads out of the repository.
func broken(p page, target string, pages map[string]page) string {
	u, err := url.Parse(target)
	if err != nil {
		return err.Error()
	}
	if u.Scheme != "" {
		return ""
	}
	to := p.path
	if u.Path != "" {
		to = path.Join(path.Dir(p.path), u.Path)
		if strings.HasPrefix(to, "..") || path.IsAbs(u.Path) {
			return "it leads out of the repository"
		}
		if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(to))); err != nil {
			return "there is no such file"
		}
	}
	if u.Fragment != "" && !pages[to].anchors()[u.Fragment] {
		return "there is no such heading"
	}
	return ""
}

func TestLinks(t *testing.T) {
	all := map[string]page{}
	for _, p := range pages(t) {
		all[p.path] = p
	}
	looked := 0
	for _, p := range all {
		for _, l := range p.lines {
			for _, m := range markdownLink.FindAllStringSubmatch(inlineCode.ReplaceAllString(l.text, ""), -1) {
				looked++
				if why := broken(p, m[1], all); why != "" {
					t.Errorf("%s:%d: link %s: %s", p.path, l.number, m[1], why)
				}
			}
		}
	}
	require.Greater(t, looked, 20)
}

func TestBroken(t *testing.T) {
	p := parse("# A *B*: c-d\n## Twice\n## Twice\n")
	p.path = "docs/preflight.md"
	all := map[string]page{p.path: p}
	for _, good := range []string{"#a-b-c-d", "#twice", "#twice-1", "preflight.md#twice", "../README.md", "../peering", "https://example.com/x#y"} {
		require.Empty(t, broken(p, good, all), good)
	}
	for _, bad := range []string{"#a", "#twice-2", "nosuch.md", "../README.md#nosuch", "../../x", "/docs/rights.md"} {
		require.NotEmpty(t, broken(p, bad, all), bad)
	}
}

// TestIndex: docs/README.md lists every page and schema.
func TestIndex(t *testing.T) {
	index, err := os.ReadFile(filepath.Join(root, "docs", "README.md"))
	require.NoError(t, err)
	for _, pattern := range []string{"*.md", "schemas/*.json"} {
		found, err := filepath.Glob(filepath.Join(root, "docs", filepath.FromSlash(pattern)))
		require.NoError(t, err)
		for _, file := range found {
			name, err := filepath.Rel(filepath.Join(root, "docs"), file)
			require.NoError(t, err)
			if name != "README.md" {
				require.Contains(t, string(index), "("+filepath.ToSlash(name)+")")
			}
		}
	}
}

// A name in backquotes that begins with one of our packages, or with one of their types.
var goName = regexp.MustCompile(`^(?:([a-z]\w*)\.)?([A-Z]\w*)(?:\.([A-Z]\w*))?(?:\(.*\))?$`)

// TestNames: what documents call by its Go name exists.
func TestNames(t *testing.T) {
	imports := newImporter(t, token.NewFileSet())
	scopes := map[string]*types.Scope{}
	for name, importPath := range known {
		if strings.HasPrefix(importPath, module) {
			p, err := imports.Import(importPath)
			require.NoError(t, err)
			scopes[name] = p.Scope()
		}
	}
	looked := 0
	for _, p := range pages(t) {
		if p.path == "CHANGELOG.md" || !ownModule(p.path) {
			continue // of names that were
		}
		for _, l := range p.lines {
			for _, code := range l.codes() {
				if isOurs, why := resolve(scopes, code); why != "" {
					t.Errorf("%s:%d: `%s`: %s", p.path, l.number, code, why)
				} else if isOurs {
					looked++
				}
			}
		}
	}
	require.Greater(t, looked, 5)
}

// resolve says of package.Name, package.Type.Member and Type.Member whether it is one of ours, and what is wrong with it.
func resolve(scopes map[string]*types.Scope, code string) (isOurs bool, why string) {
	m := goName.FindStringSubmatch(code)
	if m == nil {
		return false, ""
	}
	pkg, name, member := m[1], m[2], m[3]
	if pkg != "" {
		scope, ok := scopes[pkg]
		switch {
		case !ok:
			return false, ""
		case scope.Lookup(name) == nil:
			return true, "the package has no such name"
		case member == "" || has(scope.Lookup(name), member):
			return true, ""
		}
		return true, "the type has no such field or method"
	}
	if member == "" {
		return false, ""
	}
	for _, scope := range scopes {
		if object := scope.Lookup(name); object != nil {
			isOurs = true
			if has(object, member) {
				return true, ""
			}
		}
	}
	if isOurs {
		return true, "no type of that name has such a field or method"
	}
	return false, ""
}

func has(object types.Object, member string) bool {
	found, _, _ := types.LookupFieldOrMethod(object.Type(), true, object.Pkg(), member)
	return found != nil
}

func TestResolve(t *testing.T) {
	imports := newImporter(t, token.NewFileSet())
	p, err := imports.Import(module + "peering")
	require.NoError(t, err)
	scopes := map[string]*types.Scope{"peering": p.Scope()}
	for _, good := range []string{"peering.Mesh", "peering.Peering.Adopt", "Peering.Ensure", "Report.RenewAt()", "peering.Plan.WriteText"} {
		isOurs, why := resolve(scopes, good)
		require.True(t, isOurs, good)
		require.Empty(t, why, good)
	}
	for _, bad := range []string{"peering.Grants", "peering.Peering.Parallel", "Peering.Patience", "peering.Mesh.X"} {
		_, why := resolve(scopes, bad)
		require.NotEmpty(t, why, bad)
	}
	for _, other := range []string{"make test", "istiod", "rest.Config", "X", "a.b"} {
		isOurs, why := resolve(scopes, other)
		require.False(t, isOurs, other)
		require.Empty(t, why, other)
	}
}
