package probe

import (
	"context"
	"fmt"
	"io"
)

// Command is a command to run inside a workload, without a shell and without a terminal: a terminal would mix the two
// outputs and turn line ends.
type Command struct {
	Args  []string  // the program and its arguments
	Stdin io.Reader // nil: none
}

// Output is what a command left.
type Output struct {
	Stdout, Stderr []byte
	ExitCode       int // what the shell would call $?
}

// String tells lengths only: output may hold anything.
func (o Output) String() string {
	return fmt.Sprintf("exit code %d, %d and %d bytes", o.ExitCode, len(o.Stdout), len(o.Stderr))
}

// GoString tells lengths only.
func (o Output) GoString() string { return "probe.Output(" + o.String() + ")" }

// Executor runs a command inside a workload, e.g. through pods/exec. That the command failed is told by
// [Output.ExitCode]; an error means that it could not be run or watched to its end. The container must be the app's:
// in istio-proxy a request leaves as uid 1337 and goes past the proxy, except for [PilotAgent], which needs that one.
// The end of ctx need not end the command.
type Executor interface {
	Exec(ctx context.Context, c Command) (Output, error)
}

// ExecutorFunc is a function as an [Executor].
type ExecutorFunc func(ctx context.Context, c Command) (Output, error)

// Exec calls f.
func (f ExecutorFunc) Exec(ctx context.Context, c Command) (Output, error) { return f(ctx, c) }
