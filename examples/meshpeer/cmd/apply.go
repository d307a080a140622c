package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/meshpeer/meshpeer/examples/meshpeer/internal/members"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/secrets"
)

// apply carries out a plan from a file, if it still fits.
func (a *app) apply() *cobra.Command {
	digest := ""
	c := a.command(&cobra.Command{
		Use: "apply FILE", Short: "Carry out a plan that was reviewed, if it still fits", Args: cobra.ExactArgs(1),
		Long: `Carries out a plan that the command plan wrote. It is carried out as it was reviewed or not at all: if the clusters changed since
then, it says what moved and changes nothing. Members and options are those of plan; the links are those of the file.`,
		Example: `  {meshpeer} apply plan.json --context east --context west
  {meshpeer} apply plan.json --context east --context west --digest 3f786850e387`,
		RunE: func(c *cobra.Command, args []string) error {
			ctx := c.Context()
			plan, err := readPlan(args[0], digest)
			if err != nil {
				return a.stale(args[0], err)
			}
			p, err := a.peering()
			if err == nil {
				err = a.resolve(ctx)
			}
			if err != nil {
				return err
			}
			links, err := a.bind(p, plan)
			if err != nil {
				return err
			}
			if a.dryRun {
				return a.showPlan(ctx, p, plan.Goal, links)
			}
			if plan.Goal == peering.Absent {
				if err := a.confirm(ctx, fmt.Sprintf("The plan ends %s.", count(len(links), "link"))); err != nil {
					return err
				}
			}
			return a.change(ctx, p, func(ctx context.Context, _ ...peering.Link) (*peering.Report, error) { return p.Apply(ctx, plan) }, links)
		},
	}, a.sets.members, a.sets.link)
	c.Flags().StringVar(&digest, "digest", "", "carry out only the plan whose digest begins so: the one that the review saw")
	a.changeFlags(c)
	a.yesFlag(c)
	return c
}

func readPlan(file, digest string) (*peering.Plan, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	plan := new(peering.Plan)
	if err := json.Unmarshal(data, plan); err != nil {
		return nil, fmt.Errorf("%s is no plan: %w", file, err)
	}
	if plan.Schema != peering.PlanSchema || len(plan.Links) == 0 {
		return nil, fmt.Errorf("%s is no plan: it has schema %q and %s", file, plan.Schema, count(len(plan.Links), "link"))
	}
	if !strings.HasPrefix(plan.Digest(), digest) {
		return nil, fmt.Errorf("%s has digest %.12s: it is not the one that was reviewed", file, plan.Digest())
	}
	return plan, nil
}

// stale is a file that has to be made again.
func (a *app) stale(file string, err error) error {
	return &outcome{code: failed, err: err, next: []string{a.line("plan", "-o", members.Quote(file))}}
}

// bind gives a plan its links, and the call the options that the plan was made with, as far as it holds them.
func (a *app) bind(p *peering.Peering, plan *peering.Plan) (links []peering.Link, err error) {
	for _, l := range plan.Links {
		from, err := a.set.ByID(l.From.String())
		to, wrong := a.set.ByID(l.To.String())
		if err = errors.Join(err, wrong); err != nil {
			return nil, err
		}
		links = append(links, peering.Link{From: from.Cluster, To: to.Cluster})
	}
	if err := a.members.Address(a.set, links); err != nil {
		return nil, err
	}
	for _, l := range plan.Links {
		if i := l.Intent; i != nil && i.Account != "" {
			p.Adopt, p.Lifetime, p.Tolerate, p.UndoUnsynced = i.Adopt, i.Lifetime, i.Tolerate, i.UndoUnsynced
			if i.Credential == secrets.KindDurable || i.Credential == secrets.KindBound {
				p.Credential = i.Credential
			}
			break
		}
	}
	return links, plan.Bind(links...)
}
