package peering

import (
	"context"
	"slices"
	"strings"

	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/probe"
)

// PreflightError says that blocking checks failed before anything was written.
type PreflightError struct {
	Findings []preflight.Finding // those that failed
}

func (e *PreflightError) Error() string {
	texts := make([]string, len(e.Findings))
	for i, f := range e.Findings {
		texts[i] = line(f.ID) + ": " + prose(strings.TrimPrefix(f.Subject+": "+f.Evidence, ": "))
	}
	return "blocked by " + strings.Join(texts, "; ")
}

func (e *PreflightError) hint() string {
	texts := make([]string, len(e.Findings))
	for i, f := range e.Findings {
		texts[i] = prose(f.Remedy)
	}
	return strings.Join(texts, "; ")
}

// preflight makes every check of a link that is about to be changed. Those that block and fail end it here. The checks of a
// workload are left out: a link is for every service, and may well be made before the first one runs.
func (w *work) preflight(ctx context.Context) *Error {
	if w.From.Checks == nil || w.To.Checks == nil || w.goal != Present && w.goal != Rotated || !w.writes() {
		return nil
	}
	in := preflight.Input{
		From: *w.From.Checks, To: *w.To.Checks, Flavour: w.Flavour, Endpoint: w.endpoint, SecretName: w.secretName(), OwnLabels: w.labels(),
		Bound: w.kind() == "bound", IstioVersions: w.from.versions(), Dial: w.To.Dial, Parallel: w.parallel(),
	}
	if w.want.role != nil {
		in.Rules, in.RoleRules = w.roleRules()
		in.RoleNamespace = w.systemNamespace()
	}
	findings, err := preflight.Run(ctx, in)
	if err != nil {
		return w.failed(StagePreflight, w.To.ID, err)
	}
	blocked := &PreflightError{}
	for _, f := range findings {
		if f.Status == probe.Passed || f.Status == probe.Skipped || w.live.adopted && (f.ID == "cluster-id-in-use" || f.ID == "secret-name-free") {
			continue
		}
		w.findings = append(w.findings, f)
		if f.Status == probe.Failed && !slices.Contains(w.Tolerate, f.ID) {
			blocked.Findings = append(blocked.Findings, f)
		}
	}
	if len(blocked.Findings) > 0 {
		e := w.failed(StagePreflight, w.To.ID, blocked)
		e.Hint = blocked.hint()
		return e
	}
	return nil
}

func (w *work) writes() bool {
	return slices.ContainsFunc(w.planned, func(s step) bool { return s.writes() })
}
