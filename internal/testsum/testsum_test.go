package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const head = "package p\nimport \"testing\"\n"

// module is what a package of every kind looks like.
var module = map[string]string{
	"go.mod":            "module example.com/m\n\ngo 1.26\n",
	"fine/a_test.go":    head + `func TestA(t *testing.T) { t.Run("sub", func(t *testing.T) {}) }`,
	"without/a.go":      "package p\n",
	"partly/a_test.go":  head + "func TestA(t *testing.T) { t.Log(\"first\"); t.Skip(\"no moon\\ntonight\") }\nfunc TestB(t *testing.T) {}\nfunc TestC(t *testing.T) { t.Skip(\"no moon\\ntonight\") }",
	"skipped/a_test.go": head + "func TestA(t *testing.T) { t.SkipNow() }",
	"idle/a_test.go":    "package p\nimport (\"testing\"; \"os\"; \"fmt\")\nfunc TestA(t *testing.T) {}\nfunc TestMain(m *testing.M) { fmt.Println(\"no lab here\"); os.Exit(0) }",
	"broken/a_test.go":  head + "func TestA(t *testing.T) { t.Log(\"before\"); t.Run(\"sub\", func(t *testing.T) { t.Error(\"wrong\") }) }\nfunc TestB(t *testing.T) { t.Log(\"silent\") }",
	"panics/a_test.go":  head + "func TestA(t *testing.T) { panic(\"at the disco\") }",
	"exits/a_test.go":   "package p\nimport (\"testing\"; \"os\")\nfunc TestA(t *testing.T) {}\nfunc TestMain(m *testing.M) { m.Run(); os.Exit(3) }",
	"build/a_test.go":   head + "func TestA(t *testing.T) { undefined() }",
	"open/a_test.go":    "package p\nimport (\"testing\"; \"os\"; \"fmt\")\nfunc TestA(t *testing.T) {}\nfunc TestMain(m *testing.M) { fmt.Fprintln(os.Stderr, \"guard: did not run: it needs Linux\"); m.Run() }",
}

func writeModule(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range module {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	}
	return dir
}

// gotest runs the tests of some packages of the module and returns what is printed.
func gotest(t *testing.T, dir, lab, record string, packages ...string) (string, error) {
	t.Helper()
	t.Setenv("GOFLAGS", "")
	t.Setenv("GOWORK", "off")
	t.Setenv("MESHPEER_LAB", lab)
	var out bytes.Buffer
	err := run(dir, strings.TrimPrefix(packages[0], "./"), record, append([]string{"go", "test", "-vet=off"}, packages...), &out)
	return out.String(), err
}

func TestRun(t *testing.T) {
	dir := writeModule(t)
	for _, c := range []struct {
		name     string
		packages []string
		lab      string
		ok       bool
		counts   string
		says     []string
		never    []string
	}{
		{"fine", []string{"./fine", "./without"}, "required", true, "2 passed, 0 failed, 0 skipped", []string{"ok  \texample.com/m/fine"}, []string{"without"}},
		{
			"partly",
			[]string{"./partly"},
			"required", true, "1 passed, 0 failed, 2 skipped",
			[]string{"1 passed, 2 skipped\n", "skipped, 2: no moon tonight (example.com/m/partly TestA, example.com/m/partly TestC)"},
			[]string{"first"},
		},
		{"skipped", []string{"./skipped", "./fine"}, "", false, "2 passed, 0 failed, 1 skipped", []string{"none\texample.com/m/skipped", "no reason given"}, []string{"ok  \texample.com/m/skipped"}},
		{"idle", []string{"./idle", "./fine"}, "required", false, "2 passed, 0 failed, 1 skipped", []string{"none\texample.com/m/idle", "ran no test: example.com/m/idle: no lab here"}, []string{"ok  \texample.com/m/idle"}},
		{"idle, optional", []string{"./idle", "./fine"}, "optional", true, "2 passed, 0 failed, 1 skipped", []string{"skipped, 1: no lab here (example.com/m/idle)"}, []string{"ok  \texample.com/m/idle"}},
		{"nothing", []string{"./without"}, "optional", false, "0 passed, 0 failed, 0 skipped", nil, []string{"ok"}},
		{"broken", []string{"./broken"}, "", false, "1 passed, 2 failed, 0 skipped", []string{"before", "wrong", "--- FAIL: TestA/sub", "FAIL\texample.com/m/broken"}, []string{"silent"}},
		{"panics", []string{"./panics"}, "optional", false, "0 passed, 1 failed, 0 skipped", []string{"at the disco", "FAIL\texample.com/m/panics"}, nil},
		{"exits", []string{"./exits"}, "", false, "1 passed, 1 failed, 0 skipped", []string{"FAIL\texample.com/m/exits"}, nil},
		{"build", []string{"./build", "./fine"}, "", false, "2 passed, 1 failed, 0 skipped", []string{"undefined: undefined", "FAIL\texample.com/m/build"}, nil},
		{"absent", []string{"./absent"}, "", false, "0 passed, 1 failed, 0 skipped", []string{"absent"}, nil},
		{"open", []string{"./open"}, "optional", true, "1 passed, 0 failed, 0 skipped", []string{"not guarded, 1 package: it needs Linux"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			said, err := gotest(t, dir, c.lab, "", c.packages...)
			require.Equal(t, c.ok, err == nil, "%v\n%s", err, said)
			lines := strings.Split(strings.TrimSpace(said), "\n")
			require.Equal(t, c.counts, lines[len(lines)-1], said)
			require.LessOrEqual(t, strings.Count(said, "FAIL\t"), 1, said)
			for _, text := range c.says {
				require.Contains(t, said, text)
			}
			for _, text := range c.never {
				require.NotContains(t, said, text)
			}
		})
	}
}

// TestTotals: the runs of several modules end in one count.
func TestTotals(t *testing.T) {
	dir, record := writeModule(t), filepath.Join(t.TempDir(), "record")
	said, err := gotest(t, dir, "", record, "./fine", "./partly", "./open")
	require.NoError(t, err)
	require.NotContains(t, said, "failed", "counts come at the end")
	_, err = gotest(t, dir, "", record, "./partly", "./broken", "./idle", "./open")
	require.Error(t, err)
	require.NoError(t, timed("", "lint", record, []string{"true"}, io.Discard))
	require.ErrorContains(t, timed("", "cross", record, []string{"false"}, io.Discard), "cross: exit status 1")
	var out bytes.Buffer
	require.NoError(t, totals(record, &out))
	table, rest, _ := strings.Cut(out.String(), "not guarded")
	require.Equal(t, "part seconds passed failed skipped|fine S 4 0 2|partly S 3 2 3|lint S 0 0 0|cross S 0 1 0|all S 7 3 5|", words(table))
	require.Equal(t, `, 2 packages: it needs Linux
ran no test: example.com/m/idle: no lab here
skipped, 4: no moon tonight (example.com/m/partly TestA, example.com/m/partly TestC, example.com/m/partly TestA, example.com/m/partly TestC)
skipped, 1: no lab here (example.com/m/idle)
7 passed, 3 failed, 5 skipped
`, rest)
	require.NoError(t, os.WriteFile(record, nil, 0o600))
	require.ErrorContains(t, totals(record, &out), "no test ran")
	require.NoError(t, os.WriteFile(record, []byte("{"), 0o600))
	require.Error(t, totals(record, &out))
	require.Error(t, totals(record+".absent", &out))
}

// words is a table without its spaces and times.
func words(table string) string {
	table = regexp.MustCompile(` +`).ReplaceAllString(table, " ")
	return strings.ReplaceAll(regexp.MustCompile(` \d+( \d+ \d+ \d+)`).ReplaceAllString(table, " S$1"), "\n", "|")
}

// TestTableNamesSlowPackages: a part is a go test command, which may run many packages.
func TestTableNamesSlowPackages(t *testing.T) {
	sum, err := read(strings.NewReader(`{"Action":"pass","Package":"github.com/meshpeer/meshpeer/fast","Test":"TestA"}
{"Action":"pass","Package":"github.com/meshpeer/meshpeer/fast","Elapsed":19.9}
{"Action":"pass","Package":"github.com/meshpeer/meshpeer/slow","Test":"TestA"}
{"Action":"pass","Package":"github.com/meshpeer/meshpeer/slow","Elapsed":20.6}
`), io.Discard)
	require.NoError(t, err)
	sum.Name, sum.Seconds = "unit", 41.2
	var out bytes.Buffer
	writeTable(&out, []summary{sum, {Counts: Counts{Name: "internal/lab", Seconds: 60}}})
	require.Equal(t, `part          seconds  passed  failed  skipped
unit               41       2       0        0
  slow             21       1       0        0
internal/lab       60       0       0        0
all               101       2       0        0
`, out.String())
}

// TestPick: packages with a TestMain enter the lab; without tests they are of neither kind.
func TestPick(t *testing.T) {
	dir := writeModule(t)
	t.Setenv("GOFLAGS", "")
	t.Setenv("GOWORK", "off")
	command := []string{"go", "test", "-p", "1"}
	for _, c := range []struct {
		only, without string
		pattern, want []string
	}{
		{"lab", "", []string{"./..."}, []string{"exits", "idle", "open"}},
		{"lab", "/idle$", []string{"./open", "./idle", "./fine"}, []string{"open"}},
		{"unit", "", []string{"./..."}, []string{"broken", "build", "fine", "panics", "partly", "skipped"}},
	} {
		got, err := pick(dir, c.only, c.without, append(slices.Clone(command), c.pattern...))
		require.NoError(t, err)
		want := slices.Clone(command)
		for _, name := range c.want {
			want = append(want, "example.com/m/"+name)
		}
		require.Equal(t, want, got)
	}
	_, err := pick(dir, "lab", "", []string{"go", "test", "./fine", "./without"})
	require.ErrorIs(t, err, errNone)
	_, err = pick(dir, "lab", "", []string{"go", "test", "./absent"})
	require.ErrorContains(t, err, "go list", "what cannot be listed is not left out")
	require.NotErrorIs(t, err, errNone)
	_, err = pick(dir, "both", "", command)
	require.ErrorContains(t, err, `-only "both"`)
	_, err = pick(dir, "lab", "(", command)
	require.ErrorContains(t, err, "-without")
}

// TestInterrupted: packages that had not ended are counted as failed.
func TestInterrupted(t *testing.T) {
	var out bytes.Buffer
	sum, err := read(strings.NewReader(`{"Action":"start","Package":"p"}
{"Action":"output","Package":"p","Output":"building\n"}
not json
{"Action":"run","Package":"p","Test":"TestA"}
`), &out)
	require.NoError(t, err)
	require.Equal(t, 1, sum.Failed)
	require.Contains(t, out.String(), "building\nnot json\nFAIL\tp\tdid not end\n")
}

func TestReason(t *testing.T) {
	for output, want := range map[string]string{
		"":                                   "no reason given",
		"--- SKIP: TestA (0.00s)\n":          "no reason given",
		"=== RUN   TestA\n    a.go:1: why\n": "why",
		"    a_test.go:1: log\n    a_test.go:2: two\n        lines\n--- SKIP: TestA (0.00s)\n": "two lines",
	} {
		require.Equal(t, want, reason(output))
	}
}

func TestMoreSkipsThanFit(t *testing.T) {
	var s summary
	for _, name := range strings.Split("abcdefg", "") {
		s.skip("why", name)
	}
	var out bytes.Buffer
	s.write(&out)
	require.Contains(t, out.String(), "skipped, 7: why (a, b, c, d and 3 more)\n")
}
