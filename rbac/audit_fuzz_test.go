package rbac_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/rbac"
)

// Whatever a log holds, the rules allow all that is said to be allowed, and a log read twice gives the same rules.
func FuzzFromAudit(f *testing.F) {
	get := event("1", complete, "u", "get", object("configmaps", "a", "x"), "allow")
	as := event("2", complete, "u", "list", object("pods", "", ""), "allow", `"impersonatedUser":{"username":"jane","groups":["team"]},`)
	f.Add([]byte(get+as), 0)
	f.Add([]byte(`{"kind":"EventList","items":[`+strings.TrimSpace(get)+","+as+"]}"), 1)
	f.Add([]byte(strings.ReplaceAll(get, ",", ",\n ")+event("3", received, "u", "watch", object("*", "", ""), "")), 5)
	f.Add([]byte(get[:80]+"\n"+event("4", started, "u", "get", "", "forbid")), -1)
	f.Fuzz(func(t *testing.T, log []byte, names int) {
		o := rbac.AuditOptions{User: "u", Names: names}
		audit, err := rbac.FromAudit(bytes.NewReader(log), o)
		var broken *rbac.BrokenAuditError
		require.True(t, err == nil || errors.As(err, &broken) || errors.Is(err, rbac.ErrNoRules), "%v", err)
		if audit == nil {
			require.ErrorIs(t, err, rbac.ErrNoRules)
			return
		}
		for _, a := range audit.Allowed {
			require.Greater(t, a.Requests, 0)
			require.True(t, rbac.Allows(audit.ClusterRules, a.Access) || a.Path == "" && rbac.Allows(audit.NamespaceRules[a.Namespace], a.Access), "%v of %v", a, audit)
		}
		require.False(t, rbac.Allows(audit.ClusterRules, rbac.Access{Verb: "fresh", Group: "fresh", Resource: "fresh"}), "no star")
		if bytes.HasPrefix(log, []byte("{")) && bytes.HasSuffix(log, []byte("\n")) {
			twice, _ := rbac.FromAudit(bytes.NewReader(append(bytes.Clone(log), log...)), o)
			require.Equal(t, audit.ClusterRules, twice.ClusterRules)
			require.Equal(t, audit.NamespaceRules, twice.NamespaceRules)
		}
	})
}
