package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/meshpeer/meshpeer/examples/meshpeer/internal/members"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/peering/traffic"
	"github.com/meshpeer/meshpeer/secrets"
)

// line is a command to run next, with the flags that the user gave.
func (a *app) line(verb string, args ...string) string {
	words := append([]string{a.Name, verb}, args...)
	if verb != "render" {
		words = append(words, members.Line(a.sets.members)...)
		words = append(words, members.Line(a.sets.link)...)
	}
	return strings.Join(words, " ")
}

// again is the command that the user gave, and more.
func (a *app) again(more ...string) string {
	return a.line(a.verb, append(slices.Clone(a.typed), more...)...)
}

// kubectl is a command on a member.
func (a *app) kubectl(id peering.ID, args string) string {
	if a.set != nil {
		if m, err := a.set.ByID(id.String()); err == nil {
			return a.kubectlIn(m.Context, args)
		}
	}
	return a.kubectlIn("", args)
}

func (a *app) kubectlIn(kubeContext, args string) string {
	line := "kubectl"
	if f := a.sets.members.Lookup("kubeconfig"); f.Changed {
		line += " --kubeconfig " + members.Quote(f.Value.String())
	}
	if kubeContext != "" {
		line += " --context " + members.Quote(kubeContext)
	}
	return line + " " + args
}

// failure is an error of a command as a whole.
func (a *app) failure(ctx context.Context, err error) *outcome {
	done := &outcome{code: codeOf(err, false), err: err}
	if drift, ok := errors.AsType[*peering.DriftError](err); ok {
		done.err = moved(drift)
	}
	var usage *members.UsageError
	var option *secrets.FieldError
	var unidentified *members.UnidentifiedError
	switch {
	case errors.As(err, &usage), errors.As(err, &option):
		done.next = []string{strings.TrimSpace(a.Name+" "+a.verb) + " --help"}
	case errors.As(err, &unidentified) && unasked(err):
		done.next = []string{a.kubectlIn(unidentified.Context, "get --raw /readyz")}
	case errors.As(err, &unidentified):
		done.next = []string{a.again() + "   with ID=" + unidentified.Context + " in place of " + unidentified.Context}
	case ctx.Err() != nil:
		done.next = []string{a.again()}
	case a.set == nil && !unasked(err) && !denied(err):
		done.next = []string{"kubectl config get-contexts"}
	default:
		done.next = a.next(err)
	}
	return done
}

// next is what to run after an error of a link.
func (a *app) next(err error) []string {
	var (
		own       *peering.Error
		foreign   *peering.ForeignObjectError
		duplicate *peering.DuplicateClusterError
		drift     *peering.DriftError
		blocked   *peering.PreflightError
		unsynced  *peering.NotSyncedError
		rights    *peering.MissingRightsError
		hazard    *peering.HazardError
		identity  *peering.WrongIdentityError
		same      *peering.SameClusterError
		level     *traffic.LevelError
		on        peering.ID
	)
	var endpoint *peering.EndpointError
	if errors.As(err, &own) {
		on = own.On
	} else if errors.As(err, &endpoint) {
		on = endpoint.Cluster
	}
	switch {
	case errors.As(err, &foreign) && foreign.Adoptable, errors.As(err, &duplicate) && duplicate.Adoptable:
		return []string{a.line("adopt", "--dry-run")}
	case errors.As(err, &foreign):
		return []string{a.kubectl(on, "get "+object(foreign.Object)+" -o yaml")}
	case errors.As(err, &duplicate):
		return []string{a.kubectl(on, "get "+object("Secret/"+duplicate.Secret)+" -o yaml")}
	case errors.As(err, &drift):
		return []string{a.line("plan")}
	case errors.As(err, &blocked):
		return []string{a.line("check")}
	case errors.As(err, &same):
		return []string{"kubectl config get-contexts"}
	case errors.As(err, &hazard) && hazard.Hazard.Do == preflight.Restart && !a.link.restart:
		return []string{a.again("--restart-istiods")}
	case errors.As(err, &level) && own != nil:
		return []string{a.line("why", own.From.String(), own.To.String(), cmp.Or(a.asked, "httpbin"))}
	case errors.As(err, &unsynced) && slices.Contains(a.typed, "--wait"):
		return []string{a.kubectl(on, "logs --tail=100 -n "+a.istioNamespace()+" -l "+a.istiodSelector())}
	case errors.As(err, &unsynced):
		return []string{a.line("status", "--wait")}
	case errors.As(err, &rights):
		return []string{a.line("render", "reader")}
	case errors.As(err, &identity), own != nil && own.Stage == peering.StageMint && apierrors.IsUnauthorized(err):
		return []string{a.line("ensure")}
	case unasked(err):
		return []string{a.kubectl(on, "get --raw /readyz")}
	case denied(err):
		return []string{a.kubectl(on, "auth can-i --list -n "+a.istioNamespace())}
	case errors.Is(err, context.Canceled), apierrors.IsConflict(err), apierrors.IsAlreadyExists(err):
		return []string{a.again()}
	case own != nil && own.Stage == peering.StageShare && a.looking():
		return []string{a.line("ensure", "--dry-run")}
	}
	return []string{a.line("check")}
}

// moved is a plan that no longer fits, told in as many lines as somebody reads.
func moved(drift *peering.DriftError) error {
	const most = 10
	text := fmt.Sprintf("the plan no longer fits the clusters (digest %.12s, now %.12s), and nothing was changed", drift.Planned, drift.Live)
	for i, line := range drift.Moved {
		if i == most {
			text += fmt.Sprintf("\n  ... and %s more", count(len(drift.Moved)-most, "line"))
			break
		}
		text += "\n  " + line
	}
	return errors.New(text)
}

func (a *app) looking() bool { return a.verb == "status" || a.verb == "verify" || a.verb == "why" }

func (a *app) istioNamespace() string { return a.sets.members.Lookup("istio-namespace").Value.String() }

func (a *app) istiodSelector() string {
	return cmp.Or(a.sets.members.Lookup("istiod-selector").Value.String(), "app=istiod")
}

// object is Kind/namespace/name or Kind/name as kubectl takes it.
func object(name string) string {
	parts := strings.Split(name, "/")
	if len(parts) == 3 {
		return strings.ToLower(parts[0]) + "/" + parts[2] + " -n " + parts[1]
	}
	return strings.ToLower(name)
}
