package main

import (
	"bytes"
	"context"
	"go/format"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const tiny = "internal/mutate/testdata/tiny/tiny.go"

// root is the module's folder, where the command runs.
var root = func() string {
	dir, err := filepath.Abs("../..")
	if err != nil {
		panic(err)
	}
	return dir
}()

// lines of a list for package tiny, by what is to become of them.
var (
	killedLine   = tiny + ":Box.Put:no-error\treturn errors.New(\"too much or nothing\")\ta full box takes nothing"
	survivesLine = tiny + ":Full:flip\tb.Weight >= b.Limit\tnobody looks"
	panicsLine   = tiny + ":Box.Put:drop-assign\tb.Weight += weight\tweights add up"
	staleLine    = tiny + ":Full:flip\tb.Weight >= b.Limits\tthe text has gone"
	movedLine    = "internal/mutate/testdata/tiny/other.go:Elsewhere:drop-case\tcase 0: return \"nothing\"\tcode moves"
	replaceLine  = tiny + ":Name:replace\treturn \"nothing\" => return \"none\"\ta name is a promise"
	twiceLine    = tiny + ":Box.Put:replace\tweight => height\tthe text is not the only one"
	goneLine     = "internal/mutate/testdata/absent/a.go:F:flip\ta == b\tthe package has gone"
)

func mutate(t *testing.T, o options, lines ...string) (string, error) {
	t.Helper()
	o.list = filepath.Join(t.TempDir(), "list.tsv")
	require.NoError(t, os.WriteFile(o.list, []byte("# a comment\n\n"+strings.Join(lines, "\n")+"\n"), 0o600))
	t.Chdir(root)
	o.jobs = 2
	var out bytes.Buffer
	err := run(t.Context(), o, &out)
	return out.String(), err
}

func TestList(t *testing.T) {
	before, err := os.ReadFile("testdata/tiny/tiny.go")
	require.NoError(t, err)
	said, err := mutate(t, options{}, killedLine, survivesLine, movedLine, staleLine, goneLine)
	require.ErrorContains(t, err, "1 survived")
	require.ErrorContains(t, err, "2 are stale")
	require.Contains(t, said, "3 tried: 2 killed, 1 survived, 0 equivalent, 0 not compiled, 0 not tried; 2 stale")
	require.Regexp(t, `SURVIVED .*tiny.go:Full:flip`, said)
	require.Contains(t, said, "+ func Full(b Box) bool { return b.Weight > b.Limit }")
	require.Regexp(t, `killed .*Box.Put:no-error.*: TestPut`, said)
	require.Regexp(t, `stale .*b.Weight >= b.Limits`, said)
	after, err := os.ReadFile(tiny)
	require.NoError(t, err)
	require.Equal(t, string(before), string(after), "the work tree is as it was")
}

func TestReplaceAndCheck(t *testing.T) {
	said, err := mutate(t, options{}, replaceLine)
	require.NoError(t, err, said)
	require.Contains(t, said, "1 tried: 1 killed")
	said, err = mutate(t, options{check: true}, replaceLine, survivesLine, twiceLine, goneLine)
	require.ErrorContains(t, err, "2 are stale")
	require.Contains(t, said, "2 lines have their place, 2 are stale")
	require.Contains(t, said, "weight => height")
}

func TestEquivalent(t *testing.T) {
	said, err := mutate(t, options{}, survivesLine+"\tequivalent: a box is never looked at", killedLine)
	require.NoError(t, err, said)
	require.Contains(t, said, "1 killed, 0 survived, 1 equivalent")
	said, err = mutate(t, options{run: "Put:no-error"}, survivesLine, killedLine+"\tequivalent: it is not")
	require.ErrorContains(t, err, "are called equivalent and were killed")
	require.Contains(t, said, "1 tried: 1 killed")
}

func TestSample(t *testing.T) {
	o := options{sample: 2, seed: 5, run: "Full|Put:drop-assign", packages: []string{"./internal/mutate/testdata/tiny"}}
	said, err := mutate(t, o, survivesLine+"\tequivalent: a box is never looked at", panicsLine)
	require.NoError(t, err, said)
	require.Contains(t, said, "2 of 2 mutants, seed 5\n")
	require.Contains(t, said, "1 killed, 0 survived, 1 equivalent")
}

func TestNothing(t *testing.T) {
	_, err := mutate(t, options{run: "no such"}, killedLine)
	require.ErrorContains(t, err, "nothing was tried")
	_, err = mutate(t, options{packages: []string{"./rbac"}}, killedLine)
	require.ErrorContains(t, err, "-sample")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.Error(t, try(ctx, []mutant{{dir: "testdata/tiny"}}, nil, 1, &bytes.Buffer{}))
}

// TestFailingTests: where tests fail without a mutation, nothing is killed.
func TestFailingTests(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"go.mod": "module example.com/m\n\ngo 1.26\n", "a.go": "package m\n\nfunc F(a, b int) bool { return a == b }\n",
		"a_test.go": "package m\n\nimport \"testing\"\n\nfunc TestF(t *testing.T) { t.Fatal(\"red\") }\n",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	t.Chdir(dir)
	t.Setenv("GOWORK", "off")
	found, err := enumerate([]string{"."}, regexp.MustCompile(""))
	require.NoError(t, err)
	require.Len(t, found, 1)
	require.ErrorContains(t, try(t.Context(), found, nil, 1, &bytes.Buffer{}), "fail without a mutation")
}

func TestBadLists(t *testing.T) {
	for _, line := range []string{
		"no tabs", "a.go:F\ttext\twhy", "a.go:F:flip\t\twhy", "a.go:F:flip\ttext\t", "a.go:F:flip\ttext\twhy\tbecause",
		"a.go:F:flip\ttext\twhy\tequivalent: ", "a.go:F:flip\ttext\twhy\tequivalent: so\tmore",
	} {
		_, err := mutate(t, options{}, line)
		require.ErrorContains(t, err, "list.tsv:3: ", line)
	}
}

// TestOperators changes a function in every way there is: each result must still be Go.
func TestOperators(t *testing.T) {
	const source = `package p

func f(a, b int, err error) (bool, error) {
	defer close()
	if !ready() {
		return false, err
	}
	if a < b && (b <= 2 || a != 1) && s != "text" {
		work(T{Name: "x", inner: 1, Last: 2})
	}
	switch {
	case a > 3:
		a, _ = 1, 2
	case b >= 3:
	default:
		panic("never")
	}
	_ = a
	_ = T{
		Only: 1,
	}
	return a == b, &StrangeError{}
}

func (x *T[K]) g() error { return fmt.Errorf("no") }
`
	path := filepath.Join(t.TempDir(), "p.go")
	require.NoError(t, os.WriteFile(path, []byte(source), 0o600))
	all, err := mutants(filepath.Dir(path), path)
	require.NoError(t, err)
	var got []string
	for _, m := range all {
		require.Equal(t, "p.go", m.file)
		changed, err := m.source()
		require.NoError(t, err)
		formatted, err := format.Source(changed)
		require.NoError(t, err, "%s %s", m.id(), changed)
		require.NotEqual(t, source, string(formatted))
		got = append(got, m.function+" "+m.operator+" "+m.text)
	}
	require.Equal(t, []string{
		`f drop-call defer close()`,
		`f negate !ready()`,
		`f no-error return false, err`,
		`f swap-bool false`,
		`f drop-left a < b && (b <= 2 || a != 1) && s != "text"`,
		`f drop-right a < b && (b <= 2 || a != 1) && s != "text"`,
		`f drop-left a < b && (b <= 2 || a != 1)`,
		`f drop-right a < b && (b <= 2 || a != 1)`,
		`f flip a < b`,
		`f drop-left b <= 2 || a != 1`,
		`f drop-right b <= 2 || a != 1`,
		`f flip b <= 2`,
		`f flip a != 1`,
		`f drop-call work(T{Name: "x", inner: 1, Last: 2})`,
		`f drop-field Name: "x"`,
		`f drop-field Last: 2`,
		`f drop-case case a > 3: a, _ = 1, 2`,
		`f flip a > 3`,
		`f drop-assign a, _ = 1, 2`,
		`f flip b >= 3`,
		`f drop-field Only: 1`,
		`f no-error return a == b, &StrangeError{}`,
		`f flip a == b`,
		`T.g no-error return fmt.Errorf("no")`,
	}, got)
}
