// Command testsum runs go test, prints a line per package and the output of what failed, and at the end counts what passed,
// failed and was skipped, with the reason of every skip:
//
//	go run ./internal/testsum [-C dir] [-part name] [-record file] [-only lab|unit] go test [flags] [packages]
//	go run ./internal/testsum [-C dir] -part name -record file command [arguments]
//	go run ./internal/testsum -total file
//
// A package that ran no test, or skipped all of them, is not ok: go test says so in small print only. The run fails then,
// unless MESHPEER_LAB=optional. With -only it tests the packages that have a TestMain, which enters the lab, or those that have
// none. With -record the counts of several runs, and the time that each took, are collected in a file, which -total sums up: a
// table of the parts, and then the counts of all. Any other command than go test is only timed, and counts as failed if it
// fails. The last line is "N passed, N failed, N skipped".
package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	dir := flag.String("C", "", "folder to run in")
	part := flag.String("part", "", "what the table calls the run; default: the folder")
	record := flag.String("record", "", "file that the counts are appended to")
	only := flag.String("only", "", "lab or unit: of the packages at the end, those with or without a TestMain")
	without := flag.String("without", "", "with -only: regular expression of packages to leave out")
	total := flag.String("total", "", "file with counts to sum up; nothing is run")
	flag.Parse()
	var err error
	switch {
	case *total != "" && flag.NArg() == 0:
		err = totals(*total, os.Stdout)
	case flag.NArg() > 2 && flag.Arg(1) == "test":
		args := flag.Args()
		if *only != "" {
			if args, err = pick(*dir, *only, *without, args); errors.Is(err, errNone) {
				return
			}
		}
		if err == nil {
			err = run(*dir, *part, *record, args, os.Stdout)
		}
	case flag.NArg() > 0 && *part != "" && *record != "":
		err = timed(*dir, *part, *record, flag.Args(), os.Stdout)
	default:
		flag.Usage()
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "testsum:", err)
		os.Exit(1)
	}
}

// run runs one go test command. The error is nil only if all packages are ok.
func run(dir, part, record string, args []string, out io.Writer) error {
	began := time.Now()
	args = append([]string{args[0], args[1], "-json"}, args[2:]...)
	command := exec.Command(args[0], args[1:]...)
	command.Dir, command.Stderr = dir, os.Stderr
	events, err := command.StdoutPipe()
	if err != nil {
		return err
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM) // the terminal sends them to go test too: report what it still says
	defer signal.Stop(signals)
	if err := command.Start(); err != nil {
		return err
	}
	sum, err := read(events, out)
	if err != nil {
		_ = command.Process.Kill()
	}
	err = errors.Join(err, command.Wait())
	sum.Name, sum.Seconds = cmp.Or(part, dir, "."), time.Since(began).Seconds()
	if record != "" {
		err = errors.Join(err, sum.append(record))
	} else {
		sum.write(out)
	}
	if err == nil && sum.Passed+sum.Skipped == 0 {
		err = errors.New("no test ran")
	}
	if err == nil && len(sum.Idle) > 0 && os.Getenv("MESHPEER_LAB") != "optional" {
		err = fmt.Errorf("%s ran no test (MESHPEER_LAB=optional allows it)", packages(len(sum.Idle)))
	}
	return err
}

// timed runs another command and records how long it took, and whether it failed.
func timed(dir, part, record string, args []string, out io.Writer) error {
	began := time.Now()
	command := exec.Command(args[0], args[1:]...)
	command.Dir, command.Stdout, command.Stderr = dir, out, os.Stderr
	err := command.Run()
	sum := summary{Counts: Counts{Name: part, Seconds: time.Since(began).Seconds()}}
	if err != nil {
		sum.Failed, err = 1, fmt.Errorf("%s: %w", part, err)
	}
	return errors.Join(err, sum.append(record))
}

// totals prints a table of what runs have recorded, and sums it up.
func totals(record string, out io.Writer) error {
	file, err := os.Open(record)
	if err != nil {
		return err
	}
	defer file.Close()
	var all summary
	var parts []summary
	for decoder := json.NewDecoder(file); ; {
		var one summary
		if err := decoder.Decode(&one); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return fmt.Errorf("%s: %w", record, err)
		}
		all.add(one)
		parts = append(parts, one)
	}
	writeTable(out, parts)
	all.write(out)
	if all.Passed+all.Failed+all.Skipped == 0 {
		return errors.New("no test ran")
	}
	return nil
}
