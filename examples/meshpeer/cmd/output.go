package cmd

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/meshpeer/meshpeer/examples/meshpeer/internal/members"
	"github.com/meshpeer/meshpeer/peering"
)

// formats of -o besides the table.
var formats = []string{"json", "yaml", "name", "wide"}

// outputFlags are those of commands that print something.
func (a *app) outputFlags(c *cobra.Command) {
	c.Flags().StringVarP(&a.output, "output", "o", "", "`FORMAT`: json, yaml, name or wide")
	c.Flags().BoolVar(&a.noHeaders, "no-headers", false, "leave out the headers of tables")
	_ = c.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp))
}

func (a *app) checkOutput() error {
	if a.output != "" && !slices.Contains(formats, a.output) {
		return &members.UsageError{Text: fmt.Sprintf("-o %s: use one of %s", members.Quote(a.output), strings.Join(formats, ", "))}
	}
	return nil
}

// print writes v where a program is to read it, and else what a person reads.
func (a *app) print(v any, names []string, table func(wide bool) error) error {
	switch a.output {
	case "json", "yaml":
		data, err := json.MarshalIndent(v, "", "  ")
		if err != nil {
			return err
		}
		data = append(data, '\n')
		if a.output == "yaml" {
			if data, err = yaml.JSONToYAML(data); err != nil {
				return err
			}
		}
		_, err = a.out.Write(data)
		return err
	case "name":
		for _, name := range names {
			if _, err := fmt.Fprintln(a.out, name); err != nil {
				return err
			}
		}
		return nil
	}
	return table(a.output == "wide")
}

func (a *app) headers(names ...string) []string {
	if a.noHeaders {
		return nil
	}
	return names
}

// reportFlag is of commands that make a report.
func (a *app) reportFlag(c *cobra.Command) {
	c.Flags().StringArrayVar(&a.reports, "report", nil, "`FILE` for the report too: .html, .xml (JUnit) or .json; may be repeated")
}

// checkReports refuses a file name before the work that it is to tell of.
func (a *app) checkReports() error {
	for _, file := range a.reports {
		if !slices.Contains([]string{".html", ".xml", ".json"}, filepath.Ext(file)) {
			return &members.UsageError{Text: fmt.Sprintf("--report %s: the name has to end in .html, .xml or .json", members.Quote(file))}
		}
	}
	return nil
}

// writeReports writes the report into its files.
func (a *app) writeReports(r *peering.Report) (err error) {
	for _, file := range a.reports {
		err = errors.Join(err, write(file, func(w io.Writer) error {
			switch filepath.Ext(file) {
			case ".html":
				return r.WriteHTML(w, peering.HTMLOptions{Made: time.Now(), Hosted: a.hosted()})
			case ".xml":
				return r.WriteJUnit(w)
			}
			encoder := json.NewEncoder(w)
			encoder.SetIndent("", "  ")
			return encoder.Encode(r)
		}))
	}
	return err
}

func (a *app) hosted() (ids []peering.ID) {
	for _, m := range a.set.All {
		if m.Hosted {
			ids = append(ids, m.ID)
		}
	}
	return ids
}

// write makes a file that only its owner reads.
func write(file string, to func(io.Writer) error) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(to(f), f.Close())
}
