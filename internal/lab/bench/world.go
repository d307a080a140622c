//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"k8s.io/client-go/kubernetes"

	"github.com/meshpeer/meshpeer/internal/lab"
	"github.com/meshpeer/meshpeer/peering"
)

// world is a running lab.
type world struct {
	members []*member
}

// member is a cluster of the lab: as it runs, as the SDK sees it, and as client-go does.
type member struct {
	*lab.Cluster
	sdk      *peering.Cluster
	client   kubernetes.Interface
	loopback bool
}

// pair is a link for those who do it by hand.
type pair struct{ from, to *member }

// inLab starts clusters, does something with them and stops them.
func inLab(ctx context.Context, b *bench, o lab.Options, do func(*world) error) (err error) {
	o.Progress = func(line string) { b.say("  %s", line) }
	l, err := lab.Start(ctx, o)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = l.Logs(os.Stderr, 15)
		}
		err = errors.Join(err, l.Close())
	}()
	if o.DataPlane != nil && l.DataPlaneErr() != nil {
		return l.DataPlaneErr()
	}
	w := &world{}
	for _, c := range l.Clusters {
		m, err := connect(l, c)
		if err != nil {
			return err
		}
		w.members = append(w.members, m)
	}
	return do(w)
}

func connect(l *lab.Lab, c *lab.Cluster) (*member, error) {
	id, err := peering.ParseID(c.ID)
	if err != nil {
		return nil, err
	}
	sdk, err := peering.Connect(id, c.Config, peering.ConnectOptions{AllowLoopback: l.Loopback})
	if err != nil {
		return nil, err
	}
	client, err := unlimited(c.Config)
	if err != nil {
		return nil, err
	}
	return &member{Cluster: c, sdk: sdk, client: client, loopback: l.Loopback}, nil
}

// mesh are the links of all members, for the SDK and by hand, in the same order.
func (w *world) mesh() ([]peering.Link, []pair) {
	var links []peering.Link
	var pairs []pair
	for _, from := range w.members {
		for _, to := range w.members {
			if from != to {
				links, pairs = append(links, peering.Link{From: from.sdk, To: to.sdk}), append(pairs, pair{from, to})
			}
		}
	}
	return links, pairs
}

// each does n things at once and joins what went wrong.
func each(n int, do func(int) error) error {
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { errs[i] = do(i) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// awaitSynced polls the istiods, past the API server, until all of them have read the cluster.
func (m *member) awaitSynced(ctx context.Context, id string) error {
	return m.awaitIstiods(ctx, id+" synced", func(known []lab.RemoteCluster) bool {
		for _, c := range known {
			if c.ID == id && c.SyncStatus == "synced" {
				return true
			}
		}
		return false
	})
}

// awaitAlone polls the istiods until none of them reads another cluster.
func (m *member) awaitAlone(ctx context.Context) error {
	return m.awaitIstiods(ctx, "no other cluster", func(known []lab.RemoteCluster) bool {
		for _, c := range known {
			if c.SecretName != "" {
				return false
			}
		}
		return true
	})
}

func (m *member) awaitIstiods(ctx context.Context, what string, enough func([]lab.RemoteCluster) bool) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("istiod of %s: %s: not after %s", m.ID, what, patience))
	defer cancel()
	return each(len(m.Istiods), func(i int) error {
		return poll(ctx, func() (bool, error) {
			known, err := m.Istiods[i].Clusterz(ctx)
			return err == nil && enough(known), err
		})
	})
}
