package preflight

import (
	"context"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
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
	o, err := get(ctx, f.config, asmObject("ASMMeshConfig", "", "default"))
	if err != nil {
		return one(unread(f.config.name, err))
	}
	subject := f.config.object(o)
	configured, _, err := unstructured.NestedMap(o.Object, "spec", "externalIstiodConfigurations")
	if err != nil {
		return one(unknown(subject, "see the ASM console", "spec.externalIstiodConfigurations has another form than is documented"))
	}
	if _, found := configured[f.From.ID]; !found {
		return one(fail(subject, "add the cluster to spec.externalIstiodConfigurations, with the ASM instance's kubeconfig",
			"externalIstiodConfigurations names %q, not %q", sortedKeys(configured), f.From.ID))
	}
	return one(pass(subject, "externalIstiodConfigurations names %q", f.From.ID))
}

// asmGateway: gateways of ASM are IstioGateway objects. Whether that of the cross-cluster network is one is not documented,
// so that none found is no failure.
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
