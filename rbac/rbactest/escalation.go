package rbactest

import (
	"slices"
	"strings"

	"github.com/meshpeer/meshpeer/internal/danger"
	"github.com/meshpeer/meshpeer/rbac"
)

// NoEscalation fails tb for each way to more rights that the policy gives a subject, in any namespace and under any name.
// The ways are the dangers of [rbac.Lint], by the names of its checks: escalate, bind, impersonate, nodes-proxy, pods-exec,
// pods-create, secrets-read, token-create, csr-approve, webhooks-write, persistentvolumes-create, namespaces-write. Those in
// except are meant, and must be there: an exception that is no longer needed fails tb too.
//
// Not among them is the writing of roles and bindings, of which an API server refuses what the writer has not.
func NoEscalation(tb TB, p *rbac.Policy, s rbac.Subject, except ...string) {
	tb.Helper()
	if !known(tb, p, s) {
		return
	}
	ways := slices.DeleteFunc(danger.All(), func(d danger.Danger) bool { return d.Small })
	for _, name := range except {
		if !slices.ContainsFunc(ways, func(w danger.Danger) bool { return w.Check == name }) {
			tb.Fatalf("rbactest: NoEscalation knows no way %q: use one of %s", name, names(ways))
			return
		}
	}
	for _, w := range ways {
		fault := open(w, p, s)
		switch meant := slices.Contains(except, w.Check); {
		case meant && fault == "":
			tb.Errorf("rbactest: %s can no longer get more rights by way of %q: drop the exception", s, w.Check)
		case !meant && fault != "":
			tb.Errorf("rbactest: more rights by way of %q (%s): %s; or except %[1]q if it is meant", w.Check, w.Why, fault)
		}
	}
}

// open says which access opens a way to a subject; "" if none does.
func open(w danger.Danger, p *rbac.Policy, s rbac.Subject) string {
	for _, right := range w.Rights {
		for _, group := range right.APIGroups {
			for _, resource := range right.Resources {
				resource, subresource, _ := strings.Cut(resource, "/")
				for _, verb := range right.Verbs {
					if fault := allowed(p, s, rbac.Access{Verb: verb, Group: group, Resource: resource, Subresource: subresource}); fault != "" {
						return fault
					}
				}
			}
		}
	}
	return ""
}

func names(ways []danger.Danger) string {
	names := make([]string, len(ways))
	for i, w := range ways {
		names[i] = w.Check
	}
	return strings.Join(names, ", ")
}
