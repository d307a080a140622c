//go:build linux

package service

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"

	"github.com/meshpeer/meshpeer/internal/lab/kubeapi"
)

// Table follows the Services and EndpointSlices of one cluster.
type Table struct {
	services, slices cache.Store
	changed          chan struct{}
	wait             sync.WaitGroup
}

// Watch starts to follow a cluster until ctx ends. Both clients are needed: see kubeapi.Core and kubeapi.Discovery.
func Watch(ctx context.Context, core, discovery rest.Interface) *Table {
	t := &Table{changed: make(chan struct{}, 1)}
	note := func() {
		select {
		case t.changed <- struct{}{}:
		default:
		}
	}
	handler := cache.ResourceEventHandlerFuncs{
		AddFunc: func(any) { note() }, UpdateFunc: func(any, any) { note() }, DeleteFunc: func(any) { note() },
	}
	t.services = kubeapi.Watch(ctx, core, "services", &corev1.Service{}, handler)
	t.slices = kubeapi.Watch(ctx, discovery, "endpointslices", &discoveryv1.EndpointSlice{}, handler)
	return t
}

// Wait returns when everything that was started for the table has ended, after the ends of their contexts.
func (t *Table) Wait() { t.wait.Wait() }

// resolve answers an A question for a name below svc.cluster.local: the ClusterIP, or the ready endpoints of a headless
// Service.
func (t *Table) resolve(name string) ([]netip.Addr, bool) {
	rest, ok := strings.CutSuffix(strings.ToLower(strings.TrimSuffix(name, ".")), ".svc.cluster.local")
	service, namespace, two := strings.Cut(rest, ".")
	if !ok || !two {
		return nil, false
	}
	object, found, err := t.services.GetByKey(namespace + "/" + service)
	if err != nil || !found {
		return nil, false
	}
	s := object.(*corev1.Service)
	if ip, err := netip.ParseAddr(s.Spec.ClusterIP); err == nil {
		return []netip.Addr{ip}, true
	}
	var all []netip.Addr
	for _, e := range t.endpoints(s, "") {
		all = append(all, e.Addr())
	}
	return all, true
}

// endpoints are the ready ones behind a port of a Service; the port "" of a headless one may be any.
func (t *Table) endpoints(s *corev1.Service, port string) []netip.AddrPort {
	var all []netip.AddrPort
	for _, object := range t.slices.List() {
		slice := object.(*discoveryv1.EndpointSlice)
		if slice.Namespace != s.Namespace || slice.Labels[discoveryv1.LabelServiceName] != s.Name {
			continue
		}
		for _, p := range slice.Ports {
			if p.Port == nil || p.Name == nil || *p.Name != port && s.Spec.ClusterIP != corev1.ClusterIPNone {
				continue
			}
			for _, e := range slice.Endpoints {
				if e.Conditions.Ready != nil && !*e.Conditions.Ready {
					continue
				}
				for _, a := range e.Addresses {
					if ip, err := netip.ParseAddr(a); err == nil {
						all = append(all, netip.AddrPortFrom(ip, uint16(*p.Port)))
					}
				}
			}
		}
	}
	return all
}

// wanted is where to listen for whom: every TCP address of a Service with ready endpoints.
func (t *Table) wanted() map[string][]netip.AddrPort {
	all := map[string][]netip.AddrPort{}
	for _, object := range t.services.List() {
		s := object.(*corev1.Service)
		for _, p := range s.Spec.Ports {
			if p.Protocol != corev1.ProtocolTCP && p.Protocol != "" {
				continue
			}
			ends := t.endpoints(s, p.Name)
			if len(ends) == 0 {
				continue
			}
			for _, address := range addresses(s) {
				all[net.JoinHostPort(address, strconv.Itoa(int(p.Port)))] = ends
			}
		}
	}
	return all
}

func addresses(s *corev1.Service) []string {
	var all []string
	if ip, err := netip.ParseAddr(s.Spec.ClusterIP); err == nil {
		all = append(all, ip.String())
	}
	for _, in := range s.Status.LoadBalancer.Ingress {
		all = append(all, in.IP)
	}
	return all
}

func errorf(format string, args ...any) error { return fmt.Errorf("service: "+format, args...) }
