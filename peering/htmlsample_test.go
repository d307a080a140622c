package peering_test

import (
	"errors"
	"time"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/probe"
	"github.com/meshpeer/meshpeer/secrets"
)

// asmReport is of the mesh that the module was made for: step 1 works, step 2 is peered, a third cluster is in trouble.
func asmReport() (*peering.Report, peering.HTMLOptions) {
	first, second, third := peering.MustID("cluster-1"), peering.MustID("cluster-2"), peering.MustID("c4a61bd0f9e2c4d7a8f1e0b3c5d7e9f0a")
	renew := time.Date(2026, 3, 1, 4, 0, 0, 0, time.UTC)
	report := &peering.Report{
		Schema: peering.ReportSchema, Goal: peering.Present, Took: 7312 * time.Millisecond,
		Warnings: map[string][]string{"cluster-2": {"v1 Endpoints is deprecated in v1.33+"}},
		Links: []peering.LinkReport{{
			From: first, To: second, Status: probe.Passed,
			Results: []probe.Result{
				{Check: "istiod-synced", Target: "istiod of cluster-1", Status: probe.Skipped, Summary: "its control plane is hosted"},
				{Check: "teapot", Target: "http://httpbin:8000/status/418", Status: probe.Passed, Took: 84 * time.Millisecond, Summary: "418 from cluster-2"},
			},
		}, {
			From: second, To: first, Status: probe.Warned,
			Changes: []peering.Change{
				{Stage: peering.StageGrant, On: first, Object: "ServiceAccount/istio-system/meshpeer-reader-cluster-2", Action: peering.Unchanged},
				{Stage: peering.StageGrant, On: first, Object: "ClusterRole/meshpeer-reader-cluster-2", Action: peering.Updated, Reason: "rules differ"},
				{Stage: peering.StageMint, On: first, Object: "Token/istio-system/meshpeer-reader-cluster-2-2", Action: peering.Created, Reason: "it is time to renew it"},
				{Stage: peering.StageShare, On: second, Object: "Secret/istio-system/istio-remote-secret-cluster-1", Action: peering.Updated},
				{Stage: peering.StageRevoke, On: first, Object: "Token/istio-system/meshpeer-reader-cluster-2-1", Action: peering.Revoked},
			},
			Results: []probe.Result{
				{Check: "istiod-synced", Target: "istiod-1 of cluster-2", Status: probe.Passed, Took: 640 * time.Millisecond, Summary: "cluster-1: synced"},
				{Check: "istiod-synced", Target: "istiod-2 of cluster-2", Status: probe.Passed, Took: 1800 * time.Millisecond, Summary: "cluster-1: synced"},
				{Check: "split", Target: "httpbin:8000", Status: probe.Warned, Took: 4100 * time.Millisecond, Summary: "by endpoints cluster-1 would have 50 %", Hint: "see whether locality sends traffic elsewhere"},
			},
			Credential: &secrets.Ref{
				Kind: secrets.KindBound, Namespace: "istio-system", Name: "meshpeer-reader-cluster-2-2", ServiceAccount: "meshpeer-reader-cluster-2",
				Generation: 2, Expires: renew.Add(24 * time.Hour), Fingerprint: "9f86d081", Warnings: []string{"the API server shortened its life to 48h"},
			},
			RenewAt: renew,
		}, {
			From: second, To: third, Status: probe.Failed,
			Changes:  []peering.Change{{Stage: peering.StageGrant, On: third, Object: "ServiceAccount/istio-system/meshpeer-reader-cluster-2", Action: peering.Created}},
			Undone:   []peering.Change{{Stage: peering.StageGrant, On: third, Object: "ServiceAccount/istio-system/meshpeer-reader-cluster-2", Action: peering.Deleted, Reason: "undone"}},
			Left:     []peering.Change{{Stage: peering.StageGrant, On: third, Object: "ClusterRole/meshpeer-reader-cluster-2", Action: peering.Created, Reason: "undo failed: connection refused"}},
			Warnings: []string{"Istio of cluster-2 could not be told: the newest role was taken"},
			Error:    &peering.Error{From: second, To: third, Stage: peering.StageMint, On: third, Err: errors.New("no token after 30s"), Hint: "is kube-controller-manager running?"},
		}, {
			From: third, To: second, Status: probe.Unknown,
			Results: []probe.Result{
				{Check: "remote-secret", Target: "Secret/istio-system/istio-remote-secret-cluster-2", Status: probe.Passed, Took: 12 * time.Millisecond, Summary: "istiod accepts it"},
				{Check: "istiod-synced", Target: "istiod-0", Status: probe.Unknown, Took: 2 * time.Second, Summary: "istiod-0 could not be asked", Err: errors.New(`pods "istiod-0" is forbidden`), Hint: "may the caller create pods/portforward?"},
			},
			Credential: &secrets.Ref{Kind: secrets.KindDurable, Namespace: "istio-system", Name: "meshpeer-reader-1", Generation: 1, Fingerprint: "2c26b46b"},
		}},
	}
	return report, peering.HTMLOptions{
		Title: "Teapot mesh", Made: time.Date(2026, 2, 1, 9, 30, 0, 0, time.UTC), Hosted: []peering.ID{first},
		Splits: map[string]probe.Split{
			"httpbin:8000 from cluster-2": {Answers: map[string]int{"cluster-1": 31, "cluster-2": 9}, Unattributed: 1},
			"httpbin:8000 from cluster-1": {Answers: map[string]int{"cluster-1": 0, "cluster-2": 40}, Failed: 2},
		},
	}
}
