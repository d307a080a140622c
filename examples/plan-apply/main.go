// Command plan-apply plans in one process and applies in another, with a review in between. What is applied is the plan that
// was read, or nothing. Exit status: 0 nothing to do or done, 1 error, 2 the plan has changes, 3 something cannot be seen.
package main

import (
	"context"
	"encoding/json"
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
		fmt.Fprintln(os.Stderr, "plan-apply:", err)
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
	flags := flag.NewFlagSet("plan-apply", flag.ContinueOnError)
	goal := flags.String("goal", string(peering.Present), "present, rotated or absent")
	file := flags.String("plan", "plan.json", "file of the plan")
	digest := flags.String("digest", "", "apply only the plan with this digest: the one that the review saw")
	audit := flags.String("audit", "audit.jsonl", "file that apply adds a line to for each change")
	var clusters []*peering.Cluster
	flags.Func("cluster", "`ID=CONTEXT` of a member; repeat it for each, in the same order for plan and apply", func(s string) error {
		name, kubeContext, _ := strings.Cut(s, "=")
		cluster, err := connect(name, kubeContext)
		clusters = append(clusters, cluster)
		return err
	})
	if err := flags.Parse(args); err != nil {
		return 1, err
	}
	p := &peering.Peering{Reader: rbac.Options{Profile: rbac.Minimal}, Actor: os.Getenv("USER")}
	plan, links := new(peering.Plan), peering.Mesh(clusters...)
	switch flags.Arg(0) {
	case "plan":
		if plan, err = p.Plan(ctx, peering.Goal(*goal), links...); err != nil {
			return 1, err
		}
		data, err := json.MarshalIndent(plan, "", "  ")
		if err = errors.Join(err, os.WriteFile(*file, data, 0o600), plan.WriteText(out)); err != nil {
			return 1, err
		}
		for _, link := range plan.Links {
			if link.Error != nil {
				return 1, link.Error
			}
		}
		return map[bool]int{true: 0, false: 2}[plan.Empty()], nil
	case "apply":
		data, err := os.ReadFile(*file)
		if err != nil {
			return 1, fmt.Errorf("%w: make it with the word plan", err)
		}
		if err = errors.Join(json.Unmarshal(data, plan), plan.Bind(links...)); err != nil {
			return 1, fmt.Errorf("%s: %w: give the -cluster flags that it was made with, or make it again", *file, err)
		}
		if !strings.HasPrefix(plan.Digest(), *digest) {
			return 1, fmt.Errorf("%s has digest %.12s: it is not the one that was reviewed; read it again", *file, plan.Digest())
		}
		records, err := os.OpenFile(*audit, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return 1, err
		}
		p.Audit = peering.AuditTo(records)
		report, err := p.Apply(ctx, plan)
		if report == nil {
			return 1, err
		}
		err = errors.Join(err, report.WriteText(out), records.Close())
		return map[probe.Status]int{probe.Failed: 1, probe.Unknown: 3}[report.Status()], err
	}
	return 1, errors.New("say plan or apply after the flags; -h explains them")
}
