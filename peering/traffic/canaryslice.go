package traffic

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/internal/apply"
	"github.com/meshpeer/meshpeer/internal/kube"
	"github.com/meshpeer/meshpeer/internal/names"
)

const (
	// canaryService is the Service that canaries say they are of. There is none, so that nothing is sent to them. All share the
	// name, because an istiod keeps that of a Service whose endpoints went for as long as it runs.
	canaryService = "meshpeer-canary"
	managedBy     = "meshpeer"

	canaryLabel      = "meshpeer.io/canary"       // whose istiods are looked at
	canaryAnnotation = "meshpeer.io/canary-until" // RFC 3339: after it, anybody may delete the canary

	canaryPort = int32(9) // discard
)

var sliceKind = metav1.TypeMeta{APIVersion: "discovery.k8s.io/v1", Kind: "EndpointSlice"}

// slice is a canary that is new, of a name that nobody else makes. The name of its port is the nonce of the run.
func (f Freshness) slice(from Side) *discoveryv1.EndpointSlice {
	run, port, protocol := strings.ToLower(rand.Text()[:12]), canaryPort, corev1.ProtocolTCP
	return &discoveryv1.EndpointSlice{
		TypeMeta: sliceKind,
		ObjectMeta: metav1.ObjectMeta{
			Namespace: f.Namespace, Name: canaryService + "-" + names.Label(from.ID) + "-" + run,
			Labels: map[string]string{
				labelManagedBy: managedBy, canaryLabel: names.Label(from.ID), discoveryv1.LabelServiceName: canaryService,
				discoveryv1.LabelManagedBy: managedBy, // Kubernetes' own controllers keep off
				corev1.IsHeadlessService:   "",        // kube-proxy does not watch it (cmd/kube-proxy/app/server.go)
			},
			Annotations: map[string]string{},
		},
		AddressType: discoveryv1.AddressTypeIPv4,
		Ports:       []discoveryv1.EndpointPort{{Name: &run, Port: &port, Protocol: &protocol}},
	}
}

// sweep deletes canaries whose deadline is over, as they were when they were listed: one that is looked at again stays.
func (f Freshness) sweep(ctx context.Context, objects apply.Objects, to Side) (removed []string, err error) {
	like := &discoveryv1.EndpointSlice{TypeMeta: sliceKind, ObjectMeta: meta(f.Namespace, "")}
	all, err := kube.ListAs(ctx, objects, like, labelManagedBy+"="+managedBy+","+canaryLabel)
	if err != nil {
		return nil, fmt.Errorf("traffic: canaries that were left in namespace %s of %q: %w", f.Namespace, to.ID, err)
	}
	var failed []error
	for _, s := range all {
		name := apply.Name(s) + " of " + to.ID
		until, err := time.Parse(time.RFC3339, s.Annotations[canaryAnnotation])
		if err != nil {
			failed = append(failed, fmt.Errorf("traffic: %s has no deadline that can be read: delete it by hand", name))
			continue
		}
		if time.Now().Before(until) {
			continue
		}
		gone := &discoveryv1.EndpointSlice{TypeMeta: sliceKind, ObjectMeta: meta(s.Namespace, s.Name)}
		gone.UID, gone.ResourceVersion = s.UID, s.ResourceVersion
		switch err := objects.Delete(ctx, gone); {
		case err == nil:
			removed = append(removed, name)
		case !apierrors.IsNotFound(err) && !apierrors.IsConflict(err): // another has deleted it, or looks again
			failed = append(failed, fmt.Errorf("traffic: %s is left behind: %w", name, err))
		}
	}
	return removed, errors.Join(failed...)
}

// writable is the API server with the calls that a [Side] does not ask of everybody.
func (s Side) writable() (apply.Objects, error) {
	objects, ok := s.Objects.(apply.Objects)
	if !ok {
		return nil, fmt.Errorf("traffic: the Side.Objects of %q has no Create and Delete, as every peering.Objects has", s.ID)
	}
	return apply.Steady(objects, apply.Policy{}), nil
}
