package rbactest_test

import (
	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/rbac/rbactest"
)

// The role that a cluster has is the one that istiod 1.27 needs, and nothing else: the chart of 1.26 granted more.
func ExampleEquivalent() {
	var t printer
	reader := func(version string) *rbac.Reader {
		reader, err := rbac.Render(rbac.Options{Profile: rbac.Upstream, IstioVersion: version})
		if err != nil {
			t.Fatalf("%v", err)
		}
		return reader
	}
	rbactest.Equivalent(t, reader("1.26").ClusterRole.Rules, reader("1.27").ClusterRole.Rules)
	// Output:
	// rbactest: the rules do not grant what they should; + is too much, - is missing:
	// 	+ get,list,watch configmaps
	// change the roles, or what is compared with if it is meant
}

// What an upgrade of a chart may let its account do is bounded by what the team has agreed to.
func ExamplePolicyNoWiderThan() {
	var t printer
	policy := func(version string) *rbac.Policy {
		reader, err := rbac.Render(rbac.Options{Profile: rbac.Upstream, IstioVersion: version})
		if err != nil {
			t.Fatalf("%v", err)
		}
		p, err := rbac.NewPolicy(reader.Objects()...)
		if err != nil {
			t.Fatalf("%v", err)
		}
		return p
	}
	agreed, upgraded := policy("1.28"), policy("1.29")
	rbactest.PolicyNoWiderThan(t, upgraded, agreed)
	// Output:
	// rbactest: the policy grants more than the limit:
	// 	ServiceAccount istio-system/istio-reader-service-account, everywhere:
	// 	+ get,list,watch configmaps
	// remove that from the roles or bindings, or add it to the limit if it is meant
}
