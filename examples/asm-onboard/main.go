// Command asm-onboard brings clusters into an ASM mesh and peers those that have a control plane of their own with the others.
// Exit status: 0 all well, 1 a failure, 2 a plan with changes, or findings or permissions that forbid to go on, 3 something
// could not be seen.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/meshpeer/meshpeer/probe"

	"github.com/meshpeer/meshpeer/examples/asm-onboard/asmapi"
	"github.com/meshpeer/meshpeer/examples/asm-onboard/onboard"
)

const notice = "Nothing here has run against ASM itself: it was tried on a stand-in that is written from ASM's published API.\n"

// Exit statuses.
const (
	fine = iota
	failure
	forbidden // or changes
	unseen
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	exit := program{stdout: os.Stdout, stderr: os.Stderr, connect: func(o asmapi.Options) (asmapi.API, error) { return asmapi.New(o) }}.run(ctx, os.Args[1:])
	stop()
	os.Exit(exit)
}

// program has what a test replaces. The zero values of onboarding's fields are for everybody.
type program struct {
	stdout, stderr io.Writer
	connect        func(asmapi.Options) (asmapi.API, error)
	onboarding     onboard.Onboarding
}

func (p program) run(ctx context.Context, args []string) (exit int) {
	fmt.Fprint(p.stdout, notice)
	if asmapi.Leaks() {
		return p.fail(failure, errors.New("DEBUG makes the official client print what it sends, session tokens included: unset it"))
	}
	flags := flag.NewFlagSet("asm-onboard", flag.ContinueOnError)
	flags.SetOutput(p.stderr)
	file := flags.String("mesh", "mesh.yaml", "`FILE` that says which instance and clusters")
	plan := flags.Bool("plan", false, "read, and say what -apply would do")
	apply := flags.Bool("apply", false, "do it")
	options := asmapi.Options{}
	flags.StringVar(&options.Region, "region", "", "`REGION` of the clusters, such as cn-hangzhou")
	flags.StringVar(&options.Endpoint, "endpoint", "", "`HOST` of ASM's API. Default servicemesh.aliyuncs.com")
	flags.StringVar(&options.ContainerEndpoint, "container-endpoint", "", "`HOST` of Container Service's API. Default cs.REGION.aliyuncs.com")
	flags.StringVar(&options.Protocol, "protocol", "https", "or http, for a stand-in on loopback")
	flags.DurationVar(&p.onboarding.Timeout, "timeout", 10*time.Minute, "of each wait for ASM")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return fine
	} else if err != nil {
		return failure
	}
	if *plan == *apply {
		return p.fail(failure, errors.New("say either -plan or -apply; -h explains them"))
	}
	return p.onboard(ctx, *file, options, *apply)
}

func (p program) onboard(ctx context.Context, file string, options asmapi.Options, apply bool) int {
	o := p.onboarding
	text, err := os.ReadFile(file)
	if err != nil {
		return p.fail(failure, fmt.Errorf("%w: README.md shows one", err))
	}
	if err := yaml.UnmarshalStrict(text, &o.Mesh); err != nil {
		return p.fail(failure, fmt.Errorf("%s: %w", file, err))
	}
	o.Log = slog.New(slog.NewTextHandler(p.stderr, nil))
	options.Observe = func(a asmapi.Again) {
		o.Log.Warn("again", "action", a.Action, "attempt", a.Attempt, "pause", a.Pause.Round(time.Millisecond), "error", a.Err)
	}
	if o.API, err = p.connect(options); err != nil {
		return p.fail(failure, err)
	}
	do := o.Plan
	if apply {
		do = o.Apply
	}
	result, err := do(ctx)
	if written := result.WriteText(p.stdout); written != nil {
		return p.fail(failure, written)
	}
	if err != nil {
		if errors.Is(err, onboard.ErrForbidden) || asmapi.KindOf(err) == asmapi.Denied {
			return p.fail(forbidden, err)
		}
		return p.fail(failure, err)
	}
	return p.end(result)
}

// end says how it ended.
func (p program) end(result *onboard.Result) int {
	switch status := result.Status(); {
	case !result.Applied && result.Pending():
		fmt.Fprintln(p.stdout, "\nthere are changes: -apply makes them")
		return forbidden
	case !result.Applied:
		fmt.Fprintln(p.stdout, "\nall is as it is wanted")
		return fine
	case result.Verified == nil:
		fmt.Fprintln(p.stdout, "\nnothing is peered: the findings say why")
		return forbidden
	case status == probe.Passed || status == probe.Warned:
		fmt.Fprintln(p.stdout, "\npeered and verified, links of a hosted control plane by requests that were answered")
		return fine
	case status == probe.Failed:
		return failure // the report says why
	}
	fmt.Fprintln(p.stdout, "\ndone, and not all of it could be seen: a workload in mesh.yaml would try the links")
	return unseen
}

func (p program) fail(exit int, err error) int {
	fmt.Fprintln(p.stderr, "asm-onboard:", err)
	return exit
}
