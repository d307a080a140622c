package cmd

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/meshpeer/meshpeer/examples/meshpeer/internal/ui"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/traffic"
	"github.com/meshpeer/meshpeer/probe"
)

// pause is between two looks of status --wait.
const pause = 2 * time.Second

// status looks at the links up to what istiods say.
func (a *app) status() *cobra.Command {
	var wait bool
	var timeout time.Duration
	c := a.command(&cobra.Command{
		Use: "status", Short: "Look whether links are as they should be", GroupID: groupLook, Args: cobra.NoArgs,
		Long: `Looks at the remote secret, the credential, its rights, and whether every istiod reads the other cluster; changes nothing. With
--wait it looks again until all is well. That requests arrive is shown by verify.`,
		Example: `  {meshpeer} status --context east --context west --wait
  {meshpeer} status --context east --context west --report status.html`,
		RunE: func(c *cobra.Command, _ []string) error {
			p, links, err := a.begin(c.Context())
			if err != nil {
				return err
			}
			if !wait {
				timeout = 0
			}
			report, err := a.awaitPassed(c.Context(), p, links, timeout)
			return a.report(c.Context(), report, err, true)
		},
	}, a.sets.members, a.sets.link)
	c.Flags().BoolVar(&wait, "wait", false, "look again until every link is well")
	c.Flags().DurationVar(&timeout, "timeout", 5*time.Minute, "of --wait")
	a.outputFlags(c)
	a.reportFlag(c)
	return c
}

// awaitPassed verifies until nothing is failed or unknown, or time is up: then with the last report. Without a timeout it looks
// once.
func (a *app) awaitPassed(ctx context.Context, p *peering.Peering, links []peering.Link, timeout time.Duration) (*peering.Report, error) {
	deadline := time.Now().Add(timeout)
	said := ""
	for {
		report, err := p.Verify(ctx, links...)
		if report == nil || codeOfReport(report, true) == fine || ctx.Err() != nil || time.Now().Add(pause).After(deadline) {
			return report, err
		}
		if now := waitingFor(report); now != said {
			fmt.Fprintln(a.err, a.err.Paint(ui.Dim, "waiting: "+now))
			said = now
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return report, err
		}
	}
}

// waitingFor is the first thing of the first link that is not as it should be.
func waitingFor(r *peering.Report) string {
	for _, l := range r.Links {
		if codeOfLink(l, true) == fine {
			continue
		}
		for _, one := range l.Results {
			if one.Status == probe.Failed || one.Status == probe.Unknown {
				return fmt.Sprintf("%s -> %s: %s of %s%s", l.From, l.To, one.Check, one.Target, colon(one.Summary))
			}
		}
		if l.Error != nil {
			return fmt.Sprintf("%s -> %s: %s", l.From, l.To, cause(l.Error))
		}
	}
	return "links"
}

// verify looks up to an answered request.
func (a *app) verify() *cobra.Command {
	w := &traffic.Workload{}
	c := a.command(&cobra.Command{
		Use: "verify", Short: "Prove links by requests between workloads", GroupID: groupLook, Args: cobra.NoArgs,
		Long: `Does what status does, and then asks an httpbin from a client, Istio's samples httpbin and sleep by default, until the other
cluster answers: who answered, and over mutual TLS or not. Changes nothing. For another service see why.`,
		Example: `  {meshpeer} verify --context east --context west -n shop --control outsider`,
		RunE: func(c *cobra.Command, _ []string) error {
			p, links, err := a.begin(c.Context())
			if err != nil {
				return err
			}
			p.Workload, a.asked = w, fmt.Sprintf("%s.%s:%d", w.Service, w.Namespace, w.Port)
			report, err := a.watched(c.Context(), p, p.Verify, links)
			return a.report(c.Context(), report, err, true)
		},
	}, a.sets.members, a.sets.link)
	c.Flags().StringVarP(&w.Namespace, "namespace", "n", "default", "of the service and of its client")
	c.Flags().StringVar(&w.Service, "service", "httpbin", "that is asked")
	c.Flags().IntVar(&w.Port, "port", 8000, "of the service")
	workloadFlags(c, w)
	a.outputFlags(c)
	a.reportFlag(c)
	return c
}

// workloadFlags name who asks.
func workloadFlags(c *cobra.Command, w *traffic.Workload) {
	c.Flags().StringVar(&w.Client, "client", "sleep", "Deployment that asks: with a sidecar, and curl in its image")
	c.Flags().StringVar(&w.Control, "control", "", "Deployment without a sidecar in the other cluster, with curl; without one mutual TLS is not proved")
	c.Flags().DurationVar(&w.Poll.Timeout, "patience", 30*time.Second, "with each rung, until it holds")
}
