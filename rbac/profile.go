package rbac

import (
	"slices"
	"strings"

	"github.com/meshpeer/meshpeer/internal/invalid"
)

// Profile names a set of rules for the reader. The zero value means [ASM].
type Profile string

const (
	// ASM is the role of the ASM document "Mutual access between remote and
	// managed control plane workloads", rule for rule and in its order. It does
	// not vary with the Istio version.
	ASM Profile = "asm"

	// Upstream is the role of the istiod chart of Options.IstioVersion (Istio
	// manifests/charts/istio-control/istio-discovery/templates/reader-clusterrole.yaml).
	Upstream Profile = "upstream"

	// RemoteControlPlane is Upstream for a cluster whose sidecars are served by
	// the reading istiod: the chart with istiodRemote.enabled, up to 1.23 with
	// global.externalIstiod. It may also write ConfigMaps and webhook
	// configurations, cluster-wide.
	RemoteControlPlane Profile = "remote-control-plane"

	// Minimal is what istiod of Options.IstioVersion needs to be synced and to
	// serve endpoints: list and watch, nothing else. From 1.29 on it has a Role as
	// well, for the mesh configuration in Options.SystemNamespace. The rules were
	// read in the source of Istio 1.19 to 1.31, and those of 1.31 ran on the lab. It
	// is not enough for MCS, for `istioctl analyze`, or for an istiod that serves
	// proxies of the cluster that is read.
	Minimal Profile = "minimal"
)

var profiles = []Profile{ASM, Upstream, RemoteControlPlane, Minimal}

// String returns the name that ParseProfile accepts; "asm" for the zero value.
func (p Profile) String() string {
	if p == "" {
		return string(ASM)
	}
	return string(p)
}

// ParseProfile returns the profile of that name; the empty name is [ASM]. The error
// is a [*FieldError] that lists the names.
func ParseProfile(name string) (Profile, error) {
	p := Profile(Profile(name).String())
	if !slices.Contains(profiles, p) {
		return "", invalid.Field("profile", name, "is unknown", "use one of "+profileNames())
	}
	return p, nil
}

func profileNames() string {
	names := make([]string, len(profiles))
	for i, p := range profiles {
		names[i] = string(p)
	}
	return strings.Join(names, ", ")
}
