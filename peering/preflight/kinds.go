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
)

// The kinds that are read. Istio's are asked for as v1beta1, which every version still serves: v1 came with 1.22
// (Istio manifests/charts/base/files/crd-all.gen.yaml).
const (
	istioNetworking = "networking.istio.io/v1beta1"
	istioSecurity   = "security.istio.io/v1beta1"
	asmGroup        = "istio.alibabacloud.com/v1beta1"
)

func kindOf(apiVersion, kind string) metav1.TypeMeta {
	return metav1.TypeMeta{APIVersion: apiVersion, Kind: kind}
}

func named(namespace, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: name}
}

func namespace(name string) *corev1.Namespace {
	return &corev1.Namespace{TypeMeta: kindOf("v1", "Namespace"), ObjectMeta: named("", name)}
}

func pods(namespace string) *corev1.Pod {
	return &corev1.Pod{TypeMeta: kindOf("v1", "Pod"), ObjectMeta: named(namespace, "")}
}

func node() *corev1.Node {
	return &corev1.Node{TypeMeta: kindOf("v1", "Node")}
}

func secret(namespace, name string) *corev1.Secret {
	return &corev1.Secret{TypeMeta: kindOf("v1", "Secret"), ObjectMeta: named(namespace, name)}
}

func configMap(namespace, name string) *corev1.ConfigMap {
	return &corev1.ConfigMap{TypeMeta: kindOf("v1", "ConfigMap"), ObjectMeta: named(namespace, name)}
}

func service(namespace, name string) *corev1.Service {
	return &corev1.Service{TypeMeta: kindOf("v1", "Service"), ObjectMeta: named(namespace, name)}
}

func deployment(namespace, name string) *appsv1.Deployment {
	return &appsv1.Deployment{TypeMeta: kindOf("apps/v1", "Deployment"), ObjectMeta: named(namespace, name)}
}

func endpointSlices(namespace string) *discoveryv1.EndpointSlice {
	return &discoveryv1.EndpointSlice{TypeMeta: kindOf("discovery.k8s.io/v1", "EndpointSlice"), ObjectMeta: named(namespace, "")}
}

func networkPolicies(namespace string) *knetworkingv1.NetworkPolicy {
	return &knetworkingv1.NetworkPolicy{TypeMeta: kindOf("networking.k8s.io/v1", "NetworkPolicy"), ObjectMeta: named(namespace, "")}
}

func gateways() *networkingv1.Gateway {
	return &networkingv1.Gateway{TypeMeta: kindOf(istioNetworking, "Gateway")}
}

func destinationRules() *networkingv1.DestinationRule {
	return &networkingv1.DestinationRule{TypeMeta: kindOf(istioNetworking, "DestinationRule")}
}

func virtualServices() *networkingv1.VirtualService {
	return &networkingv1.VirtualService{TypeMeta: kindOf(istioNetworking, "VirtualService")}
}

func sidecars() *networkingv1.Sidecar {
	return &networkingv1.Sidecar{TypeMeta: kindOf(istioNetworking, "Sidecar")}
}

func peerAuthentications() *securityv1.PeerAuthentication {
	return &securityv1.PeerAuthentication{TypeMeta: kindOf(istioSecurity, "PeerAuthentication")}
}

func authorizationPolicies() *securityv1.AuthorizationPolicy {
	return &securityv1.AuthorizationPolicy{TypeMeta: kindOf(istioSecurity, "AuthorizationPolicy")}
}

// asmObject is of a group for which there are no Go types.
func asmObject(kind, namespace, name string) *unstructured.Unstructured {
	u := &unstructured.Unstructured{}
	u.SetAPIVersion(asmGroup)
	u.SetKind(kind)
	u.SetNamespace(namespace)
	u.SetName(name)
	return u
}

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
	o, err := get(ctx, f.config, asmObject("ASMMeshConfig", "", "default"))
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
	all, err := list(ctx, f.config, asmObject("IstioGateway", "istio-system", ""), "")
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
