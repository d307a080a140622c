// Command doctor examines peered clusters, whoever peered them: istioctl, ASM or this SDK. It changes nothing, but for an object of
// its own with -freshness.
//
// Exit status: 0 all links hold, 1 error, 2 something is wrong, 3 something cannot be seen.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"k8s.io/client-go/tools/clientcmd"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/peering/traffic"
	"github.com/meshpeer/meshpeer/probe"
)

func main() {
	exit, err := run(context.Background(), os.Args[1:], os.Stdout, connect)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "doctor:", err)
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
	flags := flag.NewFlagSet("doctor", flag.ContinueOnError)
	flavour := flags.String("flavour", string(preflight.ASM), "asm, or upstream: there, what is not found is missing")
	html := flags.String("html", "", "file for a page of the report")
	junit := flags.String("junit", "", "file for the report as JUnit XML")
	var fresh, ask traffic.Check
	flags.BoolFunc("freshness", "change an EndpointSlice made for it, which draws no traffic, and see that every istiod notices",
		func(string) error { fresh = traffic.Freshness{}; return nil })
	flags.BoolFunc("traffic", "ask httpbin of namespace default from sleep (Istio's samples), over mutual TLS",
		func(string) error { ask = &traffic.Workload{}; return nil })
	var clusters []*peering.Cluster
	flags.Func("cluster", "`ID=CONTEXT` of a member; repeat it for each", func(s string) error {
		name, kubeContext, _ := strings.Cut(s, "=")
		cluster, err := connect(name, kubeContext)
		clusters = append(clusters, cluster)
		return err
	})
	if err := flags.Parse(args); err != nil {
		return 1, err
	}
	p := peering.Peering{Workload: traffic.All(fresh, ask)}
	links := peering.Mesh(clusters...)
	report, err := p.Verify(ctx, links...)
	if report == nil {
		return 1, err
	}
	status, checker := report.Status(), preflight.NewChecker()
	for i, link := range links {
		findings, err := checker.Check(ctx, preflight.Input{
			From: *link.From.Checks, To: *link.To.Checks, Endpoint: link.To.Endpoint, Dial: link.To.Dial, Flavour: preflight.Flavour(*flavour),
		})
		if err != nil {
			return 1, err
		}
		findings = slices.DeleteFunc(findings, func(f preflight.Finding) bool {
			return f.Status == probe.Passed || f.Status == probe.Skipped || f.ID == "secret-name-free" // what has the name is looked at by Verify
		})
		report.Links[i].Findings = slices.Clone(findings)
		seen := slices.DeleteFunc(findings, func(f preflight.Finding) bool { return f.Status == probe.Unknown })
		if preflight.Status(seen) == probe.Failed { // what preflight cannot see is no verdict: Verify looks at what came of it
			status = probe.Failed
		}
		fmt.Fprintf(out, "preflight of %s: %d checks could not be made\n", link, len(report.Links[i].Findings)-len(seen))
		_ = preflight.WriteText(out, seen)
	}
	page := peering.HTMLOptions{Title: "Examination", Made: time.Now()}
	err = errors.Join(report.WriteText(out),
		write(*html, func(w io.Writer) error { return report.WriteHTML(w, page) }), write(*junit, report.WriteJUnit))
	return cmp.Or(map[bool]int{true: 1}[err != nil], map[probe.Status]int{probe.Failed: 2, probe.Unknown: 3}[status]), err
}

func write(file string, to func(io.Writer) error) error {
	if file == "" {
		return nil
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	return errors.Join(to(f), f.Close())
}
