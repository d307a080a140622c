package rbactest

import (
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/meshpeer/meshpeer/rbac"
)

// NoWiderThan fails tb if the rules grant anything that limit does not, and
// lists it. The comparison is by meaning (see [rbac.Missing]).
func NoWiderThan(tb TB, rules, limit []rbacv1.PolicyRule) {
	tb.Helper()
	extra := rbac.Extra(rules, limit)
	if len(extra) == 0 {
		return
	}
	lines := make([]string, len(extra))
	for i, rule := range extra {
		lines[i] = rbac.Describe(rule)
	}
	tb.Errorf("rbactest: the rules grant more than the limit:\n\t%s\nremove that from the rules, or add it to the limit if it is meant",
		strings.Join(lines, "\n\t"))
}
