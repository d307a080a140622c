package cmd

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/meshpeer/meshpeer/examples/meshpeer/internal/members"
	"github.com/meshpeer/meshpeer/peering"
)

// remove ends links.
func (a *app) remove() *cobra.Command {
	var lost string
	c := a.command(&cobra.Command{
		Use: "remove", Short: "End links and revoke their credentials", Args: cobra.NoArgs,
		Long: `Deletes what ensure made, revokes the credentials and proves that they are refused. What others made stays.

A cluster that is gone for good, or cannot be reached now, is named with --unreachable: its links end in the other members
alone, and nobody waits for it. What is left in it cannot be seen, so the exit code is 3.`,
		Example: `  {meshpeer} remove --context east --context west
  {meshpeer} remove --context east --context west --unreachable north`,
		RunE: func(c *cobra.Command, _ []string) error {
			ctx := c.Context()
			p, err := a.peering()
			if err == nil {
				err = a.resolve(ctx)
			}
			if err != nil {
				return err
			}
			links, err := a.removed(lost)
			if err != nil {
				return err
			}
			if a.dryRun {
				return a.showPlan(ctx, p, peering.Absent, links)
			}
			if err := a.confirm(ctx, fmt.Sprintf("%s end%s, and %s revoked.", count(len(links), "link"), map[bool]string{true: "s"}[len(links) == 1],
				map[bool]string{true: "its credential is", false: "their credentials are"}[len(links) == 1])); err != nil {
				return err
			}
			return a.change(ctx, p, p.Remove, links)
		},
	}, a.sets.members, a.sets.link)
	c.Flags().StringVar(&lost, "unreachable", "", "`ID` of a cluster that is not asked; all its links end, and no other")
	a.changeFlags(c)
	a.yesFlag(c)
	return c
}

// removed are the links of the flags, or those of a cluster that is lost.
func (a *app) removed(lost string) ([]peering.Link, error) {
	if lost == "" {
		links, err := a.set.Links()
		if err != nil {
			return nil, err
		}
		return a.ours(links)
	}
	id, err := peering.ParseIstioID(lost)
	if err != nil {
		return nil, &members.UsageError{Text: "--unreachable: " + err.Error()}
	}
	var others []*peering.Cluster
	for _, m := range a.set.All {
		if m.ID != id {
			others = append(others, m.Cluster)
		}
	}
	if len(others) == 0 {
		return nil, &members.UsageError{Text: fmt.Sprintf("--unreachable %s: name those that can be reached with --context", lost)}
	}
	a.lost = id
	return peering.Star(members.Gone(id), others...), nil
}

func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}
