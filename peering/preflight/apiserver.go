package preflight

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/version"
)

// onlyBound skips what matters to tokens by TokenRequest.
func onlyBound(_ context.Context, f *facts) *verdict {
	if f.Bound {
		return nil
	}
	v := skip("", "no token is asked for by TokenRequest")
	return &v
}

// tokenRequestServed: without it only token Secrets are left.
func tokenRequestServed(ctx context.Context, f *facts) []verdict {
	v, err := f.to.tokenRequest(ctx)
	if err != nil {
		return one(unread(f.to.name, err))
	}
	return one(v)
}

func (s *server) tokenRequest(ctx context.Context) (verdict, error) {
	if s.Ask == nil {
		return verdict{}, s.lacks(ctx, "Ask")
	}
	return fact(ctx, s, key{what: "TokenRequest"}, func(ctx context.Context) (verdict, error) {
		answer, err := s.ask(ctx, "/api/v1")
		if err != nil {
			return verdict{}, err
		}
		var served metav1.APIResourceList
		if err := json.Unmarshal(answer.Body, &served); err != nil {
			return unknown(s.name, "give the address of a Kubernetes API server", "/api/v1 does not answer with a list of resources: %v", err), nil
		}
		if !slices.ContainsFunc(served.APIResources, func(r metav1.APIResource) bool { return r.Name == "serviceaccounts/token" }) {
			return fail(s.name, "use token Secrets", "serviceaccounts/token is not served"), nil
		}
		return pass(s.name, "serviceaccounts/token is served"), nil
	})
}

// told is what an API server says of itself.
type told struct {
	kubernetes string // its version, as it says it
	release    release
	known      bool // release is what kubernetes says
	date       time.Time
	ahead      time.Duration // of its clock against the local one, to the second
}

func (s *server) version(ctx context.Context) (told, error) {
	if s.Ask == nil {
		return told{}, s.lacks(ctx, "Ask")
	}
	return fact(ctx, s, key{what: "version"}, func(ctx context.Context) (t told, err error) {
		answer, err := s.ask(ctx, "/version")
		if err != nil {
			return t, err
		}
		var info version.Info
		if json.Unmarshal(answer.Body, &info) == nil {
			t.kubernetes = info.GitVersion
			t.release, t.known = parseRelease(info.GitVersion)
		}
		t.date, t.ahead = answer.Date, answer.Date.Sub(answer.at).Round(time.Second)
		return t, nil
	})
}

// clockSkew compares the clocks of the two API servers by the Date header, to the second. Kubernetes allows a token one
// minute (Kubernetes pkg/serviceaccount/claims.go), Istio back-dates workload certificates by two.
func clockSkew(ctx context.Context, f *facts) []verdict {
	const subject = "From and To"
	var offsets [2]time.Duration
	for i, s := range []*server{f.from, f.to} {
		told, err := s.version(ctx)
		if err != nil {
			return one(unread(s.name, err))
		}
		if told.date.IsZero() {
			return one(unknown(s.name, "compare the clocks of the nodes by hand", "the API server sends no Date header"))
		}
		offsets[i] = told.ahead
	}
	apart := (offsets[0] - offsets[1]).Abs()
	const remedy = "let both clusters follow the same time servers"
	switch {
	case apart > time.Minute:
		return one(fail(subject, remedy, "their clocks differ by %v: tokens and certificates of one cluster are not yet valid in the other", apart))
	case apart > 30*time.Second:
		return one(fail(subject, remedy, "their clocks differ by %v", apart).as(Warns))
	}
	for i, s := range []*server{f.from, f.to} {
		if offsets[i].Abs() > time.Minute {
			return one(fail(s.name, "correct the clock of this machine: expiry times are compared with it", "its clock and the local clock differ by %v", offsets[i].Abs()).as(Warns))
		}
	}
	return one(pass(subject, "their clocks differ by %v", apart))
}

// floors are the oldest Kubernetes minors that an Istio minor supports, from the one given on
// (Istio istioctl/pkg/install/k8sversion/version.go, MinK8SVersion, of each release branch).
var floors = []struct{ istio, kubernetes int }{{30, 32}, {28, 30}, {26, 29}, {24, 28}, {22, 26}, {20, 25}}

// kubernetesVersion compares both API servers with what From's istiod supports.
func kubernetesVersion(ctx context.Context, f *facts) []verdict {
	versions, err := f.istioVersions(ctx)
	if err != nil {
		return one(unread(f.from.name, err))
	}
	if len(versions) == 0 {
		return one(unknown(f.from.name, "give Input.IstioVersion", "no istiod was found whose image tells its version"))
	}
	var found []verdict
	for _, version := range versions {
		found = append(found, f.supports(ctx, version)...)
	}
	return found
}

// supports compares both API servers with what one version of istiod supports.
func (f *facts) supports(ctx context.Context, version string) []verdict {
	istio, ok := parseRelease(version)
	if !ok {
		return one(unknown(f.from.name, "give Input.IstioVersion", "%q does not tell the version of an istiod", version))
	}
	floor := 0
	for _, line := range floors {
		if istio.major == 1 && istio.minor >= line.istio {
			floor = line.kubernetes
			break
		}
	}
	var found []verdict
	for _, s := range []*server{f.from, f.to} {
		found = append(found, s.atLeast(ctx, istio, floor))
	}
	return found
}

func (s *server) atLeast(ctx context.Context, istio release, floor int) verdict {
	told, err := s.version(ctx)
	if err != nil {
		return unread(s.name, err)
	}
	switch {
	case !told.known && told.kubernetes != "":
		return unknown(s.name, "ask whoever built it for its version of Kubernetes", "/version answers with %q, which is not a release", told.kubernetes)
	case !told.known:
		return unknown(s.name, "give the address of a Kubernetes API server", "/version does not answer with a version")
	case floor == 0:
		return unknown(s.name, "look at the support page of that version of Istio", "the oldest Kubernetes that Istio %v supports is not known here", istio)
	case told.release.major == 1 && told.release.minor < floor:
		return fail(s.name, fmt.Sprintf("upgrade to 1.%d or newer", floor), "Kubernetes %s is older than Istio %v supports", told.kubernetes, istio)
	}
	return pass(s.name, "Kubernetes %s; Istio %v supports 1.%d and newer", told.kubernetes, istio, floor)
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
	mesh := f.meshOf(ctx, f.from)
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
