package probetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/meshpeer/meshpeer/internal/suite"
	"github.com/meshpeer/meshpeer/probe"
)

// TestExecutor checks that executor runs commands as package probe needs it. The workload has to have echo, cat and false, as
// every image with a shell does; nothing in it is changed.
func TestExecutor(t *testing.T, executor probe.Executor) {
	if executor == nil {
		t.Fatal("probetest: TestExecutor needs an Executor")
	}
	suite.Run(t, executorRules(executor))
}

const noSuchFile = "/probetest-no-such-file"

func executorRules(executor probe.Executor) []suite.Rule {
	run := func(ctx context.Context, stdin string, args ...string) (probe.Output, error) {
		c := probe.Command{Args: args}
		if stdin != "" {
			c.Stdin = strings.NewReader(stdin)
		}
		return executor.Exec(ctx, c)
	}
	prints := func(ctx context.Context, want, stdin string, args ...string) error {
		out, err := run(ctx, stdin, args...)
		if err == nil && (out.ExitCode() != 0 || string(out.Stdout()) != want) {
			err = fmt.Errorf("exit code %d and %q, in place of 0 and %q", out.ExitCode(), out.Stdout(), want)
		}
		return err
	}
	return []suite.Rule{
		{Name: "what a command prints is its output, byte for byte", Check: func(ctx context.Context) error {
			return prints(ctx, "one  two\n", "", "echo", "one  two")
		}},
		{Name: "arguments reach the program as they are, past no shell", Check: func(ctx context.Context) error {
			const literal = `$HOME; echo "two" > /dev/null | cat * && 'three'`
			return prints(ctx, literal+"\n", "", "echo", literal)
		}},
		{Name: "a command reads what it is given, to the end", Check: func(ctx context.Context) error {
			long := strings.Repeat("a line of the standard input\n", 4000) // more than a pipe holds
			return prints(ctx, long, long, "cat")
		}},
		{Name: "a command that fails is an exit code and no error", Check: func(ctx context.Context) error {
			out, err := run(ctx, "", "false")
			if err == nil && out.ExitCode() != 1 {
				err = fmt.Errorf("exit code %d, in place of 1", out.ExitCode())
			}
			return err
		}},
		{Name: "standard error is kept apart", Check: func(ctx context.Context) error {
			out, err := run(ctx, "", "cat", noSuchFile)
			if err == nil && (out.ExitCode() == 0 || len(out.Stdout()) > 0 || !strings.Contains(string(out.Stderr()), noSuchFile)) {
				err = fmt.Errorf("exit code %d, output %q, error output %q of cat for a file that is not there", out.ExitCode(), out.Stdout(), out.Stderr())
			}
			return err
		}},
		{Name: "a program that is not there is no success", Check: func(ctx context.Context) error {
			out, err := run(ctx, "", "probetest-no-such-program")
			if err == nil && out.ExitCode() == 0 {
				return errors.New("exit code 0")
			}
			return nil
		}},
		{Name: "a command without arguments is no success", Check: func(ctx context.Context) error {
			out, err := run(ctx, "")
			if err == nil && out.ExitCode() == 0 {
				return errors.New("exit code 0")
			}
			return nil
		}},
		{Name: "the command stays as it is", Check: func(ctx context.Context) error {
			args := []string{"echo", "one", "two"}
			before := slices.Clone(args)
			_, err := executor.Exec(ctx, probe.Command{Args: args})
			if err == nil && !slices.Equal(before, args) {
				err = errors.New("its arguments were changed: work on a copy")
			}
			return err
		}},
		{Name: "commands at the same time do not mix", Check: func(ctx context.Context) error {
			const commands = 4
			failures := make(chan error)
			for i := range commands {
				go func() {
					word := strings.Repeat(string(rune('a'+i)), 1000)
					failures <- prints(ctx, word+"\n", "", "echo", word)
				}()
			}
			var all []error
			for range commands {
				all = append(all, <-failures)
			}
			return errors.Join(all...)
		}},
		{Name: "an ended context is an error", Check: func(ctx context.Context) error {
			return suite.Ends(func() error {
				_, err := run(suite.Ended(ctx), "", "echo", "one")
				return err
			})
		}},
		{Name: "a command that waits is left when the context ends", Check: func(ctx context.Context) error {
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			return suite.Ends(func() error {
				_, err := executor.Exec(ctx, probe.Command{Args: []string{"cat"}, Stdin: waiting{ctx}})
				return err
			})
		}},
	}
}

// waiting is a standard input on which nothing comes until ctx ends.
type waiting struct{ ctx context.Context }

func (w waiting) Read([]byte) (int, error) {
	<-w.ctx.Done()
	return 0, w.ctx.Err()
}
