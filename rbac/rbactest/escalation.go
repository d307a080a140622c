package rbactest

import (
	"slices"
	"strings"

	"github.com/meshpeer/meshpeer/rbac"
)

// way is a way to rights that a subject has not been given.
type way struct{ name, why, accesses string }

// ways are named in Kubernetes' "RBAC Good Practices"
// (https://kubernetes.io/docs/concepts/security/rbac-good-practices/#privilege-escalation-risks).
var ways = []way{
	{"mint tokens", "a token of any other account of the namespace can be made", "create serviceaccounts/token"},
	{"bind", "any role can be bound, cluster-admin too", "bind roles.rbac.authorization.k8s.io, bind clusterroles.rbac.authorization.k8s.io"},
	{"escalate", "any rule can be written into a role", "escalate roles.rbac.authorization.k8s.io, escalate clusterroles.rbac.authorization.k8s.io"},
	{
		"impersonate", "requests are made in the name of another",
		"impersonate users, impersonate groups, impersonate serviceaccounts, impersonate uids.authentication.k8s.io, impersonate userextras.authentication.k8s.io/scopes",
	},
	{
		"exec", "commands run as the account of another pod",
		"create pods/exec, get pods/exec, create pods/attach, get pods/attach, update pods/ephemeralcontainers, patch pods/ephemeralcontainers",
	},
	{"read secrets", "tokens and keys of others can be read; list and watch show contents too", "get secrets, list secrets, watch secrets"},
	{"nodes/proxy", "the kubelet runs commands in any pod of the node, and no audit log shows it", "get nodes/proxy, create nodes/proxy"},
	{
		"run pods", "a pod may run as any account of the namespace, and mount any Secret",
		"create pods, create replicationcontrollers, update replicationcontrollers, patch replicationcontrollers, " +
			"create deployments.apps, update deployments.apps, patch deployments.apps, create daemonsets.apps, update daemonsets.apps, patch daemonsets.apps, " +
			"create statefulsets.apps, update statefulsets.apps, patch statefulsets.apps, create replicasets.apps, update replicasets.apps, patch replicasets.apps, " +
			"create jobs.batch, create cronjobs.batch, update cronjobs.batch, patch cronjobs.batch",
	},
	{"persistent volumes", "a volume may be any directory of a node", "create persistentvolumes"},
	{
		"webhooks", "an admission webhook sees every object, and may change it",
		"create mutatingwebhookconfigurations.admissionregistration.k8s.io, update mutatingwebhookconfigurations.admissionregistration.k8s.io, patch mutatingwebhookconfigurations.admissionregistration.k8s.io, " +
			"create validatingwebhookconfigurations.admissionregistration.k8s.io, update validatingwebhookconfigurations.admissionregistration.k8s.io, patch validatingwebhookconfigurations.admissionregistration.k8s.io",
	},
	{
		"sign certificates", "a client certificate may be for any user",
		"update certificatesigningrequests.certificates.k8s.io/approval, patch certificatesigningrequests.certificates.k8s.io/approval, " +
			"update certificatesigningrequests.certificates.k8s.io/status, patch certificatesigningrequests.certificates.k8s.io/status",
	},
	{"change namespaces", "labels of a Namespace switch off pod security", "update namespaces, patch namespaces"},
}

// NoEscalation fails tb for each of these ways to more rights that the policy gives a subject, in any namespace and under
// any name: mint tokens, bind, escalate, impersonate, exec, read secrets, nodes/proxy, run pods, persistent volumes,
// webhooks, sign certificates, change namespaces. The ways in except are meant, and must be there: an exception that is no
// longer needed fails tb too.
//
// Not among them is the writing of roles and bindings, of which an API server refuses what the writer has not.
func NoEscalation(tb TB, p *rbac.Policy, s rbac.Subject, except ...string) {
	tb.Helper()
	if !known(tb, p, s) {
		return
	}
	for _, name := range except {
		if !slices.ContainsFunc(ways, func(w way) bool { return w.name == name }) {
			tb.Fatalf("rbactest: NoEscalation knows no way %q: use one of %s", name, wayNames())
			return
		}
	}
	for _, w := range ways {
		fault := w.open(p, s)
		switch meant := slices.Contains(except, w.name); {
		case meant && fault == "":
			tb.Errorf("rbactest: %s can no longer get more rights by way of %q: drop the exception", s, w.name)
		case !meant && fault != "":
			tb.Errorf("rbactest: more rights by way of %q (%s): %s; or except %[1]q if it is meant", w.name, w.why, fault)
		}
	}
}

// open says which access opens the way to a subject; "" if none does.
func (w way) open(p *rbac.Policy, s rbac.Subject) string {
	for text := range strings.SplitSeq(w.accesses, ", ") {
		a, err := rbac.ParseAccess(text)
		if err != nil {
			return err.Error() // a test asks for each
		}
		if fault := allowed(p, s, a); fault != "" {
			return fault
		}
	}
	return ""
}

func wayNames() string {
	names := make([]string, len(ways))
	for i, w := range ways {
		names[i] = w.name
	}
	return strings.Join(names, ", ")
}
