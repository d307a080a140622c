package cmd

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// built is what the program was made of.
type built struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`
	Modified bool   `json:"modified,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// version says what this program is. It asks no cluster.
func (a *app) version() *cobra.Command {
	c := a.command(&cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := a.checkOutput(); err != nil {
				return err
			}
			v := build()
			return a.print(v, []string{v.Version}, func(bool) error {
				words := slices.DeleteFunc([]string{a.Name, v.Version, v.Commit, v.Go, v.Platform}, func(word string) bool { return word == "" })
				_, err := fmt.Fprintln(a.out, strings.Join(words, " "))
				return err
			})
		},
	})
	a.outputFlags(c)
	return c
}

func build() built {
	b := built{Version: "unknown", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	b.Version = info.Main.Version
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}
