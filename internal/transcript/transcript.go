// Package transcript writes down what a person sees who runs a small program, and holds the program's README to it: a README
// that shows another output than the test got fails the test. MESHPEER_UPDATE=1 writes the README's blocks.
package transcript

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/meshpeer/meshpeer/internal/golden"
)

// TB is what a Transcript needs of a *testing.T.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
	TempDir() string
	Chdir(string)
}

// Transcript is of one program. Its fields are set before the first call.
type Transcript struct {
	Program string // as people call it: "go run ./examples/pair"
	Run     func(args []string, stdout, stderr io.Writer) (exit int)
	Elide   *regexp.Regexp // lines of output that the README leaves out: "..." stands for each run of them

	readme string
	blocks []string
}

// Start reads README.md in the package's folder at Check, and from now on works in an empty folder.
func (tr *Transcript) Start(t TB) {
	t.Helper()
	readme, err := filepath.Abs("README.md")
	if err != nil {
		t.Fatalf("transcript: %v", err)
	}
	tr.readme = readme
	t.Chdir(t.TempDir())
}

// Block begins the next console block of the README.
func (tr *Transcript) Block() { tr.blocks = append(tr.blocks, "") }

// Do runs the program and writes down its command, its output and an exit status other than 0.
func (tr *Transcript) Do(args ...string) (exit int, stdout string) {
	var screen, out bytes.Buffer
	exit = tr.Run(args, io.MultiWriter(&screen, &out), &screen)
	command := tr.Program
	for _, arg := range args {
		if strings.ContainsAny(arg, " >;&|") {
			arg = "'" + arg + "'"
		}
		command += " " + arg
	}
	if exit != 0 {
		fmt.Fprintf(&screen, "exit status %d\n", exit)
	}
	tr.Show(command, screen.String())
	return exit, out.String()
}

// Show writes down another command than the program's, with the output that the test knows it to have.
func (tr *Transcript) Show(command, output string) {
	if len(tr.blocks) == 0 {
		tr.Block()
	}
	var lines []string
	for line := range strings.Lines(output) {
		if line = strings.TrimRight(line, " \n"); tr.Elide != nil && tr.Elide.MatchString(line) {
			line = "  ..."
		}
		if line != "  ..." || len(lines) == 0 || lines[len(lines)-1] != line {
			lines = append(lines, line)
		}
	}
	tr.blocks[len(tr.blocks)-1] += "$ " + command + "\n" + strings.Join(append(lines, ""), "\n")
}

var (
	console = regexp.MustCompile("(?ms)^```console\n(.*?)^```$")
	token   = regexp.MustCompile(`eyJ[\w-]+\.[\w-]+\.`)
	random  = regexp.MustCompile(`\b([0-9a-f]{64}|[0-9a-f]{12}|[0-9a-f]{8})\b`)
)

// digest stands for each digest and fingerprint, which are others in each run.
const digest = "9b2d7c41e06fa835d1c94e27b6083fa5729ce1d04b8f6a3215e7c09d48b2f613"

// Check fails t unless the console blocks of the README are those written down, and if one of them holds a token.
func (tr *Transcript) Check(t TB) {
	t.Helper()
	want := slices.Clone(tr.blocks)
	for i, block := range want {
		if token.MatchString(block) {
			t.Fatalf("transcript: there is a token in:\n%s", block)
		}
		want[i] = random.ReplaceAllStringFunc(block, func(s string) string { return digest[:len(s)] })
	}
	text, err := os.ReadFile(tr.readme)
	if err != nil {
		t.Fatalf("transcript: %v", err)
	}
	found := console.FindAllSubmatch(text, -1)
	if len(found) != len(want) {
		t.Fatalf("transcript: %s has %d console blocks, and the test wrote %d", tr.readme, len(found), len(want))
		return
	}
	if os.Getenv(golden.Variable) == "1" {
		i := -1
		text = console.ReplaceAllFunc(text, func([]byte) []byte { i++; return []byte("```console\n" + want[i] + "```") })
		if err := os.WriteFile(tr.readme, text, 0o644); err != nil {
			t.Fatalf("transcript: %v", err)
		}
		return
	}
	for i, block := range found {
		if got := string(block[1]); got != want[i] {
			t.Fatalf("transcript: console block %d of %s is stale; if the new output is meant, run go test with %s=1\nit shows:\n%s\nthe program says:\n%s",
				i+1, tr.readme, golden.Variable, got, want[i])
		}
	}
}
