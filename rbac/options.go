package rbac

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/meshpeer/meshpeer/internal/invalid"
)

const (
	defaultNamespace      = "istio-system"
	defaultServiceAccount = "istio-reader-service-account"
	roleNamePrefix        = "istio-reader-clusterrole"
)

// Options describes a reader. The zero value is ASM's documented role with its
// names, for the service account istio-system/istio-reader-service-account.
type Options struct {
	// Profile chooses the rules. Default ASM.
	Profile Profile

	// IstioVersion is the version of the istiod that will read, such as "1.27",
	// "1.27.3" or "v1.27.3-alpha.1". Default: the newest known minor. A newer one is
	// treated as the newest known and noted in Reader.Warnings; one older than 1.19
	// is refused with ErrVersionTooOld. ASM does not vary by version: only the form
	// is checked.
	IstioVersion string

	// Namespace is where the service account lives: Istio's root namespace,
	// which is also a part of the role's name. Default "istio-system".
	Namespace string

	// Revision, if any, is a part of the role's name, as in the istiod chart:
	// istio-reader-clusterrole-<revision>-<namespace>. It is also the default of
	// Revisions.
	Revision string

	// SystemNamespace is the namespace in which the reading istiod runs, in its own
	// cluster. It looks for its mesh configuration in the namespace of that name of
	// the cluster that is read. Only profile Minimal depends on it. Default
	// Namespace.
	SystemNamespace string

	// Revisions are those of the istiods that will read; "" and "default" are the
	// default revision. Each reads one ConfigMap, istio or istio-<revision>. Only
	// profile Minimal depends on them. Default Revision.
	Revisions []string

	// ServiceAccount is the name of the account. Default
	// "istio-reader-service-account", the one all revisions of a cluster share
	// (Istio manifests/charts/base/templates/reader-serviceaccount.yaml). The
	// account "default" is refused: every pod that names none runs as it.
	ServiceAccount string

	// Name overrides the name of the roles and the bindings. Names of roles that
	// Kubernetes or Istio install are refused, because kubectl apply would overwrite
	// these roles: cluster-admin, admin, edit, view, whatever begins with "system:",
	// and the roles of istiod, its CNI plugin and ztunnel.
	Name string

	// Labels are put on all objects, over the profile's own. They may replace labels
	// that tell who installed the objects, such as release and
	// app.kubernetes.io/managed-by. They may not replace those that tell what the
	// objects are: app and, where rendered, app.kubernetes.io/name. The keys
	// rbac.authorization.k8s.io/aggregate-to-* are refused too: they would give the
	// reader's rights, Secrets included, to everyone with the view or edit role.
	Labels map[string]string

	// Annotations are put on all objects.
	Annotations map[string]string
}

// resolved is a valid Options with its defaults filled in.
type resolved struct {
	Options
	minor    int
	labels   map[string]string
	warnings []string
}

func (o Options) resolve() (*resolved, error) {
	o.Profile = Profile(o.Profile.String())
	o.Namespace = cmp.Or(o.Namespace, defaultNamespace)
	o.SystemNamespace = cmp.Or(o.SystemNamespace, o.Namespace)
	if len(o.Revisions) == 0 {
		o.Revisions = []string{o.Revision}
	}
	o.ServiceAccount = cmp.Or(o.ServiceAccount, defaultServiceAccount)
	if err := o.validate(); err != nil {
		return nil, err
	}
	minor, warning, err := resolveVersion(o.IstioVersion, o.Profile)
	if err != nil {
		return nil, err
	}
	r := &resolved{Options: o, minor: minor}
	if warning != "" {
		r.warnings = append(r.warnings, warning)
	}
	if strings.HasPrefix(o.Namespace, "kube-") {
		r.warnings = append(r.warnings, fmt.Sprintf("the account is in namespace %s, which belongs to Kubernetes: use the namespace of Istio", o.Namespace))
	}
	r.labels, err = mergeLabels(profileLabels(o.Profile, minor), o.Labels)
	if err != nil {
		return nil, err
	}
	r.Name = cmp.Or(o.Name, roleName(o.Revision, o.Namespace))
	return r, nil
}

// roleName is the chart's: every revision that is not empty shows, "default" too.
func roleName(revision, namespace string) string {
	if revision == "" {
		return roleNamePrefix + "-" + namespace
	}
	return roleNamePrefix + "-" + revision + "-" + namespace
}

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
	// read in the source of Istio 1.19 to 1.31, and those of 1.29 and 1.31 ran on the lab. It
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

// ErrVersionTooOld is wrapped by the error for an Options.IstioVersion whose
// charts are older than those this package knows (1.19).
var ErrVersionTooOld = errors.New("istio version too old")

// The minors of Istio 1 whose charts the rules were compared with.
const (
	oldestMinor = 19
	newestMinor = 31

	// From here on istiod reads the mesh configuration of a remote cluster
	// (Istio pilot/pkg/serviceregistry/kube/controller/multicluster.go).
	meshConfigMinor = 29
)

// ranOnLab says of a minor that the lab ran its roles, Minimal also without each resource in turn (docs/compatibility.md).
func ranOnLab(minor int) bool { return minor == 29 || minor == 31 }

// Accepts ASM's and pre-release forms too: "1.22.6.78-gd3ac4cbd-aliyun".
var versionPattern = regexp.MustCompile(`^v?(0|[1-9]\d{0,3})\.(0|[1-9]\d{0,3})(?:\.\d+)*(?:[-+][0-9A-Za-z.+-]+)?$`)

// resolveVersion returns the minor whose rules apply to the version and
// profile, and a warning when that is a guess.
func resolveVersion(version string, profile Profile) (minor int, warning string, err error) {
	if version == "" {
		return newestMinor, "", nil
	}
	refuse := func(reason, remedy string, cause error) error {
		return invalid.Field("Options.IstioVersion", version, reason, remedy).Because(cause)
	}
	parts := versionPattern.FindStringSubmatch(version)
	if parts == nil {
		return 0, "", refuse("is not a version of Istio", `write it like "1.27", "1.27.3" or "v1.27.3-alpha.1", or leave it empty for the newest known`, nil)
	}
	if profile == ASM {
		return newestMinor, "", nil
	}
	// The pattern leaves at most four digits: Atoi cannot fail.
	major, _ := strconv.Atoi(parts[1])
	minor, _ = strconv.Atoi(parts[2])
	switch {
	case major < 1 || major == 1 && minor < oldestMinor:
		return 0, "", refuse(fmt.Sprintf("is older than 1.%d, the oldest whose charts are known", oldestMinor), fmt.Sprintf("upgrade istiod, or use profile %s, which does not vary by version", ASM), ErrVersionTooOld)
	case major > 1 || minor > newestMinor:
		return newestMinor, fmt.Sprintf("IstioVersion %q is newer than 1.%d, the newest whose charts are known: rendered as 1.%[2]d; compare with its own chart", version, newestMinor), nil
	case profile == Minimal && !ranOnLab(minor):
		return minor, fmt.Sprintf("the rules of profile %s for IstioVersion %q were read in the source of Istio 1.%d and have not been run with it", Minimal, version, minor), nil
	}
	return minor, "", nil
}
