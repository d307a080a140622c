//go:build linux

package lab

import (
	"io"

	"github.com/meshpeer/meshpeer/internal/lab/build"
	"github.com/meshpeer/meshpeer/internal/lab/enter"
	"github.com/meshpeer/meshpeer/internal/lab/progress"
)

// Environment of the lab, for people.
const (
	// EnvMode forces a mode: "loopback" or "namespace". Empty: namespaces where the machine allows them.
	EnvMode = enter.EnvMode
	// EnvBinary is the path of a built control plane (with the files that it needs beside it): nothing is built then.
	EnvBinary = build.Env
)

// EnterOptions change how the program enters the lab; the zero value is for everybody.
type EnterOptions = enter.Options

// Outlook says what a run needs and what this machine lacks, for EnterOptions.Before.
type Outlook = enter.Outlook

// ErrUnavailable is what Enter's error wraps when this machine cannot have a lab: no place for files, no way to get the
// control planes' binary, or no namespaces where EnvMode wants them. Every other error is a failure.
var ErrUnavailable = enter.ErrUnavailable

// Enter is the first call of main or TestMain. The process that the user started looks at the machine, builds the control
// planes if need be, waits for its turn (one lab per machine) and runs the program again inside; it does not return from
// Enter but exits with that program's exit code, except for an error before there is a program inside. Inside, Enter returns
// nil at once.
//
// The program inside ends when the outer one does, or when the process that started the outer one ends. Signals are
// passed on. Standard streams, arguments and working directory are the same. What client-go logs goes to a file inside.
func Enter(o EnterOptions) error { return enter.Enter(o) }

// Outside is true in the process that the user started, before Enter: for a program that has something to say at once.
func Outside() bool { return enter.Outside() }

// ControlPlane returns the path of the control planes' binary, as Enter uses it: from EnvBinary, from the user's cache, or
// built now, with its progress. A program needs it only to fill the cache beforehand.
func ControlPlane(w io.Writer) (string, error) { return enter.Build(progress.New(w)) }
