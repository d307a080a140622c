package cmd

import (
	"github.com/spf13/cobra"

	"github.com/meshpeer/meshpeer/peering"
)

// ensure peers the links and leaves what is good as it is.
func (a *app) ensure() *cobra.Command {
	c := a.command(&cobra.Command{
		Use: "ensure", Short: "Peer the members; what is good stays as it is", Args: cobra.NoArgs,
		Long: `Peers the members. For each link the other cluster gets an account with a role and a token, and the cluster that reads gets
a remote secret with that token; then every istiod is seen to read the other cluster. A link that fails is undone. A second
call changes nothing, so long as the credential is good.`,
		Example: `  {meshpeer} ensure --context east --context west
  {meshpeer} ensure --context cluster-1=ack --hosted cluster-1 --context cluster-2=idc`,
		RunE: func(c *cobra.Command, _ []string) error {
			p, links, err := a.beginChange(c.Context())
			if err != nil {
				return err
			}
			if a.dryRun {
				return a.showPlan(c.Context(), p, peering.Present, links)
			}
			return a.change(c.Context(), p, p.Ensure, links)
		},
	}, a.sets.members, a.sets.link)
	a.changeFlags(c)
	return c
}
