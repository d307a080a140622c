package preflight

import (
	"context"
	"slices"

	networkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	securityv1 "istio.io/client-go/pkg/apis/security/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	knetworkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// The kinds that are read. Istio's are asked for as v1beta1, which every version still serves: v1 came with 1.22
// (Istio manifests/charts/base/files/crd-all.gen.yaml).
const (
	istioNetworking = "networking.istio.io/v1beta1"
	istioSecurity   = "security.istio.io/v1beta1"
	asmGroup        = "istio.alibabacloud.com/v1beta1"
)

// kind is one that is read: its name, and its Go type.
type kind[T Object] struct {
	apiVersion, name string
	empty            func() T
}

func kindOf[S any, T interface {
	*S
	Object
}](apiVersion, name string) kind[T] {
	return kind[T]{apiVersion, name, func() T { return new(S) }}
}

// of is what a [Reader] is asked for.
func (k kind[T]) of(namespace, name string) T {
	o := k.empty()
	o.GetObjectKind().SetGroupVersionKind(schema.FromAPIVersionAndKind(k.apiVersion, k.name))
	o.SetNamespace(namespace)
	o.SetName(name)
	return o
}

var (
	kindNamespace     = kindOf[corev1.Namespace]("v1", "Namespace")
	kindPod           = kindOf[corev1.Pod]("v1", "Pod")
	kindNode          = kindOf[corev1.Node]("v1", "Node")
	kindSecret        = kindOf[corev1.Secret]("v1", "Secret")
	kindSecretName    = kindOf[metav1.PartialObjectMetadata]("v1", "Secret")
	kindConfigMap     = kindOf[corev1.ConfigMap]("v1", "ConfigMap")
	kindService       = kindOf[corev1.Service]("v1", "Service")
	kindDeployment    = kindOf[appsv1.Deployment]("apps/v1", "Deployment")
	kindEndpointSlice = kindOf[discoveryv1.EndpointSlice]("discovery.k8s.io/v1", "EndpointSlice")
	kindNetworkPolicy = kindOf[knetworkingv1.NetworkPolicy]("networking.k8s.io/v1", "NetworkPolicy")

	kindGateway             = kindOf[networkingv1.Gateway](istioNetworking, "Gateway")
	kindDestinationRule     = kindOf[networkingv1.DestinationRule](istioNetworking, "DestinationRule")
	kindVirtualService      = kindOf[networkingv1.VirtualService](istioNetworking, "VirtualService")
	kindSidecar             = kindOf[networkingv1.Sidecar](istioNetworking, "Sidecar")
	kindPeerAuthentication  = kindOf[securityv1.PeerAuthentication](istioSecurity, "PeerAuthentication")
	kindAuthorizationPolicy = kindOf[securityv1.AuthorizationPolicy](istioSecurity, "AuthorizationPolicy")

	// There are no Go types for these here.
	kindASMMeshConfig  = kindOf[unstructured.Unstructured](asmGroup, "ASMMeshConfig")
	kindIstioGateway   = kindOf[unstructured.Unstructured](asmGroup, "IstioGateway")
	kindAPIGateway     = kindOf[unstructured.Unstructured](gatewayGroup+"/v1", "Gateway")
	kindAPIGatewayBeta = kindOf[unstructured.Unstructured](gatewayGroup+"/v1beta1", "Gateway")
)

// onlyASM skips what Istio as such does not have.
func onlyASM(_ context.Context, f *facts) *verdict {
	if f.Flavour == ASM {
		return nil
	}
	v := skip("", "the mesh is not ASM")
	return &v
}

// asmRemoteControlPlane: an istiod of From's own is switched on in the ASM instance, under the cluster's ID (ASM, "Reduce
// push latency using ASM remote control plane").
func asmRemoteControlPlane(ctx context.Context, f *facts) []verdict {
	if f.From.Hosted {
		return one(skip(f.from.name, "its control plane is the managed one"))
	}
	o, err := get(ctx, f.config, kindASMMeshConfig, "", "default")
	if err != nil {
		return one(unread(f.config.name, err))
	}
	subject := f.config.object(o)
	configured, _, err := unstructured.NestedMap(o.Object, "spec", "externalIstiodConfigurations")
	if err != nil {
		return one(unknown(subject, "see the ASM console", "spec.externalIstiodConfigurations does not have the documented form"))
	}
	if _, found := configured[f.From.ID]; !found {
		return one(fail(subject, "add the cluster to spec.externalIstiodConfigurations, with the ASM instance's kubeconfig",
			"externalIstiodConfigurations names %q, not %q", sortedKeys(configured), f.From.ID))
	}
	return one(pass(subject, "externalIstiodConfigurations names %q", f.From.ID))
}

// asmGateway: gateways of ASM are IstioGateway objects. Whether that of the cross-cluster network is one is not documented,
// so finding none is not a failure.
func asmGateway(ctx context.Context, f *facts) []verdict {
	all, err := list(ctx, f.config, kindIstioGateway, "istio-system", "")
	if err != nil {
		return one(unread(f.config.name, err))
	}
	var names []string
	for _, o := range all {
		if clusters, _, _ := unstructured.NestedStringSlice(o.Object, "spec", "clusterIds"); slices.Contains(clusters, f.To.ID) {
			names = append(names, o.GetName())
		}
	}
	if len(names) == 0 {
		return one(unknown(f.config.name, "see the gateways of cluster "+f.To.ID+" in the ASM console", "no IstioGateway names cluster %q", f.To.ID))
	}
	slices.Sort(names)
	return one(pass(f.config.name, "IstioGateways of the cluster: %q", names))
}

// istioCRDs tells where mesh configuration is kept. An ACK cluster of ASM may hold none at all.
func istioCRDs(ctx context.Context, f *facts) []verdict {
	mesh := f.meshOf(f.from)
	for _, read := range []func() error{
		func() error { _, err := f.destinationRules(ctx); return err },
		func() error { _, err := f.peerAuthentications(ctx, f.from); return err },
	} {
		if err := read(); err != nil && absent(err) {
			return one(fail(mesh.name, "give the API server that holds the mesh configuration as Input.Config", "Istio's kinds are not served: %v", err))
		} else if err != nil {
			return one(unread(mesh.name, err))
		}
	}
	return one(pass(mesh.name, "Istio's networking and security kinds are served"))
}
