// Package cmd is the command, a verb per file.
package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	_ "k8s.io/client-go/plugin/pkg/client/auth" // what kubeconfigs of clouds name, as a plugin of kubectl must have

	"github.com/meshpeer/meshpeer/examples/meshpeer/internal/members"
	"github.com/meshpeer/meshpeer/examples/meshpeer/internal/ui"
	"github.com/meshpeer/meshpeer/peering"
)

// Program is a call of the command.
type Program struct {
	Name     string   // as the user calls it
	Args     []string // after the name
	In       io.Reader
	Out, Err io.Writer
	Env      func(string) string
	// Connect makes a cluster of a context; nil: of one in the kubeconfig.
	Connect func(id peering.ID, kubeContext string, o peering.ConnectOptions) (*peering.Cluster, error)
}

// Main is the command with what the process was given; it returns the exit code. A first interrupt ends the work and has it
// undone, a second one ends the process.
func Main() int {
	name, args := called(os.Args)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	return Run(ctx, Program{Name: name, Args: args, In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Env: os.Getenv})
}

// called is how the user called the program. kubectl runs kubectl-meshpeer for "kubectl meshpeer", and for completions
// kubectl_complete-meshpeer, which it expects to answer as the hidden command of cobra does.
func called(argv []string) (name string, args []string) {
	name = strings.TrimSuffix(filepath.Base(argv[0]), ".exe")
	if plugin, of := strings.CutPrefix(name, "kubectl_complete-"); of {
		return "kubectl " + plugin, append([]string{cobra.ShellCompRequestCmd}, argv[1:]...)
	}
	if plugin, of := strings.CutPrefix(name, "kubectl-"); of {
		name = "kubectl " + strings.ReplaceAll(plugin, "_", "-")
	}
	return name, argv[1:]
}

// app is a call at work.
type app struct {
	Program
	out, err ui.Screen
	members  *members.Flags
	link     *linkFlags
	sets     struct{ members, link *pflag.FlagSet } // what a user gives again with the next command
	verb     string                                 // in use
	typed    []string                               // after it, less those of sets
	set      *members.Set                           // once resolved

	output    string // format
	noHeaders bool
	reports   []string // files
	audit     string   // file
	dryRun    bool
	lost      peering.ID // that remove does not ask
	asked     string     // service that verify asks
	yes       bool
}

// Run does what the arguments say and returns the exit code.
func Run(ctx context.Context, p Program) int {
	a := &app{Program: p, members: members.New(), link: &linkFlags{}}
	a.out, a.err = ui.NewScreen(p.Out, p.Env), ui.NewScreen(p.Err, p.Env)
	a.members.Connect = p.Connect
	a.sets.members, a.sets.link = a.members.Set(), a.link.set()
	root := a.root()
	root.SetArgs(p.Args)
	root.SetIn(p.In)
	root.SetOut(p.Out)
	root.SetErr(p.Err)
	return a.conclude(ctx, root.ExecuteContext(ctx))
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "meshpeer",
		Short: "Peer the clusters of an Istio or ASM mesh, and prove that they are",
		Long: `Lets the clusters of an Istio or Alibaba Cloud Service Mesh (ASM) reach each other's services, and proves that they do.

A link has a direction: workloads of one cluster reach services of the other, for which the istiod of the one reads the
API server of the other. Without --from, --to or --hub every member is linked with every other one.

Exit codes: 0 fine, 1 error or denied, 2 changes or findings, 3 unknown: somebody could not be asked.`,
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: a.Name},
		SilenceErrors: true, SilenceUsage: true,
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return &members.UsageError{Text: fmt.Sprintf("there is no command %s%s", members.Quote(args[0]), suggestion(c, args[0]))}
			}
			return c.Help()
		},
	}
	root.AddGroup(&cobra.Group{ID: groupLook, Title: "Look:"}, &cobra.Group{ID: groupChange, Title: "Change:"})
	root.AddCommand(
		a.check(), a.plan(), a.status(), a.verify(), a.why(), a.credentials(),
		a.apply(), a.ensure(), a.rotate(), a.adopt(), a.remove(),
		a.render(), a.version(),
	)
	root.SetUsageFunc(a.usage)
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		a.at(c)
		return usage(err)
	})
	a.complete(root)
	return root
}

// at notes which command is in use, and what the user gave it besides members and links.
func (a *app) at(c *cobra.Command, args ...string) {
	a.verb = strings.TrimPrefix(strings.TrimPrefix(c.CommandPath(), a.Name), " ")
	own := pflag.NewFlagSet("own", pflag.ContinueOnError)
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if a.sets.members.Lookup(f.Name) != f && a.sets.link.Lookup(f.Name) != f {
			own.AddFlag(f)
		}
	})
	a.typed = nil
	for _, arg := range args {
		a.typed = append(a.typed, members.Quote(arg))
	}
	a.typed = append(a.typed, members.Line(own)...)
}

const (
	groupLook   = "look"
	groupChange = "change"
)

func suggestion(c *cobra.Command, typed string) string {
	c.SuggestionsMinimumDistance = 2
	if near := c.SuggestionsFor(typed); len(near) > 0 {
		return ": did you mean " + near[0] + "?"
	}
	return ""
}

// conclude tells of an error and gives the exit code.
func (a *app) conclude(ctx context.Context, err error) int {
	var done *outcome
	if err == nil {
		return fine
	}
	if !errors.As(err, &done) {
		done = a.failure(ctx, err)
	}
	if done.err != nil {
		fmt.Fprintf(a.err, "%s %s\n", a.err.Paint(ui.Red, "error:"), ui.Printable(a.words(done.err.Error())))
	}
	for _, line := range done.next {
		fmt.Fprintf(a.err, "%s %s\n", a.err.Paint(ui.Bold, "next:"), line)
	}
	return done.code
}
