//go:build linux

package lab

import (
	"errors"
	"fmt"
	"os"
	"time"
)

// ErrUnavailable is what Enter's error wraps when this machine cannot have a lab: no place for files, no way to get the
// control plane's binary, or no namespaces where EnvMode wants them. Every other error is a failure.
var ErrUnavailable = errors.New("no lab on this machine")

// RunTests is the body of a TestMain: os.Exit(lab.RunTests(m)). It enters the lab and runs the tests inside. Where there can
// be no lab (ErrUnavailable) it skips them all with one sentence, or fails when EnvRequired is "required".
func RunTests(m interface{ Run() int }) int {
	if err := Enter(EnterOptions{}); err != nil {
		if !errors.Is(err, ErrUnavailable) || os.Getenv(EnvRequired) == "required" {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		fmt.Fprintf(os.Stderr, "%v: the tests that need one are skipped\n", err)
		return 0
	}
	began := time.Now()
	code := m.Run()
	fmt.Fprintf(os.Stderr, "lab: the tests inside took %.0f s\n", time.Since(began).Seconds())
	return code
}
