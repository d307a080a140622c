package rbactest

import (
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/meshpeer/meshpeer/rbac"
)

// Denies fails tb, once for each, at accesses that the rules allow by the
// decision of the RBAC authorizer, and names the rules that do.
func Denies(tb TB, rules []rbacv1.PolicyRule, accesses ...rbac.Access) {
	tb.Helper()
	for _, a := range accesses {
		for i, rule := range rules {
			if rbac.Allows(rules[i:i+1], a) {
				tb.Errorf("rbactest: the rules allow: %s\nremove or narrow rules[%d]: %s", a, i, rbac.Describe(rule))
			}
		}
	}
}
