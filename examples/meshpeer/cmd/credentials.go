package cmd

import (
	"cmp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/meshpeer/meshpeer/examples/meshpeer/internal/ui"
	"github.com/meshpeer/meshpeer/peering"
)

// credentials lists what opens the members, whoever made it.
func (a *app) credentials() *cobra.Command {
	c := a.command(&cobra.Command{
		Use: "credentials", Aliases: []string{"creds"}, Short: "List every credential that opens the members, whoever made it", GroupID: groupLook, Args: cobra.NoArgs,
		Long: `Lists every token for a cluster that can be found: whom it speaks for, who holds it, which object ends it. No token is printed; a
fingerprint is the beginning of its SHA-256. The exit code is 3 if a cluster could not be read.`,
		Example: `  {meshpeer} credentials --context east --context west -o wide`,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := a.resolve(c.Context()); err != nil {
				return err
			}
			all, unread := peering.Credentials(c.Context(), a.set.Clusters()...)
			if all == nil {
				all = []peering.Credential{}
			}
			var names []string
			for _, g := range all {
				names = append(names, g.Cluster.String()+"/"+cmp.Or(g.Object, "ServiceAccount/"+g.ServiceAccount))
			}
			if err := a.print(all, names, func(wide bool) error { return a.credentialTable(all, wide) }); err != nil {
				return err
			}
			if unread != nil {
				return &outcome{code: codeOf(unread, false), err: unread, next: a.next(unread)}
			}
			return nil
		},
	}, a.sets.members)
	a.outputFlags(c)
	return c
}

func (a *app) credentialTable(all []peering.Credential, wide bool) error {
	headers := []string{"OPENS", "AS", "HELD BY", "MADE BY", "EXPIRES", "FINGERPRINT"}
	if wide {
		headers = append(headers, "OBJECT", "SINCE", "LAST USED")
	}
	t := ui.Table{Headers: a.headers(headers...)}
	for _, g := range all {
		until := "never"
		if !g.Until.IsZero() {
			until = g.Until.UTC().Format(time.RFC3339)
		}
		row := []string{
			g.Cluster.String(), g.ServiceAccount, cmp.Or(strings.Join(g.Holders, ","), "nobody here"), g.MadeBy, until, cmp.Or(g.Fingerprint, "-"),
		}
		if wide {
			since := "-"
			if !g.Since.IsZero() {
				since = g.Since.UTC().Format(time.RFC3339)
			}
			row = append(row, cmp.Or(g.Object, "-"), since, cmp.Or(g.LastUsed, "-"))
		}
		t.Row(row...)
	}
	if t.Len() == 0 {
		_, err := a.err.Write([]byte("no credential was found\n"))
		return err
	}
	_, err := t.WriteTo(a.out)
	return err
}
