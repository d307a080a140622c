// Command fleet keeps the clusters of an inventory peered with credentials that expire: it ensures every link, sleeps until the
// first has to be renewed, and goes on until stopped. Exit status: 0 stopped, or all well, 1 error, 3 something cannot be seen.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/probe"
	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/secrets"
)

type inventory struct {
	Lifetime metav1.Duration // of the credentials
	Recheck  metav1.Duration // how often at least to look for drift; default 1h
	Clusters []member
}

type member struct {
	ID       peering.ID        // as its proxies call it
	Context  string            // of the kubeconfig that kubectl would read
	Hosted   bool              // its control plane runs elsewhere, as ASM's managed one: links from it are only verified
	Endpoint *secrets.Endpoint // its API server as other clusters' istiods reach it; default: the kubeconfig's
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	exit := run(ctx, os.Args[1:], slog.New(slog.NewTextHandler(os.Stderr, nil)), connect)
	stop()
	os.Exit(exit)
}

func connect(m member) (*peering.Cluster, error) {
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(clientcmd.NewDefaultClientConfigLoadingRules(),
		&clientcmd.ConfigOverrides{CurrentContext: m.Context}).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("cluster %s: %w: `kubectl config get-contexts` lists the contexts", m.ID, err)
	}
	return peering.Connect(m.ID, config, peering.ConnectOptions{Hosted: m.Hosted, Endpoint: m.Endpoint})
}

func run(ctx context.Context, args []string, log *slog.Logger, connect func(member) (*peering.Cluster, error)) (exit int) {
	flags := flag.NewFlagSet("fleet", flag.ContinueOnError)
	file := flags.String("inventory", "inventory.yaml", "the clusters; read again before each round")
	once := flags.Bool("once", false, "end after one round, for a cron job that runs more often than credentials expire")
	if flags.Parse(args) != nil {
		return 1
	}
	counts := map[peering.Action]int{} // a program with metrics adds to its counters in Observe
	p := &peering.Peering{Credential: secrets.KindBound, Reader: rbac.Options{Profile: rbac.Minimal}, Observe: func(e peering.Event) {
		if e.Action != "" {
			counts[e.Action]++
		}
		if e.Error != "" || e.Action != peering.Unchanged && e.Action != peering.Verified {
			log.Info("step", "from", e.From, "to", e.To, "on", e.On, "object", e.Object, "action", e.Action, "reason", e.Reason, "error", e.Error)
		}
	}}
	for {
		wanted := inventory{Recheck: metav1.Duration{Duration: time.Hour}}
		data, err := os.ReadFile(*file)
		err = errors.Join(err, yaml.UnmarshalStrict(data, &wanted))
		var clusters []*peering.Cluster
		for _, m := range wanted.Clusters {
			if c, failed := connect(m); failed == nil {
				clusters = append(clusters, c)
			} else { // the others are peered without it
				err = errors.Join(err, failed)
			}
		}
		p.Lifetime = wanted.Lifetime.Duration
		report, failed := p.Ensure(ctx, peering.Mesh(clusters...)...)
		next := max(wanted.Recheck.Duration, 10*time.Second)
		if err = errors.Join(err, failed); err != nil {
			log.Error("not all is well", "error", err)
			next = time.Minute
		} else if at := report.RenewAt(); !at.IsZero() {
			next = min(next, max(time.Until(at), 10*time.Second))
		}
		log.Info("round", "status", report.Status(), "next", next.Round(time.Second), "steps", counts)
		if *once && err == nil {
			return map[probe.Status]int{probe.Unknown: 3}[report.Status()]
		} else if *once {
			return 1
		}
		select {
		case <-ctx.Done():
			log.Info("stopped: what is peered stays so, until its credentials expire")
			return 0
		case <-time.After(next):
		}
	}
}
