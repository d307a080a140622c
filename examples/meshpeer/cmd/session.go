package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/meshpeer/meshpeer/examples/meshpeer/internal/members"
	"github.com/meshpeer/meshpeer/examples/meshpeer/internal/ui"
	"github.com/meshpeer/meshpeer/peering"
)

// resolve finds the members, and says what was decided for the user.
func (a *app) resolve(ctx context.Context) (err error) {
	if err := errors.Join(a.checkOutput(), a.checkReports()); err != nil {
		return err
	}
	if a.set, err = a.members.Resolve(ctx); err != nil {
		return err
	}
	for _, note := range a.set.Notes {
		a.note("%s", note)
	}
	return nil
}

// begin finds the links of a call and its options.
func (a *app) begin(ctx context.Context) (*peering.Peering, []peering.Link, error) {
	p, err := a.peering()
	if err == nil {
		err = a.resolve(ctx)
	}
	if err != nil {
		return nil, nil, err
	}
	links, err := a.set.Links()
	return p, links, err
}

// beginChange is begin for what writes: links from members whose control plane is hosted are their host's to make.
func (a *app) beginChange(ctx context.Context) (*peering.Peering, []peering.Link, error) {
	p, links, err := a.begin(ctx)
	if err != nil {
		return nil, nil, err
	}
	links, err = a.ours(links)
	return p, links, err
}

func (a *app) ours(links []peering.Link) ([]peering.Link, error) {
	var left []string
	links = slices.DeleteFunc(links, func(l peering.Link) bool {
		if l.From.Hosted {
			left = append(left, l.String())
		}
		return l.From.Hosted
	})
	switch {
	case len(links) == 0:
		return nil, &members.UsageError{Text: fmt.Sprintf("%s: the host of the control plane makes and ends it; status and verify look at it", strings.Join(left, ", "))}
	case len(left) > 0:
		a.note("left to the host of the control plane: %s; status and verify look at it", strings.Join(left, ", "))
	}
	return links, nil
}

func (a *app) note(format string, args ...any) {
	fmt.Fprintln(a.err, a.err.Paint(ui.Dim, "note: "+fmt.Sprintf(format, args...)))
}

// changeFlags are those of commands that write into clusters.
func (a *app) changeFlags(c *cobra.Command) {
	c.GroupID = groupChange
	c.Flags().BoolVar(&a.dryRun, "dry-run", false, "print the plan and change nothing; the exit code is 2 if there are changes")
	c.Flags().StringVar(&a.audit, "audit", "", "`FILE` that gets a line of JSON for each change")
	a.reportFlag(c)
	a.outputFlags(c)
}

func (a *app) yesFlag(c *cobra.Command) {
	c.Flags().BoolVarP(&a.yes, "yes", "y", false, "do not ask on a terminal")
}

// verb is one of Peering's, or Apply with its plan.
type verb func(context.Context, ...peering.Link) (*peering.Report, error)

// change runs a verb that writes: with progress, an audit file, and the undo of an interrupt reported.
func (a *app) change(ctx context.Context, p *peering.Peering, do verb, links []peering.Link) error {
	closeAudit, err := a.openAudit(p)
	if err != nil {
		return err
	}
	report, err := a.watched(ctx, p, do, links)
	lost := closeAudit()
	if err = a.report(ctx, report, err, false); lost == nil {
		return err
	}
	done := &outcome{code: failed, err: fmt.Errorf("the audit file is not complete: %w", lost)}
	if was, ok := errors.AsType[*outcome](err); ok {
		done.next = was.next
	}
	return done
}

// watched runs a verb with its progress on standard error.
func (a *app) watched(ctx context.Context, p *peering.Peering, do verb, links []peering.Link) (*peering.Report, error) {
	progress := ui.NewProgress(a.err, links)
	if p.Observe = progress.Observe; a.looking() && !a.err.Terminal {
		p.Observe = nil // the report says it all
	}
	if a.looking() {
		defer progress.Close(false)
		return do(ctx, links...)
	}
	told := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(told)
		progress.Note("interrupted: what was not finished is being undone; interrupt again to stop at once")
	})
	report, err := do(ctx, links...)
	if !stop() {
		<-told
	}
	progress.Close(report != nil)
	return report, err
}

func (a *app) openAudit(p *peering.Peering) (end func() error, err error) {
	if a.audit == "" {
		return func() error { return nil }, nil
	}
	f, err := os.OpenFile(a.audit, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	p.Audit = peering.AuditTo(f)
	return f.Close, nil
}

// confirm asks before something is ended, where there is somebody to ask.
func (a *app) confirm(ctx context.Context, question string) error {
	if a.yes || !a.err.Terminal || !ui.IsTerminal(a.In) {
		return nil
	}
	if ui.Confirm(ctx, a.In, a.err, question) {
		return nil
	}
	return &outcome{code: failed, err: errors.New("nothing was changed"), next: []string{a.again("--yes")}}
}
