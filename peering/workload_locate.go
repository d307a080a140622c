package peering

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/probe"
)

// labelNetwork is on system namespaces and on the Services of east-west gateways (Istio
// pilot/pkg/serviceregistry/kube/controller/network.go).
const labelNetwork = "topology.istio.io/network"

// Locator finds the cluster of a pod of a namespace, by name or by address, and of an east-west gateway by an address of
// its Service: as a proxy of client sees them, for whom pod addresses of other networks mean nothing. Others are the
// clusters that may answer besides. What was read is used for 10 s, unless something is not found.
//
// Gateways that no labelled Service tells of, and those reached through nodes, are not found.
func Locator(namespace string, client *Cluster, others ...*Cluster) probe.Locator {
	return &locator{namespace: namespace, client: client, others: others}
}

type locator struct {
	namespace string
	client    *Cluster
	others    []*Cluster

	mu    sync.Mutex
	read  time.Time
	known map[string][]string
}

const locatorAge = 10 * time.Second

// Locate implements [probe.Locator].
func (l *locator) Locate(ctx context.Context, podOrAddress string) ([]string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if found := l.known[podOrAddress]; found != nil && time.Since(l.read) < locatorAge {
		return slices.Clone(found), nil
	}
	known := map[string][]string{}
	home, err := l.client.network(ctx)
	if err != nil {
		return nil, err
	}
	for _, c := range append([]*Cluster{l.client}, l.others...) {
		names, err := c.locatable(ctx, l.namespace, home)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			if id := c.ID.String(); !slices.Contains(known[name], id) {
				known[name] = append(known[name], id)
			}
		}
	}
	l.known, l.read = known, time.Now()
	return slices.Clone(known[podOrAddress]), nil
}

// locatable are the pods and addresses of a cluster, as a proxy in network home sees them.
func (c *Cluster) locatable(ctx context.Context, namespace, home string) ([]string, error) {
	network, err := c.network(ctx)
	if err != nil {
		return nil, err
	}
	var all []string
	pods, err := list(ctx, c.Objects, &corev1.Pod{ObjectMeta: meta(namespace, "")}, "")
	if err != nil {
		return nil, fmt.Errorf("peering: pods of namespace %s of %q: %w", namespace, c.ID, err)
	}
	for _, p := range pods {
		all = append(all, p.Name)
		if oneNetwork(home, network) && !p.Spec.HostNetwork {
			for _, ip := range p.Status.PodIPs {
				all = append(all, ip.IP)
			}
		}
	}
	gateways, err := c.gatewayServices(ctx)
	if err != nil {
		return nil, err
	}
	for _, s := range gateways {
		all = append(all, s.Spec.ExternalIPs...)
		for _, in := range s.Status.LoadBalancer.Ingress {
			all = append(all, in.IP, in.Hostname)
		}
	}
	return slices.DeleteFunc(all, func(s string) bool { return s == "" }), nil
}

// gatewayServices are those labelled with a network, in every namespace, or where the caller may not look everywhere in the
// system namespace.
func (c *Cluster) gatewayServices(ctx context.Context) ([]*corev1.Service, error) {
	like := &corev1.Service{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Service"}}
	found, err := list(ctx, c.Objects, like, labelNetwork)
	if apierrors.IsForbidden(err) {
		like.Namespace = c.namespace()
		found, err = list(ctx, c.Objects, like, labelNetwork)
	}
	if err != nil {
		return nil, fmt.Errorf("peering: gateway Services of %q: %w", c.ID, err)
	}
	return found, nil
}

// network of the cluster's pods, unless they are labelled themselves: that of the system namespace.
func (c *Cluster) network(ctx context.Context) (string, error) {
	o, err := c.Objects.Get(ctx, &corev1.Namespace{ObjectMeta: meta("", c.namespace())})
	if err != nil {
		return "", fmt.Errorf("peering: system namespace of %q: %w", c.ID, err)
	}
	return o.GetLabels()[labelNetwork], nil
}

// oneNetwork says that pods are assumed to reach each other directly: in the same network, or in one without a name (Istio
// pilot/pkg/xds/endpoints/ep_filters.go).
func oneNetwork(a, b string) bool { return a == b || a == "" || b == "" }
