package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Tests on the lab are those of packages with a TestMain, which enters it; all others are unit tests.
const (
	onLab  = "lab"
	inUnit = "unit"
)

// testMain is how a package says that it has one.
var testMain = regexp.MustCompile(`(?m)^func TestMain\(`)

// pick replaces the patterns at the end of a go test command, which begin with a dot, by the packages of one kind.
func pick(dir, kind string, without string, args []string) ([]string, error) {
	if kind != onLab && kind != inUnit {
		return nil, fmt.Errorf("-only %q: say %s or %s", kind, onLab, inUnit)
	}
	leave, err := regexp.Compile(without)
	if err != nil {
		return nil, fmt.Errorf("-without: %w", err)
	}
	first := len(args)
	for first > 0 && strings.HasPrefix(args[first-1], ".") {
		first--
	}
	const format = `{{.ImportPath}}{{$dir := .Dir}}{{range .TestGoFiles}}|{{$dir}}/{{.}}{{end}}{{range .XTestGoFiles}}|{{$dir}}/{{.}}{{end}}`
	list := exec.Command("go", append([]string{"list", "-f", format}, args[first:]...)...)
	list.Dir, list.Stderr = dir, os.Stderr
	found, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	picked := slices.Clone(args[:first])
	for line := range strings.Lines(string(found)) {
		name, files, tested := strings.Cut(strings.TrimSpace(line), "|")
		if !tested || without != "" && leave.MatchString(name) {
			continue
		}
		has, err := hasTestMain(strings.Split(files, "|"))
		if err != nil {
			return nil, err
		}
		if has == (kind == onLab) {
			picked = append(picked, name)
		}
	}
	if len(picked) == first {
		return nil, errNone
	}
	return picked, nil
}

// errNone is no failure: not every module has tests of both kinds.
var errNone = errors.New("no package has such tests")

func hasTestMain(files []string) (bool, error) {
	for _, file := range files {
		text, err := os.ReadFile(filepath.FromSlash(file))
		if err != nil {
			return false, err
		}
		if testMain.Match(text) {
			return true, nil
		}
	}
	return false, nil
}
