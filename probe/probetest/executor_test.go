package probetest

import (
	"context"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/meshpeer/meshpeer/internal/suite"
	"github.com/meshpeer/meshpeer/probe"
)

// small has the three programs that the suite runs.
func small(ctx context.Context, c probe.Command) (probe.Output, error) {
	switch {
	case ctx.Err() != nil:
		return probe.Output{}, ctx.Err()
	case len(c.Args) == 0:
		return probe.NewOutput(2, nil, nil), nil
	case c.Args[0] == "echo":
		return probe.NewOutput(0, []byte(strings.Join(c.Args[1:], " ")+"\n"), nil), nil
	case c.Args[0] == "cat" && len(c.Args) > 1:
		return probe.NewOutput(1, nil, []byte("cat: "+c.Args[1]+": No such file or directory\n")), nil
	case c.Args[0] == "cat":
		read, err := io.ReadAll(c.Stdin)
		return probe.NewOutput(0, read, nil), err
	case c.Args[0] == "false":
		return probe.NewOutput(1, nil, nil), nil
	}
	return probe.NewOutput(127, nil, nil), nil
}

// exit is the error of programs that take a command's failure for their own.
type exit struct{}

func (exit) Error() string { return "command terminated with exit code 1" }

func TestExecutorSuiteCanFail(t *testing.T) {
	mutant := func(exec probe.ExecutorFunc) func(*testing.T) []suite.Rule {
		return func(*testing.T) []suite.Rule { return executorRules(exec) }
	}
	// output changes what small answers.
	output := func(change func(c probe.Command, out probe.Output) (probe.Output, error)) func(*testing.T) []suite.Rule {
		return mutant(func(ctx context.Context, c probe.Command) (probe.Output, error) {
			out, err := small(ctx, c)
			if err != nil {
				return out, err
			}
			return change(c, out)
		})
	}
	suite.Mutants(t, mutant(small), map[string]func(*testing.T) []suite.Rule{
		"what a command prints is its output, byte for byte": output(func(_ probe.Command, out probe.Output) (probe.Output, error) {
			return probe.NewOutput(out.ExitCode(), []byte(strings.ReplaceAll(string(out.Stdout()), "\n", "\r\n")), out.Stderr()), nil // of a terminal
		}),
		"arguments reach the program as they are, past no shell": mutant(func(ctx context.Context, c probe.Command) (probe.Output, error) {
			var args []string
			for _, arg := range c.Args {
				args = append(args, strings.ReplaceAll(arg, "$HOME", "/root"))
			}
			return small(ctx, probe.Command{Args: args, Stdin: c.Stdin})
		}),
		"a command reads what it is given, to the end": mutant(func(ctx context.Context, c probe.Command) (probe.Output, error) {
			if c.Stdin != nil {
				c.Stdin = io.LimitReader(c.Stdin, 1<<16)
			}
			return small(ctx, c)
		}),
		"a command that fails is an exit code and no error": output(func(_ probe.Command, out probe.Output) (probe.Output, error) {
			if out.ExitCode() != 0 {
				return out, exit{}
			}
			return out, nil
		}),
		"standard error is kept apart": output(func(_ probe.Command, out probe.Output) (probe.Output, error) {
			return probe.NewOutput(out.ExitCode(), append(out.Stdout(), out.Stderr()...), nil), nil
		}),
		"a program that is not there is no success": output(func(_ probe.Command, out probe.Output) (probe.Output, error) {
			if out.ExitCode() == 127 {
				return probe.Output{}, nil
			}
			return out, nil
		}),
		"a command without arguments is no success": output(func(c probe.Command, out probe.Output) (probe.Output, error) {
			if len(c.Args) == 0 {
				return probe.Output{}, nil
			}
			return out, nil
		}),
		"the command stays as it is": mutant(func(ctx context.Context, c probe.Command) (probe.Output, error) {
			out, err := small(ctx, c)
			if len(c.Args) > 0 {
				c.Args[0] = "/bin/" + c.Args[0]
			}
			return out, err
		}),
		"commands at the same time do not mix": func(*testing.T) []suite.Rule {
			var mu sync.Mutex
			var shared []string
			return executorRules(probe.ExecutorFunc(func(ctx context.Context, c probe.Command) (probe.Output, error) {
				mu.Lock()
				shared = c.Args
				mu.Unlock()
				time.Sleep(time.Millisecond)
				mu.Lock()
				defer mu.Unlock()
				return small(ctx, probe.Command{Args: shared, Stdin: c.Stdin})
			}))
		},
		"an ended context is an error": mutant(func(ctx context.Context, c probe.Command) (probe.Output, error) {
			return small(context.WithoutCancel(ctx), c)
		}),
		"a command that waits is left when the context ends": mutant(func(ctx context.Context, c probe.Command) (probe.Output, error) {
			out, err := small(ctx, c)
			if err != nil {
				time.Sleep(time.Minute)
			}
			return out, err
		}),
	})
}
