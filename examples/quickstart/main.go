//go:build linux

// Command quickstart peers two real clusters on this machine, proves by requests that workloads of one are answered by the
// other over mutual TLS, and takes the peering back. It exits with 0 only if all of that was seen to work.
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
	asJSON := flag.Bool("json", false, "print one JSON document instead of the story")
	page := flag.String("report", "", "write `FILE` as an HTML page, and beside it the same as JUnit (.xml) and JSON (.json)")
	flag.Parse()
	tell := newTeller(os.Stdout, *asJSON)
	if lab.Outside() {
		tell.title()
	}
	options := lab.EnterOptions{Progress: os.Stdout, Before: tell.outlook}
	if *asJSON {
		options = lab.EnterOptions{} // progress to standard error
	}
	if err := lab.Enter(options); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	err := errors.Join(run(ctx, *keep, tell), tell.write(*page))
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}

// run tells the whole scenario, or without a data plane what is possible.
func run(ctx context.Context, keep bool, tell *teller) error {
	tell.chapter("Two clusters start: real kube-apiservers, real istiods, real sidecars")
	err := inLab(ctx, tell, lab.Options{
		Clusters:  []lab.ClusterOptions{{ID: "cluster-1", Hosted: true}, {ID: "cluster-2", Istiods: 2}},
		DataPlane: &lab.DataPlane{},
	}, func(m *mesh) error {
		if why := m.lab.DataPlaneErr(); why != nil {
			return noDataPlane{why}
		}
		return m.scenario(ctx, tell, keep)
	})
	var without noDataPlane
	if !errors.As(err, &without) {
		return errors.Join(err, ending(err, tell))
	}
	tell.skipped(without.why)
	err = inLab(ctx, tell, lab.Options{}, func(m *mesh) error { return m.story(ctx, tell, keep) })
	return errors.Join(err, ending(err, tell))
}

// noDataPlane says that this machine cannot run sidecars.
type noDataPlane struct{ why error }

func (e noDataPlane) Error() string { return e.why.Error() }

func ending(err error, tell *teller) error {
	if err != nil {
		return nil
	}
	return tell.end()
}

// inLab starts clusters, connects the SDK to them, which is all that a user's program needs, and closes them afterwards.
func inLab(ctx context.Context, tell *teller, o lab.Options, do func(*mesh) error) (err error) {
	o.Progress = tell.progress
	l, err := lab.Start(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	m := &mesh{lab: l}
	for i, c := range l.Clusters {
		id, err := peering.ParseID(c.ID)
		if err != nil {
			return err
		}
		// Loopback addresses are refused elsewhere: no istiod on another machine could use them.
		options := peering.ConnectOptions{AllowLoopback: l.Loopback}
		if len(o.Clusters) > 0 {
			options.Hosted = o.Clusters[i].Hosted
		}
		member, err := peering.Connect(id, c.Config, options)
		if err != nil {
			return err
		}
		m.clusters = append(m.clusters, member)
	}
	return do(m)
}
