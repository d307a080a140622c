//go:build linux

package service

import (
	"context"
	"encoding/json"
	"net/netip"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
)

// balance gives Services of type LoadBalancer their addresses, as a cloud's controller does.
type balance struct {
	core    rest.Interface
	address func(n int) netip.Addr
	given   map[types.UID]netip.Addr
}

// assign writes addresses into the status of the Services that have none. What fails is tried again with the next change.
func (b *balance) assign(ctx context.Context, services []any) {
	for _, object := range services {
		s := object.(*corev1.Service)
		if s.Spec.Type != corev1.ServiceTypeLoadBalancer || len(s.Status.LoadBalancer.Ingress) > 0 {
			continue
		}
		address, ok := b.given[s.UID]
		if !ok {
			address = b.address(len(b.given) + 1)
			b.given[s.UID] = address
		}
		patch, err := json.Marshal(map[string]any{"status": corev1.ServiceStatus{LoadBalancer: corev1.LoadBalancerStatus{
			Ingress: []corev1.LoadBalancerIngress{{IP: address.String()}},
		}}})
		if err != nil {
			continue
		}
		_ = b.core.Patch(types.MergePatchType).Namespace(s.Namespace).Resource("services").Name(s.Name).
			SubResource("status").Body(patch).Do(ctx).Error()
	}
}
