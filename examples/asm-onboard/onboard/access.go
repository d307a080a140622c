package onboard

import (
	"context"
	"errors"
	"os"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/peering"

	"github.com/meshpeer/meshpeer/examples/asm-onboard/asmapi"
)

const (
	life    = 15 * time.Minute // of a kubeconfig: the least that Container Service gives
	lasting = 5 * time.Minute  // one that ends sooner is not worth starting with
	tries   = 3                // for one that has not ended when it comes
)

// keys open clusters for a while. They are in memory only.
type keys struct {
	api     asmapi.API
	private bool
	now     func() time.Time
	held    map[peering.ID]asmapi.Kubeconfig
}

// of is a kubeconfig that is good for a while, the one that is held or a new one.
func (k *keys) of(ctx context.Context, m Member) (asmapi.Kubeconfig, error) {
	if m.Kubeconfig != "" {
		text, err := os.ReadFile(m.Kubeconfig)
		return asmapi.NewKubeconfig(string(text), time.Time{}), err
	}
	if held, ok := k.held[m.ID]; ok && held.Expires().Sub(k.now()) >= lasting {
		return held, nil
	}
	for range tries {
		fresh, err := k.api.DescribeClusterUserKubeconfig(ctx, m.ID.String(), k.private, life)
		if err != nil {
			return fresh, err
		}
		if fresh.Expires().Sub(k.now()) >= lasting {
			k.held[m.ID] = fresh
			return fresh, nil
		}
	}
	return asmapi.Kubeconfig{}, &Error{
		Err:  errors.New("every kubeconfig that Container Service hands out has ended, or ends within 5 minutes"),
		Hint: "see that this machine's clock is right, and run it again",
	}
}

// open connects a cluster. It does not look at it.
func (r *run) open(ctx context.Context, m Member, hosted bool) (*peering.Cluster, error) {
	key, err := r.keys.of(ctx, m)
	if err != nil {
		return nil, err
	}
	config, err := key.REST()
	if err != nil {
		return nil, &Error{Err: errors.New("its kubeconfig is no use: " + err.Error()), Hint: "give a kubeconfig file of its own in mesh.yaml"}
	}
	return r.Connect(m.ID, config, peering.ConnectOptions{Hosted: hosted, Endpoint: m.Endpoint})
}

// access tries to read every cluster before anything is written: one that cannot be reached from here could be added, and not
// peered.
func (r *run) access(ctx context.Context) error {
	return each(r.Mesh.Clusters, func(m Member) error { return r.try(ctx, m) })
}

// try reads a cluster, with a new kubeconfig if its API server refuses the one that is held.
func (r *run) try(ctx context.Context, m Member) error {
	var err error
	for range 2 {
		var c *peering.Cluster
		if c, err = r.open(ctx, m, true); err != nil {
			return err
		}
		_, err = c.Objects.Get(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: metav1.NamespaceSystem}})
		if !apierrors.IsUnauthorized(err) {
			break
		}
		r.Log.Warn("kubeconfig refused, asking for another", "cluster", m.ID)
		delete(r.keys.held, m.ID)
	}
	switch {
	case err == nil:
		return nil
	case apierrors.IsUnauthorized(err):
		return &Error{
			Err:  errors.New("its API server refuses new kubeconfigs, too"),
			Hint: "see that the caller's RAM user has not lost its permission for the cluster",
		}
	case apierrors.IsForbidden(err):
		return &Error{
			Err:  errors.New("the caller may not read namespaces there"),
			Hint: "grant it under Authorizations in the console of Container Service: docs/rights.md lists what peering needs",
		}
	}
	return &Error{
		Err:  errors.New("its API server cannot be read from here: " + asmapi.Clean(err.Error())),
		Hint: "reach it by a public endpoint, or run this inside of the VPC with private: true",
	}
}

// connect are the wanted clusters of the mesh as peering sees them, each with a kubeconfig that lasts.
func (r *run) connect(ctx context.Context) (map[peering.ID]*peering.Cluster, error) {
	all := map[peering.ID]*peering.Cluster{}
	return all, each(r.Mesh.Clusters, func(m Member) (err error) {
		if !r.joined[m.ID] {
			return nil
		}
		all[m.ID], err = r.open(ctx, m, !r.own[m.ID])
		return err
	})
}
