package rbac

import (
	"maps"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/meshpeer/meshpeer/internal/unmatched"
)

const (
	requestInfo = "Kubernetes apiserver pkg/endpoints/request/requestinfo.go, NewRequestInfo"
	evaluation  = "Kubernetes pkg/apis/rbac/v1/evaluation_helpers.go"
	ruleLookup  = "Kubernetes pkg/registry/rbac/validation/rule.go, VisitRulesFor"
)

// matcher knows which requests there can be.
type matcher struct {
	discovered   map[[2]string]bool // group and resource, with its subresource, that the discovery has: whether it is namespaced
	subresources bool               // the discovery has some
	targets      []Access           // what requests act on, as far as it is known: group, resource and subresource
	verdicts     map[[3]string]verdict
}

// verdict is how requests match a verb, a group and a resource of a rule, or why none does.
type verdict struct {
	ways   []Access
	faults []unmatched.Fault
}

func newMatcher(lists []*metav1.APIResourceList) *matcher {
	m := &matcher{verdicts: map[[3]string]verdict{}}
	if lists != nil {
		m.discovered = map[[2]string]bool{}
	}
	for _, table := range []map[string][]resourceInfo{known().served, known().other} {
		for _, group := range slices.Sorted(maps.Keys(table)) {
			for _, r := range table[group] {
				for _, sub := range append([]string{"", "finalizers"}, r.subresources...) {
					m.targets = append(m.targets, Access{Group: r.group, Resource: r.name, Subresource: strings.Replace(sub, "*", "key", 1)})
				}
			}
		}
	}
	for _, list := range lists {
		if list == nil {
			continue
		}
		version, _ := schema.ParseGroupVersion(list.GroupVersion) // of none, no rule can speak
		for _, r := range list.APIResources {
			a := Access{Group: version.Group, Resource: r.Name}.split()
			m.discovered[[2]string{a.Group, r.Name}] = r.Namespaced
			m.subresources = m.subresources || a.Subresource != ""
			m.targets = append(m.targets, a)
		}
	}
	return m
}

// judge tells why no request matches a verb, a group, a resource and, if there is a fourth value, a resource name.
func (m *matcher) judge(values []string, namespaced bool) []unmatched.Fault {
	key := [3]string(values)
	v, judged := m.verdicts[key]
	if !judged {
		v = m.verdict(key[0], key[1], key[2])
		m.verdicts[key] = v
	}
	if len(v.ways) == 0 {
		return v.faults
	}
	ways := v.ways
	if namespaced {
		ways = slices.DeleteFunc(slices.Clone(ways), func(a Access) bool { return m.outside(a) })
		if len(ways) == 0 {
			return []unmatched.Fault{{
				Part: "resources", Check: "cluster-scoped", Value: key[2], Source: ruleLookup,
				Reason: "is asked for without a namespace, and the rule holds in namespaces only", Remedy: "grant it with a ClusterRole and a ClusterRoleBinding",
			}}
		}
	}
	if len(values) == 3 || slices.ContainsFunc(ways, func(a Access) bool { return mayBeNamed(a, values[3], namespaced) }) {
		return nil
	}
	if values[3] != "" && !slices.ContainsFunc(ways, func(a Access) bool { return a.Subresource != "" || a.Verb != "create" && a.Verb != "deletecollection" }) {
		return []unmatched.Fault{{
			Part: "verbs", Check: "create-by-name", Value: key[0], Source: requestInfo, Pair: true,
			Reason: "names no object where a request is authorized, so it never matches resourceNames", Remedy: "grant it in a rule without resourceNames",
		}}
	}
	return []unmatched.Fault{{
		Part: "resourceNames", Check: "never-matches", Value: values[3], Source: requestInfo,
		Reason: "is not the name of an object that a request can be for", Remedy: "write the name without its kind and namespace, or leave resourceNames out for all",
	}}
}

// verdict judges without resourceNames.
func (m *matcher) verdict(verb, group, resource string) (v verdict) {
	refuse := func(part, value, reason, remedy string) {
		v.faults = append(v.faults, unmatched.Fault{Part: part, Check: "never-matches", Value: value, Source: evaluation, Reason: reason, Remedy: remedy})
	}
	const starred = "is compared as it is: a star stands for all only where it stands alone"
	if verb != "*" && strings.Contains(verb, "*") {
		refuse("verbs", verb, starred, "list the verbs")
	}
	if group != "*" && strings.Contains(group, "*") {
		refuse("apiGroups", group, starred, "list the groups")
	}
	if resource != "*" && strings.Contains(strings.TrimPrefix(resource, "*/"), "*") {
		refuse("resources", resource, starred, `list the resources; for one subresource of all write "*/<subresource>"`)
	} else if strings.HasSuffix(resource, "/") && verb != audienceVerb {
		refuse("resources", resource, "ends in a slash", "name the subresource behind it, or drop it")
	}
	if len(v.faults) > 0 {
		return v
	}
	verbs := true // are at fault in all requests
	for _, a := range m.matching(group, resource) {
		for _, a.Verb = range a.verbsOf(verb) {
			faults := m.impossible(a, resource)
			if len(faults) == 0 {
				v.ways = append(v.ways, a)
				continue
			}
			if v.faults == nil {
				v.faults = faults
			}
			verbs = verbs && slices.ContainsFunc(faults, func(f unmatched.Fault) bool { return f.Part == "verbs" })
		}
	}
	if sub, ok := strings.CutPrefix(resource, "*/"); ok && !verbs {
		v.faults = nil
		refuse("resources", resource, "stands for the subresource "+sub+", which no resource"+inGroup(group)+" has", "name resources with their subresources")
	}
	return v
}

// matching are the targets of requests that a group and a resource of a rule stand for.
func (m *matcher) matching(group, resource string) []Access {
	one := Access{Group: group, Resource: resource}.split()
	if group != "*" && one.Resource != "*" {
		return []Access{one}
	}
	var all []Access
	for _, a := range m.targets {
		if (group == "*" || a.Group == group) && resourcesHold([]string{resource}, a) {
			all = append(all, a)
		}
	}
	subresources := []string{one.Subresource}
	if resource == "*" {
		subresources = []string{"", "key"}
	}
	one.Resource = strings.Replace(one.Resource, "*", "things", 1) // of a group of others
	for _, one.Group = range []string{group, "example.com", "external.metrics.k8s.io"} {
		for _, one.Subresource = range subresources {
			if one.Group != "*" && (group == "*" || one.Group == group) {
				all = append(all, one)
			}
		}
	}
	return all
}

// verbsOf are verbs of requests that a verb of a rule stands for: enough of them to find a request, if there is one.
func (a Access) verbsOf(verb string) []string {
	if verb != "*" {
		return []string{verb}
	}
	info, _ := find(known().served[a.Group], a.Resource)
	_, served := known().served[a.Group]
	switch {
	case info.scope == "V":
		return info.verbs
	case !served || a.Group == rbacv1.GroupName: // in a group of others it stands for what they made up
		return []string{"get", "list", "bind"}
	case a.Group == "" && info.name == "serviceaccounts":
		return []string{"get", "list", "impersonate"}
	case info.name == "podsecuritypolicies":
		return []string{"get", "use"}
	}
	return []string{"get", "list"}
}

// impossible tells why there is no such request.
func (m *matcher) impossible(a Access, resource string) []unmatched.Fault {
	faults := faultsOf(a, resource)
	if m.lists(a) { // what is served is no misspelling
		faults = slices.DeleteFunc(faults, func(f unmatched.Fault) bool { return f.Part != "verbs" })
	} else if len(faults) == 0 && !m.served(a) {
		faults = append(faults, unmatched.Fault{
			Part: "resources", Check: "not-served", Value: resource, Source: "the discovery that was given",
			Reason: "is nothing that the cluster serves" + inGroup(a.Group), Remedy: "take it and its group from kubectl api-resources, or remove it",
		})
	}
	if a.Subresource != "" && slices.Contains([]string{"list", "watch", "deletecollection"}, a.Verb) {
		faults = append(faults, unmatched.Fault{
			Part: "verbs", Check: "without-effect", Value: a.Verb, Source: requestInfo,
			Reason: "is no verb of a request for a subresource, which names its object", Remedy: "remove it",
		})
	}
	return faults
}

// lists tells whether the discovery has exactly what a request is for. One without any subresources has them all.
func (m *matcher) lists(a Access) bool {
	resource := a.Resource
	if a.Subresource != "" && m.subresources {
		resource += "/" + a.Subresource
	}
	_, found := m.discovered[[2]string{a.Group, resource}]
	return found
}

// served tells whether the cluster may have what a request is for, although the discovery does not list it.
func (m *matcher) served(a Access) bool {
	if m.discovered == nil || a.Verb == audienceVerb {
		return true
	}
	info, _ := find(known().served[a.Group], a.Resource)
	base := Access{Group: a.Group, Resource: a.Resource}
	return info.scope == "V" || m.lists(base) && slices.Contains(append(slices.Clone(info.subresources), "finalizers"), a.Subresource)
}

// outside tells whether a request is never in a namespace. Verbs in groups of others may be asked for in any way.
func (m *matcher) outside(a Access) bool {
	namespaced, discovered := m.discovered[[2]string{a.Group, a.Resource}]
	if !discovered {
		info, ok := find(slices.Concat(known().served[a.Group], known().other[a.Group]), a.Resource)
		namespaced = !ok || info.scope == "N" || info.name == "serviceaccounts"
	}
	_, served := known().served[a.Group]
	switch {
	case namespaced || !served && !slices.Contains(apiVerbs, a.Verb) || a.Verb == "bind": // to a ClusterRole, in a RoleBinding
		return false
	case a.Verb == "use":
		return a.Resource != "podsecuritypolicies"
	case a.Group == "" && a.Resource == "namespaces": // its own namespace
		return a.Subresource == "" && slices.Contains([]string{"create", "list", "deletecollection"}, a.Verb)
	}
	return true
}
