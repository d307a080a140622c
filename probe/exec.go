package probe

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"path"
)

// Command is a command to run inside a workload, without a shell and without a terminal: a terminal would mix the two
// outputs and turn line ends. It prints as the name of its program: arguments may hold anything.
type Command struct {
	Args  []string  // the program and its arguments
	Stdin io.Reader // nil: none
}

// String names the program.
func (c Command) String() string {
	if len(c.Args) == 0 {
		return "no command"
	}
	return fmt.Sprintf("%s with %d arguments", brief(path.Base(c.Args[0]), 60), len(c.Args)-1)
}

// Format prints String for every verb.
func (c Command) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// MarshalText is String.
func (c Command) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// LogValue implements [slog.LogValuer].
func (c Command) LogValue() slog.Value { return slog.StringValue(c.String()) }

// Output is what a command left. It prints as its exit code and lengths only: output may hold anything. Make one with
// [NewOutput]; the zero value is a success without a word. It shares the memory of its outputs: do not change them.
type Output struct {
	exitCode int
	// A closure: printers and encoders follow pointers and unexported fields, but no functions.
	content func() (stdout, stderr []byte)
}

// NewOutput returns the output of a command that ended with the exit code, which is what the shell would call $?.
func NewOutput(exitCode int, stdout, stderr []byte) Output {
	return Output{exitCode, func() ([]byte, []byte) { return stdout, stderr }}
}

// ExitCode is what the shell would call $?; 0 is success.
func (o Output) ExitCode() int { return o.exitCode }

// Stdout is what the command wrote to its standard output.
func (o Output) Stdout() []byte {
	if o.content == nil {
		return nil
	}
	stdout, _ := o.content()
	return stdout
}

// Stderr is what the command wrote to its standard error.
func (o Output) Stderr() []byte {
	if o.content == nil {
		return nil
	}
	_, stderr := o.content()
	return stderr
}

// String tells lengths only.
func (o Output) String() string {
	return fmt.Sprintf("exit code %d, %d and %d bytes", o.exitCode, len(o.Stdout()), len(o.Stderr()))
}

// Format prints String for every verb.
func (o Output) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, o.String()) }

// MarshalJSON writes the exit code and the lengths.
func (o Output) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]int{"exitCode": o.exitCode, "stdoutBytes": len(o.Stdout()), "stderrBytes": len(o.Stderr())})
}

// LogValue implements [slog.LogValuer].
func (o Output) LogValue() slog.Value { return slog.StringValue(o.String()) }

// Executor runs a command inside a workload, e.g. through pods/exec. [Output.ExitCode] tells whether the command
// failed; an error means that it could not be run or watched to its end. The container must be the app's: in
// istio-proxy a request leaves as uid 1337 and goes past the proxy, except for [PilotAgent], which needs that one.
// The command may go on when ctx ends. TestExecutor of package probetest holds one of your own to this.
type Executor interface {
	Exec(ctx context.Context, c Command) (Output, error)
}

// ExecutorFunc is a function as an [Executor].
type ExecutorFunc func(ctx context.Context, c Command) (Output, error)

// Exec calls f.
func (f ExecutorFunc) Exec(ctx context.Context, c Command) (Output, error) { return f(ctx, c) }
