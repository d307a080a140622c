package cmd

import (
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/meshpeer/meshpeer/peering/preflight"
)

// complete teaches shells the words that flags take: contexts of the kubeconfig, and IDs of the members named so far.
func (a *app) complete(root *cobra.Command) {
	words := func(values func(c *cobra.Command, typed string) []string) cobra.CompletionFunc {
		return func(c *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
			return values(c, typed), cobra.ShellCompDirectiveNoFileComp
		}
	}
	ids := words(func(c *cobra.Command, _ string) []string { return a.members.IDs(c.Context()) })
	fixed := func(values ...string) cobra.CompletionFunc {
		return cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)
	}
	var checks []string
	for _, one := range preflight.Checks() {
		checks = append(checks, one.ID)
	}
	all := map[string]cobra.CompletionFunc{
		"context": words(func(_ *cobra.Command, typed string) []string { return a.members.ContextNames(typed) }),
		"hosted":  ids, "from": ids, "to": ids, "hub": ids, "unreachable": ids,
		"endpoint": func(c *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
			return suffixed(a.members.IDs(c.Context()), "=https://"), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
		},
		"endpoint-ca": func(c *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
			return suffixed(a.members.IDs(c.Context()), "="), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
		},
		"profile": fixed("minimal", "asm", "upstream", "remote-control-plane"), "credential": fixed("durable", "bound"),
		"flavour": fixed("asm", "upstream"), "tolerate": fixed(checks...),
		"report": func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"html", "xml", "json"}, cobra.ShellCompDirectiveFilterFileExt
		},
	}
	for _, c := range root.Commands() {
		for _, name := range slices.Sorted(maps.Keys(all)) {
			if c.Flags().Lookup(name) != nil {
				_ = c.RegisterFlagCompletionFunc(name, all[name])
			}
		}
	}
}

func suffixed(words []string, suffix string) []string {
	for i := range words {
		words[i] += suffix
	}
	return words
}
