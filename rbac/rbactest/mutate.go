package rbactest

import (
	"fmt"
	"reflect"
	"runtime"

	rbacv1 "k8s.io/api/rbac/v1"
	kruntime "k8s.io/apimachinery/pkg/runtime"

	"github.com/meshpeer/meshpeer/rbac"
)

// Mutate tells whether a test of a policy notices when a rule is gone. It runs check with the policy, which must pass,
// and then once without each rule of each role, which must fail: it fails tb for each rule that nothing in check misses.
// Such a rule is not needed, or an assertion is not there, often a [Can]. Rules that no subject has are passed over.
//
// The check gives its assertions the TB that it gets, not that of the test.
func Mutate(tb TB, p *rbac.Policy, check func(TB, *rbac.Policy)) {
	tb.Helper()
	if faults := run(p, check); len(faults) > 0 {
		tb.Fatalf("rbactest: the check fails with the whole policy already: %s", faults[0])
		return
	}
	tried := 0
	objects := p.Objects()
	for i, o := range objects {
		for n := range rulesIn(o) {
			less := p.Objects()
			gone := describeRule(o, n)
			drop(less[i], n)
			mutant, err := rbac.NewPolicy(less...)
			if err != nil {
				tb.Fatalf("rbactest: without %s: %v", gone, err)
				return
			}
			if reflect.DeepEqual(mutant.Grants(), p.Grants()) {
				continue
			}
			if tried++; len(run(mutant, check)) == 0 {
				tb.Errorf("rbactest: nothing in the check fails without %s\nadd an assertion that needs the rule, or drop the rule", gone)
			}
		}
	}
	if tried == 0 {
		tb.Fatalf("rbactest: Mutate has nothing to drop: no subject of the policy has a rule")
	}
}

// rulesIn returns the rules of a role; a controller fills in those of an aggregated one.
func rulesIn(o kruntime.Object) []rbacv1.PolicyRule {
	switch role := o.(type) {
	case *rbacv1.Role:
		return role.Rules
	case *rbacv1.ClusterRole:
		return role.Rules
	}
	return nil
}

func drop(o kruntime.Object, n int) {
	switch role := o.(type) {
	case *rbacv1.Role:
		role.Rules = append(role.Rules[:n], role.Rules[n+1:]...)
	case *rbacv1.ClusterRole:
		role.Rules = append(role.Rules[:n], role.Rules[n+1:]...)
	}
}

func describeRule(o kruntime.Object, n int) string {
	ref := "Role"
	switch role := o.(type) {
	case *rbacv1.Role:
		ref = "Role " + role.Namespace + "/" + role.Name
	case *rbacv1.ClusterRole:
		ref = "ClusterRole " + role.Name
	}
	return fmt.Sprintf("rules[%d] of %s: %s", n, ref, rbac.Describe(rulesIn(o)[n]))
}

// run returns what a check says against a policy.
func run(p *rbac.Policy, check func(TB, *rbac.Policy)) []string {
	var notes notebook
	var panicked any
	done := make(chan struct{})
	go func() { // which Fatalf ends
		defer close(done)
		defer func() { panicked = recover() }()
		check(&notes, p)
	}()
	<-done
	if panicked != nil {
		panic(panicked)
	}
	return notes.faults
}

// notebook is a TB that only notes.
type notebook struct{ faults []string }

func (n *notebook) Helper() {}

func (n *notebook) Errorf(format string, args ...any) {
	n.faults = append(n.faults, fmt.Sprintf(format, args...))
}

func (n *notebook) Fatalf(format string, args ...any) {
	n.Errorf(format, args...)
	runtime.Goexit()
}
