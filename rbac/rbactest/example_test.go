package rbactest_test

import (
	"fmt"

	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/rbac/rbactest"
)

// printer stands for the *testing.T of a real test.
type printer struct{}

func (printer) Helper() {}

func (printer) Errorf(format string, args ...any) { fmt.Printf(format+"\n", args...) }

func (printer) Fatalf(format string, args ...any) { fmt.Printf(format+"\n", args...) }

func Example() {
	var t printer
	reader, err := rbac.Render(rbac.Options{}) // ASM's documented role
	if err != nil {
		t.Fatalf("%v", err)
		return
	}
	rules := reader.ClusterRole.Rules
	rbactest.Allows(t, rules, rbac.Access{Verb: "list", Resource: "nodes"})
	rbactest.Denies(t, rules, rbac.Access{Verb: "update", Resource: "configmaps", Namespace: "kube-system"})
	// Output:
	// rbactest: the rules allow: update configmaps in namespace kube-system
	// remove or narrow rules[11]: create,get,list,watch,update configmaps
}
