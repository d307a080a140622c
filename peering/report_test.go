package peering_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/internal/golden"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/probe"
	"github.com/meshpeer/meshpeer/secrets"
)

// sample has something in every field.
func sample() *peering.Report {
	east, west := peering.MustID("east"), peering.MustID("west")
	renew := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return &peering.Report{
		Schema: peering.ReportSchema, Goal: peering.Present, Took: 1500 * time.Millisecond,
		Warnings: map[string][]string{"west": {"requested expiration shortened"}},
		Links: []peering.LinkReport{{
			From: east, To: west, Status: probe.Passed,
			Changes: []peering.Change{
				{Stage: peering.StageGrant, On: west, Object: "ClusterRole/meshpeer-reader-east", Action: peering.Unchanged},
				{Stage: peering.StageMint, On: west, Object: "Token/istio-system/meshpeer-reader-east-2", Action: peering.Created, Reason: "it is time to renew it"},
			},
			Results:    []probe.Result{{Check: "istiod-synced", Target: "istiod-1 of east", Status: probe.Passed, Took: time.Second, Summary: "west: synced"}},
			Credential: &secrets.Ref{Kind: secrets.KindBound, Namespace: "istio-system", Name: "meshpeer-reader-east-2", Generation: 2, Expires: renew.Add(time.Hour), Fingerprint: "0123abcd"},
			RenewAt:    renew,
		}, {
			From: west, To: east, Status: probe.Failed,
			Undone: []peering.Change{{Stage: peering.StageGrant, On: east, Object: "ServiceAccount/istio-system/meshpeer-reader-west", Action: peering.Deleted, Reason: "undone"}},
			Left:   []peering.Change{{Stage: peering.StageGrant, On: east, Object: "ClusterRole/meshpeer-reader-west", Action: peering.Created, Reason: "undo failed: connection refused"}},
			Results: []probe.Result{{
				Check: "istiod-synced", Target: "istiod-1 of west", Status: probe.Failed, Summary: "istiod-1 reports east as timeout",
				Hint: "grant nodes", Err: errors.New("timeout"),
			}},
			Warnings: []string{"the newest role was taken"},
			Error:    &peering.Error{From: west, To: east, Stage: peering.StageMint, On: east, Err: errors.New("no token"), Hint: "is kube-controller-manager running?"},
		}},
	}
}

func TestReportText(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, sample().WriteText(&out))
	golden.Equal(t, "report.txt", out.Bytes())
	require.Equal(t, probe.Failed, sample().Status())
	require.True(t, sample().Changed())
}

func TestReportSurvivesJSON(t *testing.T) {
	data, err := json.MarshalIndent(sample(), "", "  ")
	require.NoError(t, err)
	golden.Equal(t, "report.json", append(data, '\n'))

	var back peering.Report
	require.NoError(t, json.Unmarshal(data, &back))
	again, err := json.MarshalIndent(back, "", "  ")
	require.NoError(t, err)
	require.Equal(t, string(data), string(again))
	require.Equal(t, sample().Links[1].Error.Error(), back.Links[1].Error.Error())
	require.Equal(t, sample().RenewAt(), back.RenewAt())
	require.Error(t, json.Unmarshal([]byte(`{"links":[{"from":"a b"}]}`), &back))
}

func TestEventJSON(t *testing.T) {
	data, err := json.MarshalIndent(peering.Event{
		Schema: peering.EventSchema, Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), From: peering.MustID("east"), To: peering.MustID("west"),
		Change: peering.Change{Stage: peering.StageShare, On: peering.MustID("east"), Object: "Secret/istio-system/istio-remote-secret-west", Action: peering.Created},
		Took:   time.Second, Error: "forbidden",
	}, "", "  ")
	require.NoError(t, err)
	golden.Equal(t, "event.json", append(data, '\n'))
}
