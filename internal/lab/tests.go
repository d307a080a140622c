//go:build linux

package lab

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/meshpeer/meshpeer/internal/lab/enter"
)

// EnvRequired says what tests do if there can be no lab, or no data plane: with "optional" they skip, each with the reason;
// empty or "required", they fail.
const EnvRequired = "MESHPEER_LAB"

// optional reads EnvRequired. A value that it does not know is an error: a typing mistake must not turn tests off.
func optional() (bool, error) {
	switch value := os.Getenv(EnvRequired); value {
	case "", "required":
		return false, nil
	case "optional":
		return true, nil
	default:
		return false, fmt.Errorf("lab: %s %q: must be empty, required or optional", EnvRequired, value)
	}
}

// unavailable is why there is no lab for the tests of this program; set by RunTests.
var unavailable error

// RunTests is the body of a TestMain: os.Exit(lab.RunTests(m)). It enters the lab and runs the tests inside. Where there can
// be no lab (ErrUnavailable) it fails, or, when EnvRequired is "optional", runs them outside: each calls Require, and is
// skipped. istio names the versions that the tests run beside the default one, see EnterOptions.Istio.
func RunTests(m interface{ Run() int }, istio ...string) int {
	may, err := optional()
	if err == nil {
		if err = Enter(EnterOptions{Istio: istio}); errors.Is(err, ErrUnavailable) && may {
			unavailable, err = err, nil
		}
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%v%s\n", err, hint(err))
		return 1
	}
	began := time.Now()
	code := m.Run()
	fmt.Fprintf(os.Stderr, "lab: the tests inside took %.0f s\n", time.Since(began).Seconds())
	return code
}

// hint tells how to do without a lab, where that is possible.
func hint(err error) string {
	if errors.Is(err, ErrUnavailable) {
		return "; " + EnvRequired + "=optional skips the tests that need a lab"
	}
	return ""
}

// Skipper is the part of *testing.T that Require and RequireDataPlane take.
type Skipper interface {
	Helper()
	Skip(args ...any)
	Fatal(args ...any)
}

// Require skips the test with the reason when RunTests found that there can be no lab here.
func Require(t Skipper) {
	t.Helper()
	SkipOrFail(t, unavailable)
}

// RequireDataPlane skips the test with the reason when labs of this program cannot have a data plane, and fails it instead
// unless EnvRequired is "optional".
func RequireDataPlane(t Skipper) {
	t.Helper()
	Require(t)
	_, err := enter.Here().DataPlane()
	SkipOrFail(t, err)
}

// SkipOrFail ends the test for err: skipped with the reason if EnvRequired is "optional", else failed. It returns if err is
// nil.
func SkipOrFail(t Skipper, err error) {
	t.Helper()
	if err == nil {
		return
	}
	may, wrong := optional()
	if may && wrong == nil {
		t.Skip(strings.TrimPrefix(err.Error(), "lab: "))
		return
	}
	t.Fatal(errors.Join(wrong, err))
}
