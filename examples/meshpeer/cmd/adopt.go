package cmd

import (
	"github.com/spf13/cobra"

	"github.com/meshpeer/meshpeer/peering"
)

// adopt takes over what istioctl made.
func (a *app) adopt() *cobra.Command {
	revoke := false
	c := a.command(&cobra.Command{
		Use: "adopt", Short: "Take over links that istioctl made", Args: cobra.NoArgs,
		Long: `Takes over remote secrets that istioctl or somebody else made, in place, so that no request fails: each reader gets a credential
of its own. Links that are not there yet are made. The old credential stays, for istioctl gives all readers the same; with
--revoke it ends, and a cluster that has it and is no member here reads nothing any more.`,
		Example: `  {meshpeer} adopt --context east --context west --dry-run
  {meshpeer} adopt --context east --context west --revoke`,
		RunE: func(c *cobra.Command, _ []string) error {
			ctx := c.Context()
			p, links, err := a.beginChange(ctx)
			if err != nil {
				return err
			}
			p.Adopt = peering.AdoptKeep
			if revoke {
				p.Adopt = peering.AdoptRevoke
			}
			if a.dryRun {
				return a.showPlan(ctx, p, peering.Present, links)
			}
			if revoke {
				if err := a.confirm(ctx, "The old credentials end, also for clusters that are no members here."); err != nil {
					return err
				}
			}
			return a.change(ctx, p, p.Ensure, links)
		},
	}, a.sets.members, a.sets.link)
	c.Flags().BoolVar(&revoke, "revoke", false, "end the old credentials too")
	a.changeFlags(c)
	a.yesFlag(c)
	return c
}
