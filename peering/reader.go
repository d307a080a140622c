package peering

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/rbac"
)

// readerObjects are what makes a reader of a link's own in To; nil where the profile has none, and all nil with an existing
// account. Rules are shared between links: nobody changes them.
type readerObjects struct {
	account      *corev1.ServiceAccount
	role         *rbacv1.ClusterRole
	binding      *rbacv1.ClusterRoleBinding
	localRole    *rbacv1.Role // in one namespace
	localBinding *rbacv1.RoleBinding
}

// all objects, in the order in which they are made.
func (o readerObjects) all() (all []Object) {
	if o.account != nil {
		all = append(all, o.account, o.role, o.binding)
	}
	if o.localRole != nil {
		all = append(all, o.localRole, o.localBinding)
	}
	return all
}

// rules are those of the ClusterRole, and those of the Role beside it.
func (o readerObjects) rules() (everywhere, local []rbacv1.PolicyRule) {
	if o.role != nil {
		everywhere = o.role.Rules
	}
	if o.localRole != nil {
		local = o.localRole.Rules
	}
	return everywhere, local
}

func (o readerObjects) fingerprint() string {
	if o.role == nil {
		return ""
	}
	everywhere, local := o.rules()
	data, err := json.Marshal([][]rbacv1.PolicyRule{everywhere, local})
	if err != nil {
		panic(err) // strings only
	}
	return fingerprint(data)
}

// kit is a reader for istiods of certain versions and revisions, before it is a link's.
type kit struct {
	readerObjects
	rulesDigest          string
	overGrants, warnings []string
}

// render makes the kit for From's istiods, once per call for all links whose readers may do the same: what one of them needs and
// another does not is granted too.
func (r *run) render(l Link, from *snapshot) (*kit, error) {
	o := r.Reader
	o.Namespace, o.SystemNamespace = r.readerNamespace(l.To), r.systemNamespace(l.From)
	versions, revisions := present(from.istiods)
	if len(o.Revisions) == 0 {
		o.Revisions = revisions
	}
	if o.IstioVersion != "" {
		versions = []string{o.IstioVersion}
	}
	return r.kits.get(fmt.Sprint(o.Namespace, o.SystemNamespace, versions, o.Revisions), func() (*kit, error) {
		return newKit(o, versions, r.Reader.IstioVersion == "")
	})
}

func newKit(o rbac.Options, versions []string, seen bool) (*kit, error) {
	k := &kit{}
	var all *rbac.Reader
	for _, version := range versions {
		o.IstioVersion = version
		reader, err := rbac.Render(o)
		if err != nil && seen {
			o.IstioVersion = "" // an image tag that is no version: the newest
			reader, err = rbac.Render(o)
		}
		if err != nil {
			return nil, err
		}
		rules, err := rbac.Explain(o)
		if err != nil {
			return nil, err
		}
		k.warnings = append(k.warnings, reader.Warnings...)
		for _, r := range rules {
			if text := rbac.Describe(r.PolicyRule) + ": " + r.OverGrant; r.OverGrant != "" && !slices.Contains(k.overGrants, text) {
				k.overGrants = append(k.overGrants, text)
			}
		}
		all = union(all, reader)
	}
	k.readerObjects = readerObjects{all.ServiceAccount, all.ClusterRole, all.ClusterRoleBinding, all.Role, all.RoleBinding}
	k.rulesDigest = k.fingerprint()
	return k, nil
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

// forLink is the kit under the link's name and labels.
func (k *kit) forLink(l Link) readerObjects {
	name := l.reader()
	account, role, binding := *k.account, *k.role, *k.binding
	account.Name, role.Name, binding.Name = name, name, name
	binding.RoleRef.Name = name
	binding.Subjects = named(binding.Subjects, name)
	o := readerObjects{account: &account, role: &role, binding: &binding}
	if k.localRole != nil {
		localRole, localBinding := *k.localRole, *k.localBinding
		localRole.Name, localBinding.Name = name, name
		localBinding.RoleRef.Name = name
		localBinding.Subjects = named(localBinding.Subjects, name)
		o.localRole, o.localBinding = &localRole, &localBinding
	}
	for _, object := range o.all() {
		labels := maps.Clone(object.GetLabels())
		if labels == nil {
			labels = map[string]string{}
		}
		maps.Copy(labels, l.labels())
		object.SetLabels(labels)
	}
	return o
}

func named(subjects []rbacv1.Subject, name string) []rbacv1.Subject {
	named := slices.Clone(subjects)
	for i := range named {
		named[i].Name = name
	}
	return named
}

// present are the versions and revisions of the replicas, each once. A version that nobody names is "", which stands for the
// newest; without any replica nothing is known of revisions.
func present(replicas []istiod.Replica) (versions, revisions []string) {
	for _, r := range replicas {
		versions, revisions = append(versions, r.Version), append(revisions, r.Revision)
	}
	if len(versions) == 0 {
		versions = []string{""}
	}
	slices.Sort(versions)
	slices.Sort(revisions)
	return slices.Compact(versions), slices.Compact(revisions)
}

// keepUnseen lets the reader keep its ConfigMaps while no istiod of From can be seen: which of them it needs depends on their
// versions and revisions, and they may be on their way back. It returns a warning then.
func (p *Peering) keepUnseen(want *readerObjects, role, localRole Object) string {
	if want.localRole == nil {
		return ""
	}
	if live, ok := role.(*rbacv1.ClusterRole); ok && p.Reader.IstioVersion == "" && len(rbac.Missing(live.Rules, want.role.Rules)) == 0 &&
		onlyConfigMaps(rbac.Missing(want.role.Rules, live.Rules)) {
		want.role.Rules = live.Rules
	}
	if len(p.Reader.Revisions) > 0 {
		return ""
	}
	if live, ok := localRole.(*rbacv1.Role); ok && len(live.Rules) > 0 && onlyConfigMaps(live.Rules) {
		want.localRole.Rules = live.Rules
	}
	var names []string
	for _, rule := range want.localRole.Rules {
		names = append(names, rule.ResourceNames...)
	}
	return "the revisions of From's istiods cannot be seen: the role names the mesh configuration of " +
		cmp.Or(strings.Join(names, ", "), "none") + "; if that is another, set Reader.Revisions"
}

// onlyConfigMaps reports whether rules let nothing but ConfigMaps be listed and watched.
func onlyConfigMaps(rules []rbacv1.PolicyRule) bool {
	may := []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: []string{"list", "watch"}}}
	return len(rbac.Missing(may, rules)) == 0
}
