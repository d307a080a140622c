package cmd

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/meshpeer/meshpeer/examples/meshpeer/internal/members"
	"github.com/meshpeer/meshpeer/peering"
)

// plan shows what would be done, and writes it into a file that somebody reviews and apply carries out.
func (a *app) plan() *cobra.Command {
	goal, adopt := "", ""
	c := a.command(&cobra.Command{
		Use: "plan", Short: "Show what would be done, or write it to a file for apply", GroupID: groupLook, Args: cobra.NoArgs,
		Long: `Reads the clusters and prints every step with its undo. With -o FILE the plan is written there as JSON too, without any secret,
for apply. Nothing is changed. The exit code is 2 if there are changes.

-o takes json, yaml, name and wide as other commands do; every other word is a file, and has a dot or a slash in it.`,
		Example: `  {meshpeer} plan --context east --context west -o plan.json
  {meshpeer} plan --context east --context west --goal absent`,
		RunE: func(c *cobra.Command, _ []string) error {
			file := ""
			if !slices.Contains(append(formats, ""), a.output) {
				if file, a.output = a.output, ""; !strings.ContainsAny(file, "./") {
					return &members.UsageError{Text: fmt.Sprintf("-o %s: use one of %s, or a file name with a dot or a slash, such as ./%[1]s", file, strings.Join(formats, ", "))}
				}
			}
			p, links, err := a.beginChange(c.Context())
			if err != nil {
				return err
			}
			if p.Adopt = peering.Adoption(adopt); !slices.Contains([]peering.Adoption{peering.AdoptNone, peering.AdoptKeep, peering.AdoptRevoke}, p.Adopt) {
				return &members.UsageError{Text: fmt.Sprintf("--adopt %s: use keep or revoke", members.Quote(adopt))}
			}
			plan, err := p.Plan(c.Context(), peering.Goal(goal), links...)
			if err != nil {
				return err
			}
			return a.planned(plan, file)
		},
	}, a.sets.members, a.sets.link)
	c.Flags().StringVar(&goal, "goal", string(peering.Present), "present, rotated or absent")
	c.Flags().StringVar(&adopt, "adopt", "", "keep or revoke: take remote secrets of others over, as the command adopt does")
	_ = c.RegisterFlagCompletionFunc("adopt", cobra.FixedCompletions([]string{"keep", "revoke"}, cobra.ShellCompDirectiveNoFileComp))
	_ = c.RegisterFlagCompletionFunc("goal", cobra.FixedCompletions([]string{"present", "rotated", "absent"}, cobra.ShellCompDirectiveNoFileComp))
	a.outputFlags(c)
	c.Flags().Lookup("output").Usage = "`FILE` for the plan, or json, yaml, name or wide"
	_ = c.Flags().SetAnnotation("output", cobra.BashCompFilenameExt, []string{"json"})
	return c
}

// planned prints a plan, and writes it to a file if there is one, with the command that applies it.
func (a *app) planned(plan *peering.Plan, file string) error {
	verdict := a.printPlan(plan)
	if file == "" {
		return verdict
	}
	err := write(file, func(w io.Writer) error {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		return encoder.Encode(plan)
	})
	if err != nil {
		return err
	}
	if done, ok := verdict.(*outcome); ok && done.code == found {
		done.add(a.line("apply", members.Quote(file)))
	}
	return verdict
}
