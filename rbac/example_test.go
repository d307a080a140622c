package rbac_test

import (
	"fmt"
	"os"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/rbac"
)

// The reader for an istiod 1.31 that reads this cluster under a name of its own.
func ExampleRender() {
	reader, err := rbac.Render(rbac.Options{
		Profile:        rbac.Minimal,
		IstioVersion:   "1.31.0",
		ServiceAccount: "cluster-2-reader",
		Name:           "cluster-2-reads",
		Revisions:      []string{"default", "canary"}, // of the istiods of cluster-2
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	reader.ClusterRole.Rules = reader.ClusterRole.Rules[:1] // to keep this short
	reader.ServiceAccount, reader.ClusterRoleBinding, reader.RoleBinding = nil, nil, nil
	if err := reader.WriteYAML(os.Stdout); err != nil {
		fmt.Println(err)
	}
	// Output:
	// apiVersion: rbac.authorization.k8s.io/v1
	// kind: ClusterRole
	// metadata:
	//   labels:
	//     app: istio-reader
	//   name: cluster-2-reads
	// rules:
	// - apiGroups:
	//   - ""
	//   resources:
	//   - namespaces
	//   - nodes
	//   - pods
	//   - services
	//   verbs:
	//   - list
	//   - watch
	// ---
	// apiVersion: rbac.authorization.k8s.io/v1
	// kind: Role
	// metadata:
	//   labels:
	//     app: istio-reader
	//   name: cluster-2-reads
	//   namespace: istio-system
	// rules:
	// - apiGroups:
	//   - ""
	//   resourceNames:
	//   - istio
	//   - istio-canary
	//   resources:
	//   - configmaps
	//   verbs:
	//   - list
	//   - watch
}

// A version newer than the known ones is rendered as the newest, and says so.
func ExampleRender_warnings() {
	reader, err := rbac.Render(rbac.Options{Profile: rbac.Upstream, IstioVersion: "1.40.1"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(reader.Warnings[0])
	// Output:
	// IstioVersion "1.40.1" is newer than 1.31, the newest whose charts are known: rendered as 1.31; compare with its own chart
}

// What the smallest role still grants beyond need.
func ExampleExplain() {
	rules, err := rbac.Explain(rbac.Options{Profile: rbac.Minimal})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, rule := range rules {
		if rule.OverGrant != "" {
			fmt.Printf("%s\n  %s\n", rbac.Describe(rule.PolicyRule), rule.OverGrant)
		}
	}
	// Output:
	// list,watch secrets
	//   every Secret of the cluster can be read, tokens of other service accounts and TLS keys included, while istiod uses gateway credentials only
}

// What a role rendered for Istio 1.28 lacks for 1.29, and what ASM's has that
// neither asks for.
func ExampleMissing() {
	rules := func(o rbac.Options) []rbacv1.PolicyRule {
		reader, err := rbac.Render(o)
		if err != nil {
			panic(err)
		}
		return reader.ClusterRole.Rules
	}
	old := rules(rbac.Options{Profile: rbac.Upstream, IstioVersion: "1.28"})
	now := rules(rbac.Options{Profile: rbac.Upstream, IstioVersion: "1.29"})
	asm := rules(rbac.Options{})
	for _, rule := range rbac.Missing(old, now) {
		fmt.Println("missing:", rbac.Describe(rule))
	}
	for _, rule := range rbac.Extra(asm, now) {
		fmt.Println("extra:", rbac.Describe(rule))
	}
	// Output:
	// missing: get,list,watch configmaps
	// extra: get,watch,list gatewayclasses.networking.x-k8s.io, gatewayclasses.gateway.networking.k8s.io
	// extra: create,update configmaps
}

// What a person writes, and what is wrong with it.
func ExampleParseAccess() {
	for _, text := range []string{"get pods/log -n x", "list deployments.apps", "GET secret", "list deployments"} {
		access, err := rbac.ParseAccess(text)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(access)
	}
	// Output:
	// get pods/log in namespace x
	// list deployments.apps
	// Access.Resource "secret": is not the plural of a resource in the core group; write "secrets"
	// Access.Verb "GET": is not a verb of the API; write "get"
	// Access.Resource "deployments": is not a resource in the core group; write Resource "deployments" and Group "apps"
}

// The rules of an aggregated ClusterRole are those of the roles that it selects.
func ExampleRulesOf() {
	viewers := &rbacv1.ClusterRole{
		ObjectMeta:      metav1.ObjectMeta{Name: "viewers"},
		AggregationRule: &rbacv1.AggregationRule{ClusterRoleSelectors: []metav1.LabelSelector{{MatchLabels: map[string]string{"to-viewers": "true"}}}},
	}
	pods := &rbacv1.ClusterRole{
		ObjectMeta: metav1.ObjectMeta{Name: "pods", Labels: map[string]string{"to-viewers": "true"}},
		Rules:      []rbacv1.PolicyRule{{Verbs: []string{"list"}, APIGroups: []string{""}, Resources: []string{"pods"}}},
	}
	if _, err := rbac.RulesOf(viewers); err != nil {
		fmt.Println(err)
	}
	rules, err := rbac.RulesOf(viewers, pods)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(rbac.Describe(rules[0]))
	// Output:
	// rbac: no rules: ClusterRole "viewers" is aggregated: a controller fills in its rules; give the ClusterRoles that it is aggregated from
	// list pods
}

func ExampleAllows() {
	reader, err := rbac.Render(rbac.Options{Profile: rbac.Minimal})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, access := range []rbac.Access{
		{Verb: "watch", Group: "discovery.k8s.io", Resource: "endpointslices"},
		{Verb: "update", Resource: "configmaps", Namespace: "kube-system", Name: "coredns"},
		{Verb: "get", Path: "/metrics"},
	} {
		fmt.Println(access, rbac.Allows(reader.ClusterRole.Rules, access))
	}
	// Output:
	// watch endpointslices.discovery.k8s.io true
	// update configmaps named coredns in namespace kube-system false
	// get /metrics false
}

const shopYAML = `
apiVersion: v1
kind: ServiceAccount
metadata: {name: cart, namespace: shop}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: cart, namespace: shop}
rules:
- {apiGroups: [""], resources: [secrets], resourceNames: [cart-key], verbs: [get]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: cart, namespace: shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: cart}
subjects: [{kind: ServiceAccount, name: cart}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: team, namespace: shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
subjects: [{kind: Group, name: shop-team, apiGroup: rbac.authorization.k8s.io}]
`

func mustLoad(text string) *rbac.Policy {
	p, err := rbac.Load(strings.NewReader(text))
	if err != nil {
		panic(err)
	}
	return p
}

// What a chart renders, and a mistake in it.
func ExampleLoad() {
	p, err := rbac.Load(strings.NewReader(shopYAML))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(p.Objects()), "objects, skipped:", p.Skipped())
	for _, d := range p.Dangling() {
		fmt.Println(d)
	}
	_, err = rbac.Load(strings.NewReader(strings.Replace(shopYAML, "rules:", "rule:", 1)))
	fmt.Println(err)
	// Output:
	// 3 objects, skipped: map[v1 ServiceAccount:1]
	// RoleBinding shop/team refers to ClusterRole view, which the policy does not have
	// rbac: stream 1, document 2 (line 6): Role: strict decoding error: unknown field "rule"
}

func ExamplePolicy_Allows() {
	p := mustLoad(shopYAML)
	cart := rbac.ServiceAccount("shop", "cart")
	for _, name := range []string{"cart-key", "bank-key"} {
		d := p.Allows(cart, rbac.Access{Verb: "get", Resource: "secrets", Namespace: "shop", Name: name})
		fmt.Println(d.Allowed, d.Reason)
	}
	// Output:
	// true RoleBinding shop/cart binds ServiceAccount shop/cart to Role shop/cart, whose rules[0] allows it: get secrets named cart-key
	// false no rule that ServiceAccount shop/cart has allows it
}

func ExamplePolicy_WhoCan() {
	p := mustLoad(shopYAML)
	for _, g := range p.WhoCan(rbac.Access{Verb: "get", Resource: "secrets", Namespace: "shop", Name: "cart-key"}) {
		fmt.Println(g.Subject.Kind, g.Subject.Namespace, g.Subject.Name, "by", g.Binding)
	}
	// Output:
	// ServiceAccount shop cart by RoleBinding shop/cart
}

func ExamplePolicy_Rules() {
	p := mustLoad(shopYAML)
	for _, rule := range p.Rules(rbac.ServiceAccount("shop", "cart"), "shop") {
		fmt.Println(rbac.Describe(rule))
	}
	// Output:
	// get secrets named cart-key
}
