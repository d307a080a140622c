package preflight

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/rbac"
)

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
