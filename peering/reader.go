package peering

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/rbac"
)

// readerOptions describe the link's reader, once for each version that From's istiods name: what one of them needs and
// another does not is granted too.
func (w *work) readerOptions() (all []rbac.Options) {
	o := w.Reader
	o.Name, o.ServiceAccount = w.reader(), w.reader()
	o.Namespace = cmp.Or(o.Namespace, w.To.namespace())
	o.SystemNamespace = w.systemNamespace()
	versions, revisions := w.from.istiods()
	if len(o.Revisions) == 0 {
		o.Revisions = revisions
	}
	if o.IstioVersion != "" {
		versions = []string{o.IstioVersion}
	}
	for _, version := range versions {
		o.IstioVersion = version
		if _, err := rbac.Render(o); err != nil && w.Reader.IstioVersion == "" {
			o.IstioVersion = "" // an image tag that is no version: the newest
		}
		all = append(all, o)
	}
	return all
}

// istiods are the versions and revisions of the replicas, each once. A version that nobody names is "", which stands for the
// newest; without any replica nothing is known of revisions.
func (m *member) istiods() (versions, revisions []string) {
	for _, r := range m.replicas {
		versions, revisions = append(versions, r.Version), append(revisions, r.Revision)
	}
	if len(versions) == 0 {
		versions = []string{""}
	}
	slices.Sort(versions)
	slices.Sort(revisions)
	return slices.Compact(versions), slices.Compact(revisions)
}

// systemNamespace is where From's istiods look for their mesh configuration in To: in a namespace of the name of their own.
func (w *work) systemNamespace() string {
	return cmp.Or(w.Reader.SystemNamespace, w.From.namespace())
}

// planReader computes account, roles and bindings.
func (w *work) planReader() error {
	var all *rbac.Reader
	for _, o := range w.readerOptions() {
		reader, err := rbac.Render(o)
		if err != nil {
			return err
		}
		for _, text := range reader.Warnings {
			w.warn(text)
		}
		rules, err := rbac.Explain(o)
		if err != nil {
			return err
		}
		for _, r := range rules {
			if text := rbac.Describe(r.PolicyRule) + ": " + r.OverGrant; r.OverGrant != "" && !slices.Contains(w.overGrants, text) {
				w.overGrants = append(w.overGrants, text)
			}
		}
		all = union(all, reader)
	}
	w.want.account, w.want.role, w.want.binding = all.ServiceAccount, all.ClusterRole, all.ClusterRoleBinding
	if all.Role != nil {
		w.want.localRole, w.want.localBinding = all.Role, all.RoleBinding
	}
	for _, o := range w.want.ofReader() {
		o.SetLabels(overlay(o.GetLabels(), w.labels()))
	}
	w.want.reader = account{all.ServiceAccount.Namespace, all.ServiceAccount.Name}
	return nil
}

// ofReader are the objects that make the reader, in the order in which they are made.
func (w wanted) ofReader() (all []Object) {
	for _, o := range []Object{w.account, w.role, w.binding, w.localRole, w.localBinding} {
		if o != nil {
			all = append(all, o)
		}
	}
	return all
}

// union adds to the first reader what the second may do besides. Names and subjects are the same.
func union(all, more *rbac.Reader) *rbac.Reader {
	if all == nil {
		return more
	}
	all.ClusterRole.Rules = append(all.ClusterRole.Rules, rbac.Missing(all.ClusterRole.Rules, more.ClusterRole.Rules)...)
	if all.Role == nil {
		all.Role, all.RoleBinding = more.Role, more.RoleBinding
	} else if more.Role != nil {
		all.Role.Rules = append(all.Role.Rules, rbac.Missing(all.Role.Rules, more.Role.Rules)...)
	}
	return all
}

// readRoles reads the roles and bindings of the link in To. The ClusterRole tells in which namespaces there may be Roles:
// those of an earlier call with another profile or another namespace are found by it.
func (w *work) readRoles(ctx context.Context) (err error) {
	if err := w.checkSystemNamespace(ctx); err != nil {
		return err
	}
	for _, slot := range []struct {
		want Object
		live *Object
	}{
		{w.want.role, &w.live.role},
		{w.want.binding, &w.live.binding},
		{w.want.localRole, &w.live.localRole},
		{w.want.localBinding, &w.live.localBinding},
	} {
		if slot.want == nil {
			continue
		}
		if *slot.live, err = find(ctx, w.to.Objects, slot.want); err != nil {
			return err
		}
	}
	for _, o := range []Object{w.live.account, w.live.role, w.live.binding, w.live.localRole, w.live.localBinding} {
		if o != nil && !w.owns(o) {
			return &ForeignObjectError{Object: name(o), Owner: owner(o)}
		}
	}
	w.keepUnseen()
	return w.readStrays(ctx)
}

// keepUnseen lets the reader keep its ConfigMaps while no istiod of From can be seen: which of them it needs depends on their
// versions and revisions, and they may be on their way back.
func (w *work) keepUnseen() {
	role, _ := w.want.role.(*rbacv1.ClusterRole)
	local, _ := w.want.localRole.(*rbacv1.Role)
	if len(w.from.replicas) > 0 || w.goal == Absent || role == nil || local == nil {
		return
	}
	if live, ok := w.live.role.(*rbacv1.ClusterRole); ok && w.Reader.IstioVersion == "" && len(rbac.Missing(live.Rules, role.Rules)) == 0 &&
		onlyConfigMaps(rbac.Missing(role.Rules, live.Rules)) {
		role.Rules = live.Rules
	}
	if len(w.Reader.Revisions) > 0 {
		return
	}
	if live, ok := w.live.localRole.(*rbacv1.Role); ok && len(live.Rules) > 0 && onlyConfigMaps(live.Rules) {
		local.Rules = live.Rules
	}
	var names []string
	for _, rule := range local.Rules {
		names = append(names, rule.ResourceNames...)
	}
	w.warn("the revisions of From's istiods cannot be seen: the role names the mesh configuration of " +
		strings.Join(names, ", ") + "; if that is another, set Reader.Revisions")
}

// onlyConfigMaps reports whether rules let nothing but ConfigMaps be listed and watched.
func onlyConfigMaps(rules []rbacv1.PolicyRule) bool {
	may := []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: []string{"list", "watch"}}}
	return len(rbac.Missing(may, rules)) == 0
}

// checkSystemNamespace looks, where the Role needs a namespace of its own, whether To has it. To may have none of the name of
// From's; where the caller may not ask, the creation will tell.
func (w *work) checkSystemNamespace(ctx context.Context) error {
	if w.want.localRole == nil || w.goal == Absent || w.want.localRole.GetNamespace() == w.want.account.GetNamespace() {
		return nil
	}
	namespace := w.want.localRole.GetNamespace()
	found, err := find(ctx, w.to.Objects, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}})
	if err != nil && !apierrors.IsForbidden(err) {
		return err
	}
	if err == nil && found == nil {
		return fmt.Errorf("namespace %s does not exist: From's istiod looks there for the mesh configuration of this cluster, and its reader needs a Role there; "+
			"create the namespace, or use another profile than %s", namespace, rbac.Minimal)
	}
	return nil
}

// readStrays finds Roles and RoleBindings of the link where none is wanted, and notes the namespaces on the ClusterRole.
func (w *work) readStrays(ctx context.Context) error {
	namespaces := map[string]bool{}
	if w.live.role != nil {
		for namespace := range strings.SplitSeq(w.live.role.GetAnnotations()[AnnotationLocalRoles], ",") {
			namespaces[namespace] = true
		}
	}
	wanted := ""
	if w.want.localRole != nil {
		wanted = w.want.localRole.GetNamespace()
		namespaces[wanted] = true
	}
	delete(namespaces, "")
	guess := "" // where one may be if the ClusterRole is gone: no reason to fail for want of rights
	if system := w.systemNamespace(); w.goal == Absent && !namespaces[system] {
		guess, namespaces[system] = system, true
	}
	var roles []Object
	for _, namespace := range slices.Sorted(maps.Keys(namespaces)) {
		if namespace == wanted {
			continue
		}
		meta := metav1.ObjectMeta{Namespace: namespace, Name: w.reader()}
		for _, slot := range []struct {
			like Object
			into *[]Object
		}{{&rbacv1.RoleBinding{ObjectMeta: meta}, &w.live.strays}, {&rbacv1.Role{ObjectMeta: meta}, &roles}} {
			found, err := find(ctx, w.to.Objects, slot.like)
			if err != nil && !(namespace == guess && apierrors.IsForbidden(err)) {
				return err
			}
			if err == nil && found != nil && w.owns(found) {
				*slot.into = append(*slot.into, found)
			}
		}
	}
	w.live.strays = append(w.live.strays, roles...)
	if len(namespaces) > 0 && w.goal != Absent {
		w.want.role.SetAnnotations(overlay(w.want.role.GetAnnotations(), map[string]string{
			AnnotationLocalRoles: strings.Join(slices.Sorted(maps.Keys(namespaces)), ","),
		}))
	}
	return nil
}

// dropStrays deletes Roles and RoleBindings of the link that nothing wants any more.
func (w *work) dropStrays() (steps []step) {
	for _, o := range w.live.strays {
		steps = append(steps, w.drop(o, o)...)
	}
	return steps
}

// roleRules are those of the ClusterRole, and those of the Role beside it.
func (w *work) roleRules() (everywhere, local []rbacv1.PolicyRule) {
	if role, ok := w.want.role.(*rbacv1.ClusterRole); ok {
		everywhere = role.Rules
	}
	if role, ok := w.want.localRole.(*rbacv1.Role); ok {
		local = role.Rules
	}
	return everywhere, local
}
