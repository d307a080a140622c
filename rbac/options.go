package rbac

import (
	"cmp"
	"fmt"
	"strings"
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
