package rbac

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/meshpeer/meshpeer/internal/invalid"
)

// Reader is the identity of a reading istiod: an account and what it may do.
// A field set to nil is left out of Objects and WriteYAML.
type Reader struct {
	ServiceAccount     *corev1.ServiceAccount
	ClusterRole        *rbacv1.ClusterRole
	ClusterRoleBinding *rbacv1.ClusterRoleBinding

	// Role and RoleBinding let the account read the mesh configuration, in
	// Options.SystemNamespace only. They are nil except with profile Minimal for
	// Istio 1.29 and newer.
	Role        *rbacv1.Role
	RoleBinding *rbacv1.RoleBinding

	// Warnings tell what is not known for certain, such as the rules for a version
	// of Istio that is newer than those known. Show them to a person.
	Warnings []string
}

// Render returns the objects for the options. Equal options give equal objects.
// The caller may change them. The error is a [*FieldError] that names the field,
// its value and the remedy.
func Render(o Options) (*Reader, error) {
	r, err := o.resolve()
	if err != nil {
		return nil, err
	}
	account := r.meta(r.ServiceAccount)
	account.Namespace = r.Namespace
	subjects := []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: r.ServiceAccount, Namespace: r.Namespace}}
	reader := &Reader{
		ServiceAccount: &corev1.ServiceAccount{
			TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ServiceAccount"},
			ObjectMeta: account,
		},
		ClusterRole: &rbacv1.ClusterRole{
			TypeMeta:   typeOf("ClusterRole"),
			ObjectMeta: r.meta(r.Name),
			Rules:      policies(r.rules(), ""),
		},
		ClusterRoleBinding: &rbacv1.ClusterRoleBinding{
			TypeMeta:   typeOf("ClusterRoleBinding"),
			ObjectMeta: r.meta(r.Name),
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: r.Name},
			Subjects:   subjects,
		},
		Warnings: r.warnings,
	}
	if local := policies(r.rules(), r.SystemNamespace); len(local) > 0 {
		meta := r.meta(r.Name)
		meta.Namespace = r.SystemNamespace
		reader.Role = &rbacv1.Role{TypeMeta: typeOf("Role"), ObjectMeta: meta, Rules: local}
		reader.RoleBinding = &rbacv1.RoleBinding{
			TypeMeta:   typeOf("RoleBinding"),
			ObjectMeta: *meta.DeepCopy(),
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: r.Name},
			Subjects:   slices.Clone(subjects),
		}
	}
	return reader, nil
}

func typeOf(kind string) metav1.TypeMeta {
	return metav1.TypeMeta{APIVersion: rbacv1.SchemeGroupVersion.String(), Kind: kind}
}

// policies are the rules that are granted in a namespace; "" is everywhere.
func policies(rules []Rule, namespace string) []rbacv1.PolicyRule {
	var granted []rbacv1.PolicyRule
	for _, rule := range rules {
		if rule.Namespace == namespace {
			granted = append(granted, rule.PolicyRule)
		}
	}
	return granted
}

func (r *resolved) meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: name, Labels: maps.Clone(r.labels), Annotations: maps.Clone(r.Annotations)}
}

// Objects returns the objects in the order to apply them: the account, the
// ClusterRole and its binding, then the Role and its binding, if any. A role comes
// before its binding because the API server reads it to check the binding
// (Kubernetes pkg/registry/rbac/clusterrolebinding/policybased).
func (r *Reader) Objects() []runtime.Object {
	var objects []runtime.Object
	if r.ServiceAccount != nil {
		objects = append(objects, r.ServiceAccount)
	}
	if r.ClusterRole != nil {
		objects = append(objects, r.ClusterRole)
	}
	if r.ClusterRoleBinding != nil {
		objects = append(objects, r.ClusterRoleBinding)
	}
	if r.Role != nil {
		objects = append(objects, r.Role)
	}
	if r.RoleBinding != nil {
		objects = append(objects, r.RoleBinding)
	}
	return objects
}

// WriteYAML writes the objects in the order of Objects as a stream of YAML
// documents that `kubectl apply -f -` accepts. The same Reader gives the same
// bytes. The namespaces of the objects must exist; they are not a part of the
// stream.
func (r *Reader) WriteYAML(w io.Writer) error {
	var buf bytes.Buffer
	for i, object := range r.Objects() {
		if i > 0 {
			buf.WriteString("---\n")
		}
		document, err := yaml.Marshal(object)
		if err != nil {
			return fmt.Errorf("rbac: encode YAML: %w", err)
		}
		buf.Write(document)
	}
	if _, err := buf.WriteTo(w); err != nil {
		return fmt.Errorf("rbac: write YAML: %w", err)
	}
	return nil
}

// identifying are the labels that say what the objects are; callers may not
// change them where they are rendered.
var identifying = []string{"app", "app.kubernetes.io/name"}

// profileLabels are the labels a profile puts on its objects. Those of the
// charts are rendered for a Helm release named istiod, without the chart's
// version (app.kubernetes.io/version, helm.sh/chart): Istio
// manifests/charts/istio-control/istio-discovery/templates/reader-clusterrole.yaml
// and, since 1.24, the template istio.labels.
func profileLabels(profile Profile, minor int) map[string]string {
	labels := map[string]string{"app": "istio-reader"}
	if profile != Upstream && profile != RemoteControlPlane {
		return labels
	}
	labels["release"] = "istiod"
	if minor >= 24 {
		labels["app.kubernetes.io/name"] = "istio-reader"
		labels["app.kubernetes.io/instance"] = "istiod"
		labels["app.kubernetes.io/managed-by"] = "Helm"
		labels["app.kubernetes.io/part-of"] = "istio"
	}
	return labels
}

// mergeLabels puts the caller's labels over the profile's own.
func mergeLabels(own, caller map[string]string) (map[string]string, error) {
	for _, key := range identifying {
		if value, given := caller[key]; given && own[key] != "" && own[key] != value {
			return nil, invalid.Field("Options.Labels["+key+"]", value, "identifies the reader and stays "+own[key], "use another key")
		}
	}
	merged := maps.Clone(own)
	maps.Copy(merged, caller)
	return merged, nil
}
