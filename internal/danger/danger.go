// Package danger lists the rights that lead to more rights.
package danger

import rbacv1 "k8s.io/api/rbac/v1"

// Danger is a way from some rights to more.
type Danger struct {
	Check  string              // its name
	Small  bool                // it widens what can be reached, rather than what can be done
	Rights []rbacv1.PolicyRule // any of them; without stars and names
	Names  []string            // under which resourceNames they are dangerous too; "*" is any
	Why    string
	Remedy string
	Source string // a page, or a path in a repository
}

// GoodPractices is the page of Kubernetes that names most dangers, without the section.
const GoodPractices = "https://kubernetes.io/docs/concepts/security/rbac-good-practices/#"

// All are the ways that the page "RBAC Good Practices" names, and those beside them.
func All() []Danger {
	return []Danger{
		{
			"escalate", false,
			[]rbacv1.PolicyRule{rights(of(rbacv1.GroupName), of("clusterroles", "roles"), of("escalate"))},
			nil,
			"whoever may write roles too can give a role rights that he lacks, his own role included", "drop the verb: without it an API server lets him give what he has",
			GoodPractices + "escalate-verb",
		},
		{
			"bind", false,
			[]rbacv1.PolicyRule{rights(of(rbacv1.GroupName), of("clusterroles", "roles"), of("bind"))},
			of("cluster-admin"),
			"whoever may write bindings too can bind himself to any role, such as cluster-admin", "name the roles that may be bound with resourceNames",
			GoodPractices + "bind-verb",
		},
		{
			"impersonate", false,
			[]rbacv1.PolicyRule{
				rights(of(""), of("users", "groups", "serviceaccounts"), of("impersonate")),
				rights(of("authentication.k8s.io"), of("uids", "userextras/scopes"), of("impersonate")),
			},
			of("system:masters"),
			"a request may be made as anybody, a member of system:masters included", "name the users, groups and accounts with resourceNames",
			GoodPractices + "impersonate-verb",
		},
		{
			"nodes-proxy", false,
			[]rbacv1.PolicyRule{rights(of(""), of("nodes/proxy"), of("create", "delete", "get", "patch", "update"))},
			of("*"),
			"the kubelet runs commands in every pod of the node for it, past admission and the audit log; get is enough, as a web socket is opened with it",
			"grant nodes/metrics, nodes/stats or nodes/log instead",
			GoodPractices + "access-to-proxy-subresource-of-nodes",
		},
		{
			"pods-exec", false,
			[]rbacv1.PolicyRule{
				rights(of(""), of("pods/attach", "pods/exec"), of("create", "get")),
				rights(of(""), of("pods/ephemeralcontainers"), of("patch", "update")),
			},
			nil,
			"a command in a pod has the rights of its ServiceAccount and reads the Secrets that it mounts; before Kubernetes 1.35 get is enough, as a web socket is opened with it",
			"leave it to people who may act as every account of the namespace, or name the pods with resourceNames",
			GoodPractices + "workload-creation; Kubernetes pkg/registry/core/pod/rest/subresources.go",
		},
		{
			"pods-portforward", true,
			[]rbacv1.PolicyRule{
				rights(of(""), of("pods/portforward"), of("create", "get")),
				rights(of(""), of("pods/proxy", "services/proxy"), of("create", "delete", "get", "patch", "update")),
			},
			nil,
			"every port of the pods is reached, past network policies and what listens on localhost only", "name the pods or services with resourceNames",
			"Kubernetes pkg/registry/core/pod/rest/subresources.go",
		},
		{
			"pods-create", false, workloads(), nil,
			"a pod runs as any ServiceAccount of its namespace and mounts any Secret there; a privileged one has its node",
			"keep what is more trusted in other namespaces, and enforce a Pod Security Standard",
			GoodPractices + "workload-creation",
		},
		{
			"secrets-read", false,
			[]rbacv1.PolicyRule{rights(of(""), of("secrets"), of("get", "list", "watch"))},
			nil,
			"the content of every Secret is shown, tokens of ServiceAccounts included; list and watch show it as get does", "name the Secrets with resourceNames",
			GoodPractices + "listing-secrets",
		},
		{
			"token-create", false,
			[]rbacv1.PolicyRule{rights(of(""), of("serviceaccounts/token"), of("create"))},
			nil,
			"a token of every ServiceAccount can be had, and its rights with it", "name the accounts with resourceNames",
			GoodPractices + "token-request",
		},
		{
			"csr-approve", false,
			[]rbacv1.PolicyRule{
				rights(of("certificates.k8s.io"), of("certificatesigningrequests/approval", "certificatesigningrequests/status"), of("patch", "update")),
				rights(of("certificates.k8s.io"), of("signers"), of("approve", "sign")),
			},
			of("kubernetes.io/kube-apiserver-client", "kubernetes.io/*"),
			"a client certificate can be had for any user and group, if the signer kubernetes.io/kube-apiserver-client may be approved", "name the signers with resourceNames",
			GoodPractices + "csrs-and-certificate-issuing",
		},
		{
			"webhooks-write", false,
			[]rbacv1.PolicyRule{rights(of("admissionregistration.k8s.io"), of("mutatingwebhookconfigurations", "validatingwebhookconfigurations"), of("create", "patch", "update"))},
			nil,
			"a webhook reads every object that is admitted, and a mutating one changes it", "name the configurations with resourceNames, and create them otherwise",
			GoodPractices + "control-admission-webhooks",
		},
		{
			"persistentvolumes-create", false,
			[]rbacv1.PolicyRule{rights(of(""), of("persistentvolumes"), of("create"))},
			nil,
			"a volume of type hostPath gives a pod the files of its node", "grant persistentvolumeclaims instead",
			GoodPractices + "persistent-volume-creation",
		},
		{
			"namespaces-write", false,
			[]rbacv1.PolicyRule{rights(of(""), of("namespaces"), of("patch", "update"))},
			of("*"),
			"labels of a namespace choose its Pod Security Standard, and which network policies let its pods in", "leave namespaces to those who make them",
			GoodPractices + "namespace-modification",
		},
	}
}

// workloads make pods.
func workloads() []rbacv1.PolicyRule {
	return []rbacv1.PolicyRule{
		rights(of(""), of("pods"), of("create")),
		rights(of(""), of("replicationcontrollers"), of("create", "update", "patch")),
		rights(of("apps"), of("daemonsets", "deployments", "replicasets", "statefulsets"), of("create", "update", "patch")),
		rights(of("batch"), of("cronjobs", "jobs"), of("create", "update", "patch")),
	}
}

func rights(groups, resources, verbs []string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{Verbs: verbs, APIGroups: groups, Resources: resources}
}

func of(values ...string) []string { return values }
