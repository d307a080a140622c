//go:build linux

// Command quickstart peers two real clusters on this machine, looks at every istiod replica before and after, and takes
// the peering back. It exits with 0 only if all of that was seen to work.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/meshpeer/meshpeer/internal/lab"
	"github.com/meshpeer/meshpeer/peering"
)

func main() {
	keep := flag.Bool("keep", false, "leave the clusters up and peered until Ctrl-C")
	asJSON := flag.Bool("json", false, "print one JSON document in place of the story")
	flag.Parse()
	if err := lab.Enter(lab.EnterOptions{}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	err := run(ctx, *keep, newTeller(os.Stdout, *asJSON))
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, keep bool, tell *teller) (err error) {
	tell.chapter("Two clusters start: real kube-apiservers, real istiods")
	l, err := lab.Start(ctx, lab.Options{Progress: tell.progress})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	m, err := connect(l)
	if err != nil {
		return err
	}
	if err := m.story(ctx, tell, keep); err != nil {
		return err
	}
	return tell.end()
}

// connect makes the SDK's clusters of the lab's rest.Configs: all that a user's program needs.
func connect(l *lab.Lab) (*mesh, error) {
	m := &mesh{lab: l}
	for _, c := range l.Clusters {
		id, err := peering.ParseID(c.ID)
		if err != nil {
			return nil, err
		}
		// Loopback addresses are refused elsewhere: no istiod on another machine could use them.
		member, err := peering.Connect(id, c.Config, peering.ConnectOptions{AllowLoopback: l.Loopback})
		if err != nil {
			return nil, err
		}
		m.clusters = append(m.clusters, member)
	}
	return m, nil
}
