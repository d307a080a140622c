package page_test

import (
	"bytes"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/internal/page"
	"github.com/meshpeer/meshpeer/probe"
)

var intent = []page.Field{
	{Name: "endpoint", Value: "https://10.0.0.1:6443"},
	{Name: "CA sha256", Value: "ab12"},
	{Name: "credential", Value: "bound 24h"},
	{Name: "account", Value: "istio-system/meshpeer-reader-east"},
	{Name: "secret", Value: "istio-system/istio-remote-secret-west"},
}

const intentLine = "  endpoint https://10.0.0.1:6443  CA sha256 ab12  credential bound 24h  " +
	"account istio-system/meshpeer-reader-east  secret istio-system/istio-remote-secret-west\n"

func TestPlanText(t *testing.T) {
	minted := page.Step{Change: page.Change{Stage: "mint", On: "west", Object: "Token/a", Action: "created", Reason: "there is none"}}
	granted := page.Step{Change: page.Change{Stage: "grant", On: "west", Object: "ClusterRole/a", Action: "updated"}, Undo: "put it back", Diff: []string{"+ may get pods"}}
	for name, tt := range map[string]struct {
		plan page.Plan
		want string
	}{
		"nothing": {page.Plan{Empty: true}, "\nnothing to do\n"},
		"a link of everything": {
			page.Plan{Links: []page.LinkPlan{{
				From: "east", To: "west", Intent: intent, Steps: []page.Step{granted, minted}, OverGrants: []string{"list secrets"},
				Findings: []page.Result{{Check: "versions", Status: probe.Warned, Summary: "old"}}, Warnings: []string{"careful"},
			}}},
			"\neast -> west\n" + intentLine +
				"  1  grant  west  ClusterRole/a  updated                 put it back\n" +
				"  2  mint   west  Token/a        created: there is none\n" +
				"    1 + may get pods\n  grants beyond need: list secrets\n  preflight versions: warned: old\n  warning: careful\n",
		},
		"a link without intent": {page.Plan{Links: []page.LinkPlan{{From: "a", To: "b"}, {From: "b", To: "a"}}}, "\na -> b\n\nb -> a\n"},
		"a link that failed": {
			page.Plan{Links: []page.LinkPlan{{From: "a", To: "b", Error: &page.Failure{Stage: "read", On: "b", Cause: "forbidden", Hint: "grant it"}}}},
			"\na -> b\n  cannot be planned: read on b: forbidden\n  next: grant it\n",
		},
		"a failure without a next step": {
			page.Plan{Links: []page.LinkPlan{{From: "a", To: "b", Error: &page.Failure{Stage: "read", On: "b", Cause: "forbidden"}}}},
			"\na -> b\n  cannot be planned: read on b: forbidden\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			tt.plan.Digest, tt.plan.Goal = "0123456789abcdef", "present"
			var out bytes.Buffer
			require.NoError(t, tt.plan.WriteText(&out))
			require.Equal(t, "plan 0123456789ab, goal present\n"+tt.want, out.String())
		})
	}
}

func TestReportText(t *testing.T) {
	failed := page.Link{
		From: "east", To: "west", Status: probe.Failed, Intent: intent,
		Undone:  []page.Change{{Stage: "grant", On: "west", Object: "ClusterRole/a", Action: "deleted", Reason: "undone"}},
		Left:    []page.Change{{Stage: "share", On: "east", Object: "Secret/a", Action: "created", Reason: "refused"}},
		Results: []page.Result{{Check: "sync", Target: "istiod-1", Status: "of-tomorrow", Summary: "odd", Hint: "look"}, {Check: "other", Hint: "wait"}},
		Error:   &page.Failure{Stage: "mint", On: "west", Cause: "no token", Hint: "wait"}, Warnings: []string{"careful"},
	}
	report := &page.Report{
		Status: probe.Unknown, Unknown: "nobody knows", Links: []page.Link{failed, {From: "west", To: "east", Status: probe.Passed}},
		Warnings: []page.Warnings{{Cluster: "west", Texts: []string{"old"}}}, RenewAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600)),
	}
	var out bytes.Buffer
	require.NoError(t, report.WriteText(&out))
	require.Equal(t, "nobody knows: unknown\n\neast -> west: failed\n"+intentLine+
		"  grant  west      ClusterRole/a          deleted: undone\n"+
		"  share  east      Secret/a               LEFT BEHIND: refused\n"+
		"  sync   istiod-1  unknown (of-tomorrow)  odd\n"+
		"  other            not run\n"+
		"  warning: careful\n  sync: look\n  failed at mint on west: no token\n  next: wait\n"+ // said once
		"\nwest -> east: passed\n\nwarning of the API server of west: old\n\ncall Ensure again before 2026-01-02T02:04:05Z\n", out.String())
}

// full is a disk without room.
type full struct{ io.Writer }

func (full) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

func TestFormsReturnTheWritersError(t *testing.T) {
	report := ring(2, "c")
	require.ErrorIs(t, report.WriteText(full{}), io.ErrShortWrite)
	require.ErrorIs(t, report.WriteJUnit(full{}), io.ErrShortWrite)
	require.ErrorIs(t, report.WriteHTML(full{}, page.HTMLOptions{}), io.ErrShortWrite)
	require.ErrorIs(t, new(page.Plan).WriteText(full{}), io.ErrShortWrite)
}
