package onboard

import (
	"errors"
	"fmt"
	"io"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/probe"

	"github.com/meshpeer/meshpeer/examples/asm-onboard/asmapi"
)

// Result is what a call found and did, as far as it came. It holds no secret.
type Result struct {
	Applied  bool                // writes were allowed
	Instance string              // name, version and region
	Findings []preflight.Finding // of ASM's candidates and of the mesh configuration, those that did not pass
	Changes  []Change            // of ASM; those of the links are in Plan and Peered
	Plan     *peering.Plan       // of the links between members that are in the mesh
	Peered   *peering.Report     // what Ensure did
	Verified *peering.Report     // what is so at the end
}

// Change is one that ASM was, or is to be, asked for.
type Change struct {
	Step, Cluster, What string
	Done                bool
}

// Error is a failure, and in which step.
type Error struct {
	Step    string
	Cluster string // "" if it is about no single one
	Err     error
	Hint    string // the next step to take
}

func (e *Error) Error() string {
	text := e.Step
	if e.Cluster != "" {
		text += " of " + e.Cluster
	}
	text += ": " + e.Err.Error()
	if e.Hint != "" {
		text += "; " + e.Hint
	}
	return text
}

func (e *Error) Unwrap() error { return e.Err }

// ErrForbidden says that findings forbid to go on: see Result.Findings. Nothing was written for the clusters that they name.
var ErrForbidden = errors.New("findings forbid it")

// hint is the next step after an error that brings none.
func hint(err error) string {
	if e, ok := errors.AsType[*asmapi.Error](err); ok {
		return e.Hint()
	}
	if errors.Is(err, ErrForbidden) {
		return "do what the findings say, and run it again"
	}
	return ""
}

// WriteText writes it for a person.
func (r *Result) WriteText(w io.Writer) error {
	p := &printer{w: w}
	if r.Instance != "" {
		p.line("instance %s", r.Instance)
	}
	if len(r.Findings) > 0 {
		p.line("\nfindings")
		if p.err == nil {
			p.err = preflight.WriteText(w, r.Findings)
		}
	}
	for i, c := range r.Changes {
		if i == 0 {
			p.line("\nchanges")
		}
		p.line("  %-8s %s  %s%s", c.Step, c.Cluster, c.What, map[bool]string{false: " (planned)"}[c.Done])
	}
	if r.Plan != nil {
		p.line("")
		p.join(r.Plan.WriteText(w))
	}
	if r.Peered != nil {
		p.line("\npeered")
		p.join(r.Peered.WriteText(w))
	}
	if r.Verified != nil {
		p.line("\nverified")
		p.join(r.Verified.WriteText(w))
	}
	return p.err
}

type printer struct {
	w   io.Writer
	err error
}

func (p *printer) join(err error) { p.err = errors.Join(p.err, err) }

func (p *printer) line(format string, args ...any) {
	_, err := fmt.Fprintf(p.w, format+"\n", args...)
	p.join(err)
}

// Pending says that a plan has changes.
func (r *Result) Pending() bool {
	for _, c := range r.Changes {
		if !c.Done {
			return true
		}
	}
	return r.Plan != nil && !r.Plan.Empty()
}

// Status is the worst of the links at the end; Unknown if none was looked at. A hosted control plane cannot be asked, so its
// links are as good as the request that was answered over them.
func (r *Result) Status() probe.Status {
	if r.Verified == nil {
		return probe.Unknown
	}
	var all []probe.Status
	for _, l := range r.Verified.Links {
		all = append(all, verdict(l))
	}
	if len(all) == 0 {
		return probe.Unknown
	}
	return probe.Worst(all...)
}

// answered is the check of traffic.Workload that is passed only if the other cluster answered a request.
const answered = "answered-by"

func verdict(l peering.LinkReport) probe.Status {
	if l.Status != probe.Unknown || l.Error != nil {
		return l.Status
	}
	proved, rest := false, []probe.Status{}
	for _, result := range l.Results {
		proved = proved || result.Check == answered && result.Status == probe.Passed
		if result.Status != probe.Unknown {
			rest = append(rest, result.Status)
		}
	}
	if !proved {
		return probe.Unknown
	}
	return probe.Worst(rest...)
}
