package rbac_test

import (
	"fmt"
	"os"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/meshpeer/meshpeer/rbac"
)

// A rule that its author took for good: only one of its rights is ever asked for.
func ExampleLint() {
	rules := []rbacv1.PolicyRule{{
		Verbs:         []string{"get", "create"},
		APIGroups:     []string{"", "apps/v1"},
		Resources:     []string{"secrets", "deployment"},
		ResourceNames: []string{"cart"},
	}}
	for _, finding := range rbac.Lint(rules, rbac.LintOptions{}) {
		fmt.Println(finding)
	}
	// Output:
	// broken never-matches rules[0].apiGroups[1]: "apps/v1" has a version, which RBAC does not look at; write "apps"
	// broken never-matches rules[0].resources[1]: "deployment" is not a resource in the core group; write resource "deployments" in group "apps"
	// broken create-by-name rules[0].verbs[1]: "create" names no object where a request is authorized, so it never matches resourceNames; grant it in a rule without resourceNames
}

// What a chart grants that leads to more, and what it grants to nobody.
func ExamplePolicy_Lint() {
	policy, err := rbac.Load(strings.NewReader(`
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: cart, namespace: shop}
rules:
- {apiGroups: [""], resources: [secrets], verbs: [get, list]}
- {apiGroups: [""], resources: [nodes], verbs: [list]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: cart, namespace: shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: cart}
subjects: [{kind: Group, name: "system:serviceaccount:shop"}]
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := rbac.WriteFindings(os.Stdout, policy.Lint(rbac.LintOptions{})); err != nil {
		fmt.Println(err)
	}
	// Output:
	// danger secrets-read: Role shop/cart rules[0]
	//     get,list secrets
	//   the content of every Secret is shown, tokens of ServiceAccounts included; list and watch show it as get does
	//   do: name the Secrets with resourceNames
	//   see: https://kubernetes.io/docs/concepts/security/rbac-good-practices/#listing-secrets
	// broken cluster-scoped: Role shop/cart rules[1].resources[0]
	//     list nodes
	//   "nodes" is asked for without a namespace, and the rule holds in namespaces only
	//   do: grant it with a ClusterRole and a ClusterRoleBinding
	//   see: Kubernetes pkg/registry/rbac/validation/rule.go, VisitRulesFor
	// broken nobody: RoleBinding shop/cart subjects[0].name
	//   "system:serviceaccount:shop" is a user or nobody, and no group has that name
	//   do: write kind ServiceAccount, or the group system:serviceaccounts:<namespace>
	//   see: Kubernetes apiserver pkg/authentication/user/user.go and pkg/authentication/serviceaccount/util.go
}

// What the reader of Istio 1.29 may do that the one of 1.28 may not, as the chart with istiodRemote.enabled has it.
func ExampleDiff() {
	rules := func(version string, profile rbac.Profile) []rbacv1.PolicyRule {
		reader, err := rbac.Render(rbac.Options{Profile: profile, IstioVersion: version})
		if err != nil {
			panic(err)
		}
		return reader.ClusterRole.Rules
	}
	difference := rbac.Diff(rules("1.28", rbac.Upstream), rules("1.29", rbac.RemoteControlPlane))
	if err := difference.WriteText(os.Stdout); err != nil {
		fmt.Println(err)
	}
	// Output:
	// + create,get,list,update,watch configmaps
	// + get,list,patch,update,watch mutatingwebhookconfigurations.admissionregistration.k8s.io (danger: webhooks-write)
	// + get,list,update,watch validatingwebhookconfigurations.admissionregistration.k8s.io (danger: webhooks-write)
}

// A pull request binds a role for one namespace everywhere, and adds a binding to a role that is not in it.
func ExampleDiffPolicies() {
	const role = `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: audit}
rules: [{apiGroups: [""], resources: [pods, secrets], verbs: [list]}]
---
`
	load := func(text string) *rbac.Policy {
		policy, err := rbac.Load(strings.NewReader(role + text))
		if err != nil {
			panic(err)
		}
		return policy
	}
	before := load(`
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: audit, namespace: shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: audit}
subjects: [{kind: User, name: audrey}]
`)
	after := load(`
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: audit}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: audit}
subjects: [{kind: User, name: audrey}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: bob, namespace: shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: edit}
subjects: [{kind: User, name: bob}]
`)
	if err := rbac.DiffPolicies(before, after).WriteText(os.Stdout); err != nil {
		fmt.Println(err)
	}
	// Output:
	// User audrey, everywhere:
	// + list pods, secrets (danger: secrets-read)
	// User bob, in namespace shop:
	// + whatever ClusterRole edit grants, which the policy does not have
}
