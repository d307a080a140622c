package cmd

import (
	"github.com/spf13/cobra"

	"github.com/meshpeer/meshpeer/peering"
)

// rotate gives each link a new credential.
func (a *app) rotate() *cobra.Command {
	c := a.command(&cobra.Command{
		Use: "rotate", Short: "Give links new credentials and revoke the old ones", Args: cobra.NoArgs,
		Long: `Gives each link a new credential. The old one is revoked when every istiod is seen to use the new one and to hold what it held
before, and it is proved that the API server refuses it. Where that is not seen, the old one is restored.`,
		Example: `  {meshpeer} rotate --context east --context west
  {meshpeer} rotate --context east --context west --from east --to west`,
		RunE: func(c *cobra.Command, _ []string) error {
			p, links, err := a.beginChange(c.Context())
			if err != nil {
				return err
			}
			if a.dryRun {
				return a.showPlan(c.Context(), p, peering.Rotated, links)
			}
			return a.change(c.Context(), p, p.Rotate, links)
		},
	}, a.sets.members, a.sets.link)
	a.changeFlags(c)
	return c
}
