// Command adopt takes over links that istioctl made: each reader gets a credential of its own, in the Secret that its istiod
// knows already, so that no request fails on the way. Then it rotates them, which istioctl cannot.
//
// Exit status: 0 done or nothing to do, 1 error, 2 there are changes: look at the plan, then say -yes, 3 something cannot be seen.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"k8s.io/client-go/tools/clientcmd"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/probe"
	"github.com/meshpeer/meshpeer/rbac"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	exit, err := run(ctx, os.Args[1:], os.Stdout, connect)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "adopt:", err)
	}
	os.Exit(exit)
}

// connect makes a cluster of a context in the kubeconfig that kubectl would read.
func connect(name, kubeContext string) (*peering.Cluster, error) {
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(clientcmd.NewDefaultClientConfigLoadingRules(),
		&clientcmd.ConfigOverrides{CurrentContext: kubeContext}).ClientConfig()
	id, invalid := peering.ParseIstioID(name)
	if err = errors.Join(err, invalid); err != nil {
		return nil, fmt.Errorf("%w: write ID=CONTEXT; `kubectl config get-contexts` lists the contexts", err)
	}
	return peering.Connect(id, config, peering.ConnectOptions{})
}

func run(ctx context.Context, args []string, out io.Writer, connect func(name, kubeContext string) (*peering.Cluster, error)) (exit int, err error) {
	flags := flag.NewFlagSet("adopt", flag.ContinueOnError)
	yes := flags.Bool("yes", false, "carry the plan out")
	revoke := flags.Bool("revoke", false, "end istioctl's token too: a cluster that has it and is not named here would read nothing any more")
	var from, to []*peering.Cluster
	member := func(list *[]*peering.Cluster) func(string) error {
		return func(s string) error {
			name, kubeContext, _ := strings.Cut(s, "=")
			cluster, err := connect(name, kubeContext)
			*list = append(*list, cluster)
			return err
		}
	}
	flags.Func("from", "`ID=CONTEXT` of a cluster whose istiod reads; repeat it for each that istioctl gave its token to", member(&from))
	flags.Func("to", "`ID=CONTEXT` of the cluster that is read", member(&to))
	if err := flags.Parse(args); err != nil {
		return 1, err
	}
	if len(to) != 1 {
		return 1, errors.New("name one cluster with -to")
	}
	var links []peering.Link
	for _, reader := range from {
		links = append(links, peering.Link{From: reader, To: to[0]})
	}
	p := peering.Peering{Reader: rbac.Options{Profile: rbac.Minimal}, Adopt: peering.AdoptKeep, AwaitRefusal: true}
	if *revoke {
		p.Adopt = peering.AdoptRevoke
	}
	plan, err := p.Plan(ctx, peering.Present, links...)
	if err != nil {
		return 1, err
	}
	if !*yes {
		return map[bool]int{true: 0, false: 2}[plan.Empty()], plan.WriteText(out)
	}
	report, err := p.Apply(ctx, plan)
	if err == nil {
		err = report.WriteText(out)
	}
	if err != nil {
		return 1, err
	}
	if report, err = p.Rotate(ctx, links...); report == nil {
		return 1, err
	}
	fmt.Fprintln(out, "\n--- rotated")
	held, unread := peering.Credentials(ctx, append(from, to...)...)
	err = errors.Join(err, report.WriteText(out), unread)
	fmt.Fprintf(out, "\nwhat opens %s now:\n", to[0].ID)
	for _, c := range held {
		if c.Cluster == to[0].ID {
			fmt.Fprintf(out, "  %s  made by %s  held by %s\n", c.Object, c.MadeBy, cmp.Or(strings.Join(c.Holders, ", "), "none that is named here"))
		}
	}
	return map[probe.Status]int{probe.Failed: 1, probe.Unknown: 3}[report.Status()], err
}
