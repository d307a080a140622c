//go:build linux

package build

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strings"
	"syscall"
)

// flags of go build. disable_pgv is Istio's own tag (its Makefile.core.mk): without the validators of
// protoc-gen-validate, which nothing calls, the binary is smaller and built sooner.
var flags = []string{"-tags=disable_pgv", "-ldflags=-s -w"}

// settings keep the caller's flags, workspace and target out.
var settings = []string{"CGO_ENABLED=0", "GOFLAGS=-buildvcs=false", "GOWORK=off", "GOOS=", "GOARCH="}

// goCommand runs in the module of the binary and dies with the thread that starts it.
func goCommand(dir string, args ...string) *exec.Cmd {
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), settings...), "PWD="+dir)
	if os.Getenv("HOME") == "" { // the go command keeps its caches there
		if me, err := user.Current(); err == nil && me.HomeDir != "" {
			cmd.Env = append(cmd.Env, "HOME="+me.HomeDir)
		}
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	return cmd
}

// LookGo returns an error with the remedy where there is no go command.
func LookGo() error {
	if _, err := exec.LookPath("go"); err != nil {
		return fmt.Errorf("%w: there is no go command in PATH; install Go, or set %s to a built binary", ErrUnavailable, Env)
	}
	return nil
}

// goEnv are values of `go env`, in order; nil if it fails.
func goEnv(names ...string) []string {
	out, err := goCommand(os.TempDir(), append([]string{"env"}, names...)...).Output()
	if err != nil {
		return nil
	}
	return strings.Split(strings.TrimRight(string(out), "\n"), "\n")
}

// stderrOf is what a command that was run with Output said.
func stderrOf(err error) string {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return "\n" + string(exit.Stderr)
	}
	return ""
}
