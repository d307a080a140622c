// Command api compares the exported API of the module with that of the last release, and fails for an incompatible change that
// CHANGELOG.md does not tell of:
//
//	go run ./internal/api -tool golang.org/x/exp/cmd/apidiff@VERSION [-base REF]
//
// The base is the newest version that has a heading in CHANGELOG.md and a tag. As long as nothing is released everything may
// change, and there is nothing to compare. A shallow clone has no tags: the one commit is fetched then, and no reference is
// made. -base compares with any commit instead, for a look.
//
// Additions are fine. An incompatible change is told of by a line, above the heading of the base and below a heading
// "### Incompatible", with its name in backquotes, such as `peering.Cluster.Dial`.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

func main() {
	tool := flag.String("tool", "", "apidiff, as go run takes it")
	base := flag.String("base", "", "commit to compare with; default: the last release")
	flag.Parse()
	if *tool == "" || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(".", *base, apidiff(*tool), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "api:", err)
		os.Exit(1)
	}
}

// run compares the module in a folder with its base. The differ returns the incompatible changes, a line each.
func run(dir, base string, differ func(before, after string) ([]byte, error), out io.Writer) error {
	text, err := os.ReadFile(filepath.Join(dir, "CHANGELOG.md"))
	if err != nil {
		return err
	}
	log := parse(string(text))
	commit, name := base, base
	if base == "" {
		if commit, name, err = released(dir, log); err != nil {
			return err
		}
	}
	if commit == "" {
		fmt.Fprintln(out, "api: nothing is released yet: nothing to compare with")
		return nil
	}
	before, err := os.MkdirTemp("", "api-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(before)
	if err := checkOut(dir, commit, before); err != nil {
		return err
	}
	output, err := differ(before, dir)
	if err != nil {
		return err
	}
	changes, untold := incompatible(string(output)), 0
	for _, c := range changes {
		mark := "told of"
		if !log.tells(name, c.name) {
			mark = "NOT told of"
			untold++
		}
		fmt.Fprintf(out, "%s: %s (%s in CHANGELOG.md)\n", c.name, c.what, mark)
	}
	fmt.Fprintf(out, "api: %d incompatible changes since %s\n", len(changes), name)
	if untold > 0 && base == "" {
		return fmt.Errorf("%d of them are not in CHANGELOG.md: write a line with the name in backquotes for each, below a heading %q above that of %s", untold, heading, name)
	}
	return nil
}

// change is an incompatible one.
type change struct{ name, what string }

// incompatible reads the lines of apidiff: "- ./peering.(*Peering).Ensure: changed from ...".
func incompatible(output string) (all []change) {
	for line := range strings.Lines(output) {
		text, found := strings.CutPrefix(strings.TrimSpace(line), "- ")
		if !found {
			continue
		}
		name, what, _ := strings.Cut(text, ": ")
		name = name[strings.LastIndex(name, "/")+1:]
		name = strings.NewReplacer("(*", "", "(", "", ")", "").Replace(name)
		all = append(all, change{strings.TrimPrefix(name, "package "), what})
	}
	return all
}

// apidiff compares two folders with the command of that name.
func apidiff(tool string) func(before, after string) ([]byte, error) {
	return func(before, after string) ([]byte, error) {
		module, err := command(after, "go", "list", "-m")
		if err != nil {
			return nil, err
		}
		files := []string{filepath.Join(before, "before.export"), filepath.Join(before, "after.export")}
		for i, dir := range []string{before, after} {
			if _, err := command(dir, "go", "run", tool, "-m", "-w", files[i], strings.TrimSpace(string(module))); err != nil {
				return nil, err
			}
		}
		return command(after, "go", "run", tool, "-m", "-incompatible", files[0], files[1])
	}
}

// command runs a program and returns what it prints, or as an error what it complains of.
func command(dir, name string, args ...string) ([]byte, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	output, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, exit.Stderr)
	}
	return output, err
}
