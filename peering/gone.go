package peering

import (
	"context"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/peering/istiod"
)

// stillThere is what of a loss still exists in To: a service that ended meanwhile was not for istiod to keep. Of gateways, and of
// services whose state the caller may not see, the worse is taken.
func (t *task) stillThere(ctx context.Context, lost *istiod.Holding) (*istiod.Holding, error) {
	var there []istiod.Service
	for _, s := range lost.Services() {
		serves, err := t.to.serves(ctx, s)
		if err != nil {
			return nil, err
		}
		if serves {
			there = append(there, s)
		}
	}
	gateways := lost.Gateways()
	if len(there) == 0 && len(gateways) == 0 {
		return nil, nil
	}
	return istiod.NewHolding(there, gateways), nil
}

// serves says whether a service of the mesh has an endpoint in this cluster, or may have.
func (s *snapshot) serves(ctx context.Context, service istiod.Service) (bool, error) {
	name, rest, _ := strings.Cut(service.Host, ".")
	if !strings.HasPrefix(rest, service.Namespace+".svc.") {
		return true, nil // not a Service of Kubernetes
	}
	kind := metav1.TypeMeta{APIVersion: "v1", Kind: "Service"}
	_, err := s.objects.Get(ctx, &corev1.Service{TypeMeta: kind, ObjectMeta: metav1.ObjectMeta{Namespace: service.Namespace, Name: name}})
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err == nil {
		kind = metav1.TypeMeta{APIVersion: discoveryv1.SchemeGroupVersion.String(), Kind: "EndpointSlice"}
		like := &discoveryv1.EndpointSlice{TypeMeta: kind, ObjectMeta: metav1.ObjectMeta{Namespace: service.Namespace}}
		var slices []*discoveryv1.EndpointSlice
		if slices, err = list(ctx, s.objects, like, discoveryv1.LabelServiceName+"="+name); err == nil {
			return ready(slices), nil
		}
	}
	if apierrors.IsForbidden(err) {
		return true, nil
	}
	return true, err
}

// ready says whether some endpoint takes traffic. Nil means ready.
func ready(all []*discoveryv1.EndpointSlice) bool {
	for _, slice := range all {
		for _, e := range slice.Endpoints {
			if e.Conditions.Ready == nil || *e.Conditions.Ready {
				return true
			}
		}
	}
	return false
}
