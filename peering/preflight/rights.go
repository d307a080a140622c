package preflight

import (
	"context"
	"fmt"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/internal/rights"
	"github.com/meshpeer/meshpeer/rbac"
)

// denied are the accesses that the caller lacks, in order.
func (s *server) denied(ctx context.Context, wanted []rbac.Access) ([]rbac.Access, error) {
	ask := rights.Reviews{May: s.may, Confirm: true, Everything: true}
	if s.Rules != nil {
		ask.Rules = func(ctx context.Context, namespace string) ([]rbacv1.PolicyRule, bool, error) {
			h, err := s.held(ctx, namespace)
			return h.rules, h.incomplete, err
		}
	}
	return ask.Lacking(ctx, wanted)
}

// callerRights lists every right that the caller lacks, for both clusters at once.
func callerRights(ctx context.Context, f *facts) []verdict {
	return []verdict{f.rightsToGrant(ctx), f.rightsToShare(ctx)}
}

func (f *facts) rightsToGrant(ctx context.Context) verdict {
	k := key{what: "rights in To", namespace: f.RoleNamespace, kind: fmt.Sprint(len(f.Rules) > 0, len(f.RoleRules) > 0, f.Bound)}
	return f.lacking(ctx, f.to, k, f.rightsInTo, true)
}

func (f *facts) rightsToShare(ctx context.Context) verdict {
	return f.lacking(ctx, f.from, key{what: "rights in From", kind: fmt.Sprint(f.From.Hosted)}, f.rightsInFrom, false)
}

// probeRights are those of the proof that traffic flows: nothing of the peering depends on them.
func probeRights(ctx context.Context, f *facts) []verdict {
	w := f.Workload
	return one(f.lacking(ctx, f.from, key{what: "rights to probe", namespace: w.Namespace, name: w.ClientNamespace}, f.rightsToProbe, false))
}

// lack is what the caller may not do of a number of things.
type lack struct {
	wanted  int
	refused []rbac.Access
	err     error // there may be more
}

// lacking judges the rights that k names. They are the same for all links of a kind.
func (f *facts) lacking(ctx context.Context, s *server, k key, wanted func() []rbac.Access, grants bool) verdict {
	if s.May == nil {
		return unread(s.name, s.lacks(ctx, "May"))
	}
	l, err := fact(ctx, s, k, func(ctx context.Context) (l lack, err error) {
		all := wanted()
		l.wanted = len(all)
		l.refused, l.err = s.denied(ctx, all)
		return l, nil
	})
	if err != nil {
		return unread(s.name, err)
	}
	refused, err := l.refused, l.err
	if err == nil && grants {
		refused, err = f.withoutHeld(ctx, s, refused)
	}
	switch {
	case len(refused) > 0:
		return fail(s.name, "grant these permissions to the caller, or use another identity", "the caller may not %s", describe(refused))
	case err != nil:
		return unread(s.name, err)
	}
	return pass(s.name, "the caller may do all of %d things", l.wanted)
}

// withoutHeld takes escalate and bind off the list if the caller holds every right of the role itself: then Kubernetes
// lets it grant them (Kubernetes pkg/registry/rbac/clusterrole/policybased/storage.go). Rights that come from another
// authorizer than RBAC do not count there, which a review cannot tell.
func (f *facts) withoutHeld(ctx context.Context, s *server, refused []rbac.Access) ([]rbac.Access, error) {
	granting := func(a rbac.Access) bool { return a.Verb == "escalate" || a.Verb == "bind" }
	if !slices.ContainsFunc(refused, granting) {
		return refused, nil
	}
	lacked, err := s.denied(ctx, append(accesses(f.Rules, ""), accesses(f.RoleRules, f.RoleNamespace)...))
	if err != nil || len(lacked) > 0 {
		return refused, err
	}
	return slices.DeleteFunc(slices.Clone(refused), granting), nil
}

// accesses are what rules grant in a namespace, or cluster-wide in "", one by one.
func accesses(rules []rbacv1.PolicyRule, namespace string) []rbac.Access {
	var all []rbac.Access
	for _, r := range rules {
		names := r.ResourceNames
		if len(names) == 0 {
			names = []string{""}
		}
		for _, group := range r.APIGroups {
			for _, resource := range r.Resources {
				for _, verb := range r.Verbs {
					of, subresource, _ := strings.Cut(resource, "/")
					for _, name := range names {
						all = append(all, rbac.Access{Verb: verb, Group: group, Resource: of, Subresource: subresource, Namespace: namespace, Name: name})
					}
				}
			}
		}
	}
	return all
}

// describe puts the verbs on one thing together: "get,create secrets in istio-system".
func describe(all []rbac.Access) string {
	var parts []string
	for i := 0; i < len(all); {
		first, verbs := all[i], []string{}
		for ; i < len(all) && sameThing(all[i], first); i++ {
			verbs = append(verbs, all[i].Verb)
		}
		resource := first.Resource
		if first.Subresource != "" {
			resource += "/" + first.Subresource
		}
		rule := rbacv1.PolicyRule{Verbs: verbs, APIGroups: []string{first.Group}, Resources: []string{resource}}
		if first.Name != "" {
			rule.ResourceNames = []string{first.Name}
		}
		text := rbac.Describe(rule)
		if first.Namespace != "" {
			text += fmt.Sprintf(" in %s", first.Namespace)
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "; ")
}

func sameThing(a, b rbac.Access) bool {
	a.Verb, b.Verb = "", ""
	return a == b
}

// want are accesses to one thing. A review of a cluster-scoped resource must not name a namespace: it would be answered
// for that namespace, and wrongly.
func want(like rbac.Access, verbs ...string) []rbac.Access {
	all := make([]rbac.Access, len(verbs))
	for i, verb := range verbs {
		all[i] = like
		all[i].Verb = verb
	}
	return all
}

func join(lists ...[]rbac.Access) []rbac.Access {
	var all []rbac.Access
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

// rightsInTo are those to make the account, the role and the token there.
func (f *facts) rightsInTo() []rbac.Access {
	const group = "rbac.authorization.k8s.io"
	in := f.to.Namespace
	all := want(rbac.Access{Resource: "namespaces", Name: metav1.NamespaceSystem}, "get")
	if len(f.Rules) > 0 {
		all = join(all,
			want(rbac.Access{Resource: "serviceaccounts", Namespace: in}, "get", "create", "update", "delete"),
			want(rbac.Access{Group: group, Resource: "clusterroles"}, "get", "create", "update", "delete", "escalate", "bind"),
			want(rbac.Access{Group: group, Resource: "clusterrolebindings"}, "get", "create", "update", "delete"),
		)
	} else {
		all = join(all, want(rbac.Access{Resource: "serviceaccounts", Namespace: in}, "get"))
	}
	if len(f.RoleRules) > 0 {
		all = join(all,
			want(rbac.Access{Group: group, Resource: "roles", Namespace: f.RoleNamespace}, "get", "create", "update", "delete", "escalate", "bind"),
			want(rbac.Access{Group: group, Resource: "rolebindings", Namespace: f.RoleNamespace}, "get", "create", "update", "delete"),
		)
	}
	all = join(all, want(rbac.Access{Resource: "secrets", Namespace: in}, "get", "list", "create", "update", "delete"))
	if f.Bound {
		all = join(all, want(rbac.Access{Resource: "serviceaccounts", Subresource: "token", Namespace: in}, "create"))
	}
	return all
}

// rightsInFrom are those to write the remote secret and to ask istiod. A port-forward is a create; over a WebSocket an API
// server may also take it for a get (Kubernetes KEP-4006).
func (f *facts) rightsInFrom() []rbac.Access {
	in := f.from.Namespace
	all := want(rbac.Access{Resource: "namespaces", Name: metav1.NamespaceSystem}, "get")
	if f.From.Hosted {
		return all
	}
	return join(all,
		want(rbac.Access{Resource: "secrets", Namespace: in}, "get", "list", "create", "update", "delete"),
		want(rbac.Access{Resource: "pods", Namespace: in}, "list"),
		want(rbac.Access{Resource: "pods", Subresource: "portforward", Namespace: in}, "get", "create"),
	)
}

// rightsToProbe are those to call from the client, and to take the local side of the service away for it.
func (f *facts) rightsToProbe() []rbac.Access {
	return join(
		want(rbac.Access{Resource: "pods", Namespace: f.Workload.ClientNamespace}, "list"),
		want(rbac.Access{Resource: "pods", Subresource: "exec", Namespace: f.Workload.ClientNamespace}, "get", "create"),
		want(rbac.Access{Group: "apps", Resource: "deployments", Namespace: f.Workload.Namespace}, "get", "update"),
	)
}
