package rbac

import (
	"fmt"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
)

// danger is a way from some rights to more.
type danger struct {
	check    string
	severity Severity
	rights   []rbacv1.PolicyRule // without stars
	names    []string            // under which resourceNames they are dangerous too; "*" is any
	why      string
	remedy   string
	source   string
}

const goodPractices = "https://kubernetes.io/docs/concepts/security/rbac-good-practices/#"

const rbacGroup = rbacv1.GroupName

// workloads make pods.
var workloads = []rbacv1.PolicyRule{
	policy(of(""), of("pods"), of("create")),
	policy(of(""), of("replicationcontrollers"), of("create", "update", "patch")),
	policy(of("apps"), of("daemonsets", "deployments", "replicasets", "statefulsets"), of("create", "update", "patch")),
	policy(of("batch"), of("cronjobs", "jobs"), of("create", "update", "patch")),
}

// dangers are the ways that the page "RBAC Good Practices" names, and those beside them.
var dangers = []danger{
	{
		"escalate", SeverityDanger,
		[]rbacv1.PolicyRule{policy(of(rbacGroup), of("clusterroles", "roles"), of("escalate"))},
		nil,
		"whoever may write roles too can give a role rights that he lacks, his own role included", "drop the verb: without it an API server lets him give what he has",
		goodPractices + "escalate-verb",
	},
	{
		"bind", SeverityDanger,
		[]rbacv1.PolicyRule{policy(of(rbacGroup), of("clusterroles", "roles"), of("bind"))},
		of("cluster-admin"),
		"whoever may write bindings too can bind himself to any role, such as cluster-admin", "name the roles that may be bound with resourceNames",
		goodPractices + "bind-verb",
	},
	{
		"impersonate", SeverityDanger,
		[]rbacv1.PolicyRule{
			policy(of(""), of("users", "groups", "serviceaccounts"), of("impersonate")),
			policy(of("authentication.k8s.io"), of("uids"), of("impersonate")),
		},
		of("system:masters"),
		"a request may be made as anybody, a member of system:masters included", "name the users, groups and accounts with resourceNames",
		goodPractices + "impersonate-verb",
	},
	{
		"nodes-proxy", SeverityDanger,
		[]rbacv1.PolicyRule{policy(of(""), of("nodes/proxy"), of("create", "delete", "get", "patch", "update"))},
		of("*"),
		"the kubelet runs commands in every pod of the node for it, past admission and the audit log; get is enough, as a web socket is opened with it",
		"grant nodes/metrics, nodes/stats or nodes/log instead",
		goodPractices + "access-to-proxy-subresource-of-nodes",
	},
	{
		"pods-exec", SeverityDanger,
		[]rbacv1.PolicyRule{
			policy(of(""), of("pods/attach", "pods/exec"), of("create", "get")),
			policy(of(""), of("pods/ephemeralcontainers"), of("patch", "update")),
		},
		nil,
		"a command in a pod has the rights of its ServiceAccount and reads the Secrets that it mounts; before Kubernetes 1.35 get is enough, as a web socket is opened with it",
		"leave it to people who may act as every account of the namespace, or name the pods with resourceNames",
		goodPractices + "workload-creation; Kubernetes pkg/registry/core/pod/rest/subresources.go",
	},
	{
		"pods-portforward", SeverityCaution,
		[]rbacv1.PolicyRule{
			policy(of(""), of("pods/portforward"), of("create", "get")),
			policy(of(""), of("pods/proxy", "services/proxy"), of("create", "delete", "get", "patch", "update")),
		},
		nil,
		"every port of the pods is reached, past network policies and what listens on localhost only", "name the pods or services with resourceNames",
		"Kubernetes pkg/registry/core/pod/rest/subresources.go",
	},
	{
		"pods-create", SeverityDanger, workloads, nil,
		"a pod runs as any ServiceAccount of its namespace and mounts any Secret there; a privileged one has its node",
		"keep what is more trusted in other namespaces, and enforce a Pod Security Standard",
		goodPractices + "workload-creation",
	},
	{
		"secrets-read", SeverityDanger,
		[]rbacv1.PolicyRule{policy(of(""), of("secrets"), of("get", "list", "watch"))},
		nil,
		"the content of every Secret is shown, tokens of ServiceAccounts included; list and watch show it as get does", "name the Secrets with resourceNames",
		goodPractices + "listing-secrets",
	},
	{
		"token-create", SeverityDanger,
		[]rbacv1.PolicyRule{policy(of(""), of("serviceaccounts/token"), of("create"))},
		nil,
		"a token of every ServiceAccount can be had, and its rights with it", "name the accounts with resourceNames",
		goodPractices + "token-request",
	},
	{
		"csr-approve", SeverityDanger,
		[]rbacv1.PolicyRule{
			policy(of("certificates.k8s.io"), of("certificatesigningrequests/approval"), of("patch", "update")),
			policy(of("certificates.k8s.io"), of("signers"), of("approve", "sign")),
		},
		of("kubernetes.io/kube-apiserver-client", "kubernetes.io/*"),
		"a client certificate can be had for any user and group, if the signer kubernetes.io/kube-apiserver-client may be approved", "name the signers with resourceNames",
		goodPractices + "csrs-and-certificate-issuing",
	},
	{
		"webhooks-write", SeverityDanger,
		[]rbacv1.PolicyRule{policy(of("admissionregistration.k8s.io"), of("mutatingwebhookconfigurations", "validatingwebhookconfigurations"), of("create", "patch", "update"))},
		nil,
		"a webhook reads every object that is admitted, and a mutating one changes it", "name the configurations with resourceNames, and create them otherwise",
		goodPractices + "control-admission-webhooks",
	},
	{
		"persistentvolumes-create", SeverityDanger,
		[]rbacv1.PolicyRule{policy(of(""), of("persistentvolumes"), of("create"))},
		nil,
		"a volume of type hostPath gives a pod the files of its node", "grant persistentvolumeclaims instead",
		goodPractices + "persistent-volume-creation",
	},
	{
		"namespaces-write", SeverityCaution,
		[]rbacv1.PolicyRule{policy(of(""), of("namespaces"), of("patch", "update"))},
		of("*"),
		"labels of a namespace choose its Pod Security Standard, and which network policies let its pods in", "leave namespaces to those who make them",
		goodPractices + "namespace-modification",
	},
}

// everything is what cluster-admin has on resources.
var everything = policy(of("*"), of("*"), of("*"))

// dangers tells which rights of a rule lead to more. A rule for everything is one finding.
func (l *linter) dangers(i int, rule rbacv1.PolicyRule) {
	at := fmt.Sprintf("rules[%d]", i)
	if len(Missing([]rbacv1.PolicyRule{rule}, []rbacv1.PolicyRule{everything})) == 0 {
		l.add(Finding{
			Check: "all-rights", Severity: SeverityDanger, Field: at, Rights: []rbacv1.PolicyRule{*everything.DeepCopy()},
			Why: "it is every right on every resource, those of the future too", Remedy: "list what is needed", Source: goodPractices + "least-privilege",
		})
		return
	}
	for _, d := range dangers {
		if rights := l.dangerous(d, rule); len(rights) > 0 {
			l.add(Finding{Check: d.check, Severity: d.severity, Field: at, Rights: rights, Why: d.why, Remedy: d.remedy, Source: d.source})
		}
	}
	var stars []string
	for _, field := range []struct {
		name   string
		values []string
		beside []string // what a right needs of the rule too
	}{
		{"verbs", rule.Verbs, slices.Concat(rule.Resources, rule.NonResourceURLs)},
		{"apiGroups", rule.APIGroups, rule.Resources},
		{"resources", rule.Resources, rule.APIGroups},
		{"nonResourceURLs", rule.NonResourceURLs, rule.Verbs},
	} {
		if len(field.beside) > 0 && slices.Contains(field.values, "*") {
			stars = append(stars, field.name)
		}
	}
	if len(stars) > 0 {
		l.add(Finding{
			Check: "star", Severity: SeverityCaution, Field: at, Rights: []rbacv1.PolicyRule{*rule.DeepCopy()},
			Why: "a star in " + strings.Join(stars, " and ") + " also stands for what comes later", Remedy: "list what is needed", Source: goodPractices + "least-privilege",
		})
	}
}

// dangerous are the rights of a danger that the rule grants and that a request can match.
func (l *linter) dangerous(d danger, rule rbacv1.PolicyRule) []rbacv1.PolicyRule {
	names := slices.Clone(rule.ResourceNames)
	if !slices.Contains(d.names, "*") {
		names = slices.DeleteFunc(names, func(name string) bool { return !slices.Contains(d.names, name) })
	}
	if len(rule.ResourceNames) > 0 && len(names) == 0 {
		return nil
	}
	rule.ResourceNames = nil
	var granted []atom
	for _, a := range atoms(d.rights) {
		asked := Access{Verb: a.verb, Group: a.group, Resource: a.resource}
		if ruleAllows(rule, asked.split()) && len(l.matcher.judge([]string{a.verb, a.group, a.resource}, l.namespaced)) == 0 {
			granted = append(granted, a.under(names)...)
		}
	}
	return compact(granted)
}
