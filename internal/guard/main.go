// Command guard runs a test binary where nothing but loopback can be reached, and fails it if it tried anything else:
//
//	go build -o guard ./internal/guard
//	go test -exec "$PWD/guard" ./...
//
// The binary and its children run in a network namespace of their own (and a user namespace when the caller is not root).
// Every address there leads to a capture, so a forgotten dial or lookup is seen even if the test expected an error. IPv4,
// IPv6, TCP, UDP and names asked of the resolver are reported. A dial that sends no packet is not seen: one whose context has
// ended, or a UDP socket that is connected and never written to.
//
// Where there can be no namespace the binary runs as it is, after one line that says that the guard did not run. With
// MESHPEER_LAB=required it fails instead.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

func main() {
	if os.Args[0] == insideName {
		os.Exit(inside(os.Args[1:]))
	}
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: guard binary [argument ...]")
		os.Exit(2)
	}
	code, err := guarded(os.Args[1:])
	if err != nil {
		fmt.Fprintf(os.Stderr, "guard: did not run: %v\n", err)
		if os.Getenv("MESHPEER_LAB") == "required" {
			os.Exit(1)
		}
		code = run(command(os.Args[1:]))
	}
	os.Exit(code)
}

// insideName is the program's own name, argv[0], inside of the namespace.
const insideName = "meshpeer-guard-inside"

// command is a program with the caller's standard streams.
func command(args []string) *exec.Cmd {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	return cmd
}

// run runs a command to its end, passes signals on and returns its exit code.
func run(cmd *exec.Cmd) int {
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(os.Stderr, "guard:", err)
		return 1
	}
	return wait(cmd)
}

func wait(cmd *exec.Cmd) int {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGQUIT)
	defer signal.Stop(signals)
	done := make(chan struct{})
	defer close(done)
	go func() {
		for {
			select {
			case s := <-signals:
				_ = cmd.Process.Signal(s)
			case <-done:
				return
			}
		}
	}()
	if err := cmd.Wait(); err != nil && cmd.ProcessState == nil {
		fmt.Fprintln(os.Stderr, "guard:", err)
		return 1
	}
	if code := cmd.ProcessState.ExitCode(); code >= 0 {
		return code
	}
	fmt.Fprintln(os.Stderr, "guard: the test binary ended by", cmd.ProcessState)
	return 1
}
