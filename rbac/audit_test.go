package rbac_test

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/meshpeer/meshpeer/rbac"
)

// event is a line of an audit log; more are fields that replace others, each with a comma behind it.
func event(id, stage, user, verb, object, decision string, more ...string) string {
	if object != "" {
		object = `,"objectRef":{` + object + `}`
	}
	code := map[string]int{"allow": 200, "forbid": 403}[decision]
	if decision != "" {
		decision = fmt.Sprintf(`,"responseStatus":{"metadata":{},"code":%d},"annotations":{"authorization.k8s.io/decision":%q,"authorization.k8s.io/reason":""}`, code, decision)
	}
	return fmt.Sprintf(`{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":%q,"stage":%q,"requestURI":"/x","verb":%q,"user":{"username":"%s","groups":["system:authenticated"]},"sourceIPs":["::1"]%s%s,%s"userAgent":"t"}`+"\n",
		id, stage, verb, user, object, decision, strings.Join(more, ""))
}

const (
	received = "RequestReceived"
	started  = "ResponseStarted"
	complete = "ResponseComplete"
)

func fromAudit(t *testing.T, names int, lines ...string) *rbac.Audit {
	t.Helper()
	audit, err := rbac.FromAudit(strings.NewReader(strings.Join(lines, "")), rbac.AuditOptions{User: "u", Names: names})
	require.NoError(t, err)
	return audit
}

func described(rules []rbacv1.PolicyRule) (all []string) {
	for _, r := range rules {
		all = append(all, rbac.Describe(r))
	}
	return all
}

func counted(accesses []rbac.AuditAccess) (all []string) {
	for _, a := range accesses {
		all = append(all, fmt.Sprintf("%d %s", a.Requests, a))
	}
	return all
}

func object(resource, namespace, name string) string {
	return fmt.Sprintf(`"resource":%q,"namespace":%q,"name":%q,"apiVersion":"v1"`, resource, namespace, name)
}

func TestFromAuditStages(t *testing.T) {
	audit := fromAudit(t, 0,
		event("1", received, "u", "watch", object("pods", "", ""), ""),
		event("1", started, "u", "watch", object("pods", "", ""), "allow"),
		event("1", complete, "u", "watch", object("pods", "", ""), "allow"),
		event("2", started, "u", "watch", object("pods", "", ""), "allow"), // goes on
		event("3", complete, "u", "watch", object("pods", "", ""), "allow"),
		event("4", received, "u", "list", object("pods", "", ""), ""),
		event("5", received, "u", "list", object("secrets", "", ""), ""),
		event("4", "Panic", "u", "list", object("pods", "", ""), "allow"),
		event("6", complete, "u", "list", object("nodes", "", ""), "forbid"),
		event("7", complete, "other", "delete", object("nodes", "", ""), "allow"),
		event("8", complete, "u", "get", "", "allow", `"requestURI":"/x",`),
		"\n \r\n",
	)
	require.Equal(t, []string{"1 get /x", "1 list pods", "3 watch pods"}, sorted(counted(audit.Allowed)))
	require.Equal(t, []string{"1 list nodes"}, counted(audit.Refused))
	require.Equal(t, []string{"1 list secrets"}, counted(audit.Unresolved), "the log does not tell what became of it")
	require.Equal(t, []string{"list,watch pods", "get /x"}, described(audit.ClusterRules))
	require.Empty(t, audit.NamespaceRules)
	require.Equal(t, 11, audit.Events)
}

func sorted(all []string) []string { return slices.Sorted(slices.Values(all)) }

// Two requests may have one ID: it is the client's word.
func TestFromAuditWithOneID(t *testing.T) {
	audit := fromAudit(t, 0,
		event("1", received, "u", "watch", object("pods", "", ""), ""),
		event("1", received, "u", "watch", object("secrets", "", ""), ""),
		event("1", started, "u", "watch", object("pods", "", ""), "allow"),
		event("1", started, "u", "watch", object("secrets", "", ""), "allow"),
		event("1", complete, "u", "watch", object("pods", "", ""), "allow"),
		event("1", complete, "u", "delete", object("nodes", "", ""), "allow"),
	)
	require.Equal(t, []string{"delete nodes", "watch pods, secrets"}, described(audit.ClusterRules))
	require.Empty(t, audit.Unresolved)
}

func TestFromAuditNamespacesAndNames(t *testing.T) {
	log := []string{
		event("1", complete, "u", "get", object("configmaps", "a", "x"), "allow"),
		event("2", complete, "u", "get", object("configmaps", "a", "y"), "allow"),
		event("3", complete, "u", "get", object("configmaps", "b", "x"), "allow"),
		event("4", complete, "u", "list", object("pods", "a", ""), "allow"),
		event("5", complete, "u", "list", object("pods", "", ""), "allow"),
		event("6", complete, "u", "create", object("configmaps", "a", "made"), "allow"),
		event("7", complete, "u", "create", `"resource":"serviceaccounts","subresource":"token","namespace":"a","name":"reader"`, "allow"),
		event("8", complete, "u", "create", object("namespaces", "new", "new"), "allow"),
		event("9", complete, "u", "get", object("namespaces", "new", "new"), "allow"),
		event("10", complete, "u", "get", object("configmaps", "a", "secret"), "forbid"),
		event("11", complete, "u", "deletecollection", object("configmaps", "a", ""), "allow"),
		event("12", complete, "u", "watch", object("configmaps", "b", "x"), "allow"),
	}
	audit := fromAudit(t, 0, log...)
	require.Equal(t, []string{"create namespaces", "list pods"}, sorted(described(audit.ClusterRules)))
	require.Equal(t, []string{"get,create,deletecollection configmaps", "create serviceaccounts/token"}, described(audit.NamespaceRules["a"]))
	require.Equal(t, []string{"get,watch configmaps"}, described(audit.NamespaceRules["b"]))
	require.Equal(t, []string{"get namespaces"}, described(audit.NamespaceRules["new"]))
	require.Equal(t, []string{"1 get configmaps in namespace a"}, counted(audit.Refused))

	audit = fromAudit(t, 2, log...)
	require.Equal(t, []string{"create serviceaccounts/token named reader", "create,deletecollection configmaps", "get configmaps named x, y"}, sorted(described(audit.NamespaceRules["a"])))
	require.Equal(t, []string{"get,watch configmaps named x"}, described(audit.NamespaceRules["b"]))
	require.Equal(t, []string{"1 get configmaps named secret in namespace a"}, counted(audit.Refused))
	require.Len(t, audit.Allowed, 11)

	audit = fromAudit(t, 1, log...)
	require.Contains(t, described(audit.NamespaceRules["a"]), "get,create,deletecollection configmaps", "more names than a rule may list")
}

func TestFromAuditImpersonation(t *testing.T) {
	as := func(user string) string { return `"impersonatedUser":` + user + `,` }
	log := []string{
		event("1", received, "u", "list", object("pods", "", ""), ""), // as whom is not known yet
		event("1", complete, "u", "list", object("pods", "", ""), "allow", as(`{"username":"jane","groups":["team","system:authenticated"],"uid":"7","extra":{"a/b":["c"]}}`)),
		event("2", complete, "u", "get", object("secrets", "", "x"), "forbid", as(`{"username":"system:serviceaccount:shop:cart","groups":["system:serviceaccounts","system:serviceaccounts:shop","system:authenticated"]}`)),
		event("3", complete, "admin", "list", object("nodes", "", ""), "allow", as(`{"username":"u","groups":["system:authenticated"]}`)),
		event("4", complete, "u", "list", object("services", "", ""), "allow", as(`{"username":"u"}`)),
	}
	audit := fromAudit(t, 0, log...)
	require.Equal(t, []string{
		"impersonate groups named team", "impersonate uids.authentication.k8s.io named 7", "impersonate userextras.authentication.k8s.io/a/b named c",
		"impersonate users named jane, u", "list nodes, services",
	}, sorted(described(audit.ClusterRules)))
	require.Equal(t, []string{"impersonate serviceaccounts named cart"}, described(audit.NamespaceRules["shop"]))
	require.Empty(t, audit.Refused, "it was refused to the account")
	require.Empty(t, audit.Unresolved)

	constrained := func(verb string) string {
		return `"authenticationMetadata":{"impersonationConstraint":"` + verb + `"},`
	}
	audit = fromAudit(t, 0,
		event("1", complete, "u", "list", object("pods", "", ""), "allow", constrained("impersonate:user-info"), as(`{"username":"jane","groups":["team","system:authenticated"]}`)),
		event("2", complete, "u", "get", object("pods", "a", ""), "allow", constrained("impersonate:associated-node"), as(`{"username":"system:node:n","groups":["system:nodes","system:authenticated"]}`)),
		event("3", complete, "u", "get", object("pods", "a", ""), "allow", constrained("impersonate:arbitrary-node"), as(`{"username":"system:node:m","groups":["system:nodes","system:authenticated"]}`)),
	)
	require.Equal(t, []string{
		"impersonate-on:user-info:list pods",
		"impersonate:arbitrary-node nodes.authentication.k8s.io named m",
		"impersonate:associated-node nodes.authentication.k8s.io named *",
		"impersonate:user-info groups.authentication.k8s.io named team",
		"impersonate:user-info users.authentication.k8s.io named jane",
	}, sorted(described(audit.ClusterRules)))
	require.Equal(t, []string{"impersonate-on:arbitrary-node:get,impersonate-on:associated-node:get pods"}, described(audit.NamespaceRules["a"]))
}

// What no role can allow alone, or was not decided, gets no rule.
func TestFromAuditUnresolved(t *testing.T) {
	audit := fromAudit(t, 0,
		event("1", complete, "u", "list", object("*", "", ""), "allow"),
		event("2", complete, "u", "list", `"resource":"pods","apiGroup":"*"`, "allow"),
		event("3", complete, "u", "*", object("pods", "", ""), "allow"),
		event("4", complete, "u", "get", object("pods", "A", "x"), "allow"),
		event("5", complete, "u", "get", "", "allow", `"requestURI":"/a*?x",`),
		event("6", complete, "u", "list", object("secrets", "", ""), "", `"responseStatus":{"code":403},`), // an impersonation, perhaps
		event("7", complete, "u", "list", object("nodes", "", ""), "", `"responseStatus":{"code":429},`),
		event("8", complete, "u", "list", object("services", "", ""), "", `"responseStatus":{"code":200},`),
		event("9", complete, "u", "update", object("services", "", "x"), "allow", `"responseStatus":{"code":409},`),
	)
	require.Len(t, audit.Unresolved, 7, "%v", audit.Unresolved)
	require.Equal(t, []string{"list,update services"}, described(audit.ClusterRules))
}

// However many requests have not ended, they are counted, and not all remembered.
func TestFromAuditManyOpen(t *testing.T) {
	const open = 1<<16 + 10
	var log strings.Builder
	for i := range open {
		log.WriteString(event(fmt.Sprint(i), received, "u", "list", object("pods", "", ""), ""))
	}
	log.WriteString(event("0", complete, "u", "list", object("pods", "", ""), "allow"))
	audit := fromAudit(t, 0, log.String())
	require.Equal(t, []string{"1 list pods"}, counted(audit.Allowed))
	require.Equal(t, []string{fmt.Sprint(open, " list pods")}, counted(audit.Unresolved), "the first was forgotten")
}

func TestFromAuditForms(t *testing.T) {
	one, two := event("1", complete, "u", "list", object("pods", "", ""), "allow"), event("2", complete, "u", "list", object("nodes", "", ""), "allow")
	bare := strings.Replace(two, `"kind":"Event","apiVersion":"audit.k8s.io/v1",`, "", 1)
	for name, log := range map[string]string{
		"lines":           one + two,
		"CRLF":            strings.ReplaceAll(one+two, "\n", "\r\n"),
		"no last newline": one + strings.TrimSpace(two),
		"one line":        strings.TrimSpace(one) + two,
		"list":            `{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":[` + strings.TrimSpace(one) + "," + strings.TrimSpace(bare) + `]}`,
		"kind last":       `{"items":[` + one + "  ," + bare + `],"kind":"EventList"}` + "\n" + `{"kind":"EventList","items":null}`,
		"indented":        strings.ReplaceAll(one+two, ",", ",\n  "),
		"with objects":    strings.ReplaceAll(one, `"level"`, `"requestObject":{"items":[{"auditID":5,"a":[1,null,true,"}"]}]},"responseObject":"x","level"`) + two,
	} {
		audit := fromAudit(t, 0, log)
		require.Equal(t, []string{"list nodes, pods"}, described(audit.ClusterRules), name)
		require.Equal(t, 2, audit.Events, name)
	}
}

func TestFromAuditBroken(t *testing.T) {
	good := event("1", complete, "u", "list", object("pods", "", ""), "allow")
	last := event("2", complete, "u", "list", object("nodes", "", ""), "allow")
	for name, tc := range map[string]struct {
		broken  string
		records int
		want    string
	}{
		"cut line":            {last[:len(last)/2] + "\n", 1, "invalid character"},
		"cut in a key":        {`{"audit` + "\n", 1, "invalid character"},
		"cut behind a comma":  {`{"kind":"Event",` + "\n", 1, "unexpected"},
		"two lines in one":    {last[:len(last)/2] + last, 1, "invalid character"},
		"no JSON":             {"E0101 klog\n more of it\n", 1, "invalid character"},
		"zeros of a crash":    {"\x00\x00\x00\x00\n", 1, "invalid character"},
		"not an object":       {"[1]\n", 1, "not a JSON object"},
		"no event":            {`{"kind":"Pod"}` + "\n", 1, "not an Event"},
		"another API":         {strings.Replace(last, "audit.k8s.io/v1", "v1", 1), 1, "not an Event"},
		"empty":               {"{}\n", 1, "no auditID"},
		"no stage":            {strings.Replace(last, complete, "Done", 1), 1, "no stage"},
		"wrong type":          {strings.Replace(last, `"verb":"list"`, `"verb":["list"]`, 1), 1, "cannot unmarshal array"},
		"no URI":              {event("3", complete, "u", "get", "", "allow", `"x":1,`), 0, ""},
		"bad URI":             {strings.Replace(event("3", complete, "u", "get", "", "allow"), `"/x"`, `"%"`, 1), 1, "requestURI is none"},
		"list of others":      {`{"kind":"PodList","items":[{"kind":"Pod"},{"kind":"Pod"}]}` + "\n", 2, "not an Event"},
		"items that are none": {`{"kind":"EventList","items":{}}` + "\n", 1, "items are no list"},
		"list in a list":      {`{"items":[{"items":[` + strings.TrimSpace(last) + `]}]}` + "\n", 1, "no auditID"},
		"cut list":            {`{"items":[` + strings.TrimSpace(last) + "\n", 1, "unexpected"},
		"cut object":          {`{"requestObject":{"a":[` + "\n", 1, "unexpected"},
		"key that is none":    {`{1:2}` + "\n", 1, "invalid character"},
		"no closing brace":    {`{"kind":"Event"]` + "\n", 1, "invalid character"},
	} {
		for _, log := range []string{good + tc.broken + last, good + last + tc.broken, tc.broken + good + last} {
			audit, err := rbac.FromAudit(iotest.OneByteReader(strings.NewReader(log)), rbac.AuditOptions{User: "u"})
			require.NotNil(t, audit, name)
			require.Subset(t, counted(audit.Allowed), []string{"1 list pods"}, name)
			require.Contains(t, described(audit.ClusterRules)[0], "list nodes, pods", "%s: a broken record hides none", name)
			if tc.records == 0 {
				require.NoError(t, err, name)
				continue
			}
			var broken *rbac.BrokenAuditError
			require.ErrorAs(t, err, &broken, name)
			require.Equal(t, tc.records, broken.Records, name)
			require.Equal(t, 1+strings.Count(log[:strings.Index(log, tc.broken)], "\n"), broken.Line, name)
			require.ErrorContains(t, err, tc.want, name)
			require.ErrorIs(t, err, broken.Err)
		}
	}
}

// The last line of a log that is being written is cut somewhere, and the log then ends.
func TestFromAuditCutAnywhere(t *testing.T) {
	good := event("1", complete, "u", "list", object("pods", "", ""), "allow")
	last := strings.TrimSpace(event("2", complete, "u", "list", object("nodes", "", ""), "allow"))
	for cut := range len(last) {
		audit, err := rbac.FromAudit(strings.NewReader(good+last[:cut]), rbac.AuditOptions{User: "u"})
		require.Equal(t, []string{"list pods"}, described(audit.ClusterRules))
		var broken *rbac.BrokenAuditError
		require.Equal(t, cut > 0, errors.As(err, &broken), "%s", last[:cut])
		if cut > 0 {
			require.Equal(t, 2, broken.Line)
		}
	}
}

func TestFromAuditRefuses(t *testing.T) {
	_, err := rbac.FromAudit(strings.NewReader(""), rbac.AuditOptions{})
	var field *rbac.FieldError
	require.ErrorAs(t, err, &field)
	require.Equal(t, "AuditOptions.User", field.Field)

	log := event("1", complete, `other\u001b`, "list", object("pods", "", ""), "allow") + "broken\n"
	audit, err := rbac.FromAudit(strings.NewReader(log), rbac.AuditOptions{User: "u"})
	require.Nil(t, audit)
	require.ErrorIs(t, err, rbac.ErrNoRules)
	require.ErrorContains(t, err, `no request of user "u"; its 1 events are of other\x1b`)
	require.ErrorAs(t, err, new(*rbac.BrokenAuditError))
	_, err = rbac.FromAudit(strings.NewReader(""), rbac.AuditOptions{User: "u"})
	require.ErrorContains(t, err, "0 events are of nobody")

	failure := errors.New("disk")
	for _, at := range []string{"", "{", event("1", complete, "u", "list", object("pods", "", ""), "allow"), "x\n"} {
		audit, err = rbac.FromAudit(io.MultiReader(strings.NewReader(at), iotest.ErrReader(failure)), rbac.AuditOptions{User: "u"})
		require.Nil(t, audit)
		require.ErrorIs(t, err, failure)
		_, err = rbac.FromAudit(iotest.DataErrReader(io.MultiReader(strings.NewReader(at), iotest.ErrReader(failure))), rbac.AuditOptions{User: "u"})
		require.ErrorIs(t, err, failure)
	}
}

func TestAuditObjects(t *testing.T) {
	log := event("1", complete, "system:serviceaccount:shop:cart", "list", object("pods", "", ""), "allow") +
		event("2", complete, "system:serviceaccount:shop:cart", "list", object("secrets", "shop", ""), "allow") +
		event("3", complete, "jane", "list", object("secrets", "shop", ""), "allow")
	for user, kinds := range map[string]string{
		"system:serviceaccount:shop:cart": "*v1.ClusterRole *v1.ClusterRoleBinding *v1.Role *v1.RoleBinding",
		"jane":                            "*v1.Role *v1.RoleBinding",
	} {
		audit, err := rbac.FromAudit(strings.NewReader(log), rbac.AuditOptions{User: user})
		require.NoError(t, err)
		var got []string
		for _, o := range audit.Objects("least") {
			got = append(got, fmt.Sprintf("%T", o))
		}
		require.Equal(t, kinds, strings.Join(got, " "))
		policy, err := rbac.NewPolicy(audit.Objects("least")...)
		require.NoError(t, err)
		for _, who := range []string{user, "other"} {
			for _, a := range audit.Allowed {
				require.Equal(t, who == user, policy.Allows(rbac.Subject{User: who}, a.Access).Allowed)
			}
		}
		require.False(t, policy.Allows(rbac.Subject{User: user}, rbac.Access{Verb: "list", Resource: "secrets"}).Allowed)
	}
}
