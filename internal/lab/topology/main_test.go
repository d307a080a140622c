//go:build linux

package topology_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/internal/lab"
	"github.com/meshpeer/meshpeer/peering"
)

func TestMain(m *testing.M) { os.Exit(lab.RunTests(suite{m})) }

// What is awaited is there much sooner; these bound a failure. budget is what the whole suite may take on 2 cores.
const (
	budget   = 3 * time.Minute
	patience = 30 * time.Second
	briefly  = 4 * time.Second // for what never comes
	tick     = 50 * time.Millisecond
)

// suite closes the shared lab when all tests are over, and says what the time was.
type suite struct{ m *testing.M }

func (s suite) Run() int {
	began := time.Now()
	code := s.m.Run()
	if town.lab != nil {
		if code != 0 {
			_ = town.lab.Logs(os.Stderr, 15)
		}
		if err := town.lab.Close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	fmt.Fprintf(os.Stderr, "topology: %.0f s of a budget of %.0f s\n", time.Since(began).Seconds(), budget.Seconds())
	return code
}

// town is the lab with Pods that the tests share. Links stay until it ends: no test needs that there are none.
var town struct {
	once sync.Once
	lab  *lab.Lab
	err  error
}

// The clusters of the town. north and south are on one network, all others on one of their own.
const (
	north = "north" // the trust domain of the lab, and no other; its istiod also serves leaf
	south = "south" // the same, and accepts that of west
	west  = "west"  // a trust domain of its own, and accepts that of the lab
	lone  = "lone"  // a root of its own
	leaf  = "leaf"  // no istiod: served by that of north
)

func townOptions() lab.Options {
	external := map[string]string{"EXTERNAL_ISTIOD": "true"}
	return lab.Options{DataPlane: &lab.DataPlane{NoWorkloads: true}, Clusters: []lab.ClusterOptions{
		{ID: north, Network: "network-1", IstiodEnv: external},
		{ID: south, Network: "network-1", Topology: lab.Topology{TrustDomainAliases: []string{"west.example"}}},
		{ID: west, Network: "network-2", Topology: lab.Topology{TrustDomain: "west.example", TrustDomainAliases: []string{"cluster.local"}}},
		{ID: lone, Network: "network-3", OwnRoot: true},
		{ID: leaf, Network: "network-4", Topology: lab.Topology{ServedBy: north}},
	}}
}

// world is a lab with its clusters as the SDK sees them.
type world struct {
	*lab.Lab
	clusters map[string]*peering.Cluster
}

func inTown(t *testing.T) *world {
	t.Helper()
	lab.RequireDataPlane(t)
	town.once.Do(func() {
		town.lab, town.err = lab.Start(context.Background(), townOptions())
		if town.err == nil {
			town.err = furnish(context.Background(), town.lab, townOptions().Clusters)
		}
	})
	require.NoError(t, town.err)
	return connect(t, town.lab)
}

// furnish adds what the lab leaves out, to clusters with istiods of their own.
func furnish(ctx context.Context, l *lab.Lab, all []lab.ClusterOptions) error {
	for _, o := range all {
		if o.Topology.ServedBy != "" {
			continue
		}
		if err := errors.Join(publishMesh(ctx, l.Cluster(o.ID), o.Topology), inhabit(ctx, l, o.ID)); err != nil {
			return err
		}
	}
	for _, o := range all {
		if o.Topology.ServedBy != "" {
			continue
		}
		if err := awaitInhabitants(ctx, l, o.ID); err != nil {
			return err
		}
	}
	return nil
}

// publishMesh writes the ConfigMap in which Istio's charts keep the mesh configuration; the lab's istiods have a file.
func publishMesh(ctx context.Context, c *lab.Cluster, o lab.Topology) error {
	mesh := "rootNamespace: istio-system\n"
	if o.TrustDomain != "" {
		mesh += "trustDomain: " + o.TrustDomain + "\n"
	}
	for i, alias := range o.TrustDomainAliases {
		if i == 0 {
			mesh += "trustDomainAliases:\n"
		}
		mesh += "- " + alias + "\n"
	}
	cluster, err := reach(c)
	if err != nil {
		return err
	}
	_, err = cluster.Objects.Create(ctx, &corev1.ConfigMap{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: metav1.ObjectMeta{Namespace: "istio-system", Name: "istio"},
		Data:       map[string]string{"mesh": mesh, "meshNetworks": "networks: {}\n"},
	})
	return err
}

// reach is a cluster of the lab as the SDK sees it.
func reach(c *lab.Cluster) (*peering.Cluster, error) {
	id, err := peering.ParseID(c.ID)
	if err != nil {
		return nil, err
	}
	return peering.Connect(id, c.Config, peering.ConnectOptions{})
}

func connect(t *testing.T, l *lab.Lab) *world {
	t.Helper()
	w := &world{Lab: l, clusters: map[string]*peering.Cluster{}}
	for _, c := range l.Clusters {
		cluster, err := reach(c)
		require.NoError(t, err)
		w.clusters[c.ID] = cluster
	}
	return w
}

// link leads from one cluster to another.
func (w *world) link(from, to string) peering.Link {
	return peering.Link{From: w.clusters[from], To: w.clusters[to]}
}
