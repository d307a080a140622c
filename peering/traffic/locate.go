package traffic

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/meshpeer/meshpeer/internal/kube"
	"github.com/meshpeer/meshpeer/probe"
)

// Locator finds the cluster of a pod of a namespace, by name or by address, and of an east-west gateway by an address of
// its Service: as a proxy of client sees them, for whom pod addresses of other networks mean nothing. Others are the
// clusters that may answer besides. What was read is used for 10 s, unless something is not found.
//
// Gateways that no labelled Service tells of, and those reached through nodes, are not found.
func Locator(namespace string, client Side, others ...Side) probe.Locator {
	return &locator{namespace: namespace, client: client, others: others}
}

type locator struct {
	namespace string
	client    Side
	others    []Side

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
	for _, s := range append([]Side{l.client}, l.others...) {
		names, err := s.locatable(ctx, l.namespace, home)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			if id := s.ID; !slices.Contains(known[name], id) {
				known[name] = append(known[name], id)
			}
		}
	}
	l.known, l.read = known, time.Now()
	return slices.Clone(known[podOrAddress]), nil
}

// locatable are the pods and addresses of a cluster, as a proxy in network home sees them.
func (s Side) locatable(ctx context.Context, namespace, home string) ([]string, error) {
	network, err := s.network(ctx)
	if err != nil {
		return nil, err
	}
	var all []string
	pods, err := kube.ListAs(ctx, s.Objects, &corev1.Pod{ObjectMeta: meta(namespace, "")}, "")
	if err != nil {
		return nil, fmt.Errorf("traffic: pods of namespace %s of %q: %w", namespace, s.ID, err)
	}
	for _, p := range pods {
		all = append(all, p.Name)
		if oneNetwork(home, network) && !p.Spec.HostNetwork {
			for _, ip := range p.Status.PodIPs {
				all = append(all, ip.IP)
			}
		}
	}
	gateways, err := s.gatewayServices(ctx)
	if err != nil {
		return nil, err
	}
	for _, g := range gateways {
		all = append(all, g.Spec.ExternalIPs...)
		for _, in := range g.Status.LoadBalancer.Ingress {
			all = append(all, in.IP, in.Hostname)
		}
	}
	return slices.DeleteFunc(all, func(s string) bool { return s == "" }), nil
}

// oneNetwork says that pods are assumed to reach each other directly: in the same network, or in one without a name (Istio
// pilot/pkg/xds/endpoints/ep_filters.go).
func oneNetwork(a, b string) bool { return a == b || a == "" || b == "" }
