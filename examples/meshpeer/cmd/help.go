package cmd

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// command is a verb with the flags that it shares with others. Its texts call the program as the user did.
func (a *app) command(c *cobra.Command, sets ...*pflag.FlagSet) *cobra.Command {
	for _, text := range []*string{&c.Long, &c.Example} {
		*text = strings.ReplaceAll(*text, "{meshpeer}", a.Name)
	}
	for _, set := range sets {
		c.Flags().AddFlagSet(set)
	}
	if run := c.RunE; run != nil {
		c.RunE = func(c *cobra.Command, args []string) error {
			a.at(c, args...)
			return run(c, args)
		}
	}
	if check := c.Args; check != nil {
		c.Args = func(c *cobra.Command, args []string) error {
			a.at(c)
			return usage(check(c, args))
		}
	}
	return c
}

// usage writes the flags of a command in three parts: its own, those that name clusters, those that say what a link is to be.
func (a *app) usage(c *cobra.Command) error {
	w := c.OutOrStderr()
	if c.Runnable() && c.HasParent() {
		fmt.Fprintf(w, "Usage:\n  %s\n", c.UseLine())
	} else {
		fmt.Fprintf(w, "Usage:\n  %s COMMAND\n", c.CommandPath())
	}
	if c.Example != "" {
		fmt.Fprintf(w, "\nExamples:\n%s\n", c.Example)
	}
	commands := func(title, group string) {
		lines := ""
		for _, sub := range c.Commands() {
			if sub.IsAvailableCommand() && sub.GroupID == group {
				lines += fmt.Sprintf("  %-12s %s\n", sub.Name(), sub.Short)
			}
		}
		if lines != "" {
			fmt.Fprintf(w, "\n%s\n%s", title, lines)
		}
	}
	for _, group := range c.Groups() {
		commands(group.Title, group.ID)
	}
	commands("Other:", "")
	own := pflag.NewFlagSet("own", pflag.ContinueOnError)
	own.SortFlags = false
	var shared [2]bool
	c.Flags().VisitAll(func(f *pflag.Flag) {
		switch {
		case a.sets.members.Lookup(f.Name) == f:
			shared[0] = true
		case a.sets.link.Lookup(f.Name) == f:
			shared[1] = true
		default:
			own.AddFlag(f)
		}
	})
	flags := func(title string, set *pflag.FlagSet, there bool) {
		if there && set.HasAvailableFlags() {
			fmt.Fprintf(w, "\n%s\n%s", title, set.FlagUsagesWrapped(120))
		}
	}
	flags("Flags:", own, true)
	flags("Members and links:", a.sets.members, shared[0])
	flags("What a link is to be:", a.sets.link, shared[1])
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(w, "\n%s COMMAND --help says more of a command.\n", c.CommandPath())
	}
	return nil
}
