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
func (t *task) preflight(ctx context.Context) *Error {
	if t.From.Checks == nil || t.To.Checks == nil || t.goal != Present && t.goal != Rotated || !t.writes() {
		return nil
	}
	in := preflight.Input{
		From: *t.From.Checks, To: *t.To.Checks, Flavour: t.Flavour, Endpoint: t.want.endpoint, SecretName: t.secretName(), OwnLabels: t.labels(),
		Bound: t.kind() == "bound", IstioVersions: versionsOf(t.from.istiods), Dial: t.To.Dial,
	}
	if t.want.objects.role != nil {
		in.Rules, in.RoleRules = t.want.objects.rules()
		in.RoleNamespace = t.systemNamespace(t.From)
	}
	findings, err := t.checker.Check(ctx, in)
	if err != nil {
		return t.failed(StagePreflight, t.To.ID, err)
	}
	blocked := &PreflightError{}
	for _, f := range findings {
		if f.Status == probe.Passed || f.Status == probe.Skipped || t.seen.adopted && (f.ID == "cluster-id-in-use" || f.ID == "secret-name-free") {
			continue
		}
		t.findings = append(t.findings, f)
		if f.Status == probe.Failed && !slices.Contains(t.Tolerate, f.ID) {
			blocked.Findings = append(blocked.Findings, f)
		}
	}
	if len(blocked.Findings) > 0 {
		e := t.failed(StagePreflight, t.To.ID, blocked)
		e.Hint = blocked.hint()
		return e
	}
	return nil
}
