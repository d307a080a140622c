package rbac_test

import (
	"fmt"
	"os"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/meshpeer/meshpeer/rbac"
)

// The reader for an istiod 1.31 that reads this cluster under a name of its own.
func ExampleRender() {
	reader, err := rbac.Render(rbac.Options{
		Profile:        rbac.Minimal,
		IstioVersion:   "1.31.0",
		ServiceAccount: "cluster-2-reader",
		Name:           "cluster-2-reads",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	reader.ClusterRole.Rules = reader.ClusterRole.Rules[:1] // to keep this short
	if err := reader.WriteYAML(os.Stdout); err != nil {
		fmt.Println(err)
	}
	// Output:
	// apiVersion: v1
	// kind: ServiceAccount
	// metadata:
	//   labels:
	//     app: istio-reader
	//   name: cluster-2-reader
	//   namespace: istio-system
	// ---
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
	// kind: ClusterRoleBinding
	// metadata:
	//   labels:
	//     app: istio-reader
	//   name: cluster-2-reads
	// roleRef:
	//   apiGroup: rbac.authorization.k8s.io
	//   kind: ClusterRole
	//   name: cluster-2-reads
	// subjects:
	// - kind: ServiceAccount
	//   name: cluster-2-reader
	//   namespace: istio-system
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
	// list,watch configmaps
	//   every ConfigMap can be read, while istiod reads the one that holds the mesh configuration
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
