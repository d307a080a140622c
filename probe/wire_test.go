package probe_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/internal/golden"
	"github.com/meshpeer/meshpeer/probe"
)

// Reports of these go into files and other programs: their field names stay.
func TestJSON(t *testing.T) {
	answer := probe.Result{Check: "teapot", Target: "http://httpbin:8000", Status: probe.Failed, Summary: "no", Hint: "do", Took: time.Second, Err: errors.New("503")}
	split := probe.Split{Answers: map[string]int{"cluster-1": 1}, Unattributed: 2, Failed: 3, Confidence: 0.95}
	data, err := json.MarshalIndent(map[string]any{
		"attribution": probe.Attribute(probe.Sign{Source: probe.FromApp, Cluster: "cluster-1", Evidence: "seen"}),
		"check":       probe.FailoverCheck{Target: "cluster-1 default/httpbin", Replicas: 3, Ready: 2, Elsewhere: 1, Warnings: []string{"note"}},
		"failover":    probe.FailoverReport{"cluster-1 default/httpbin", 3, true, true, 1, 2, 3, answer, []string{"note"}},
		"outage":      probe.Outage{1, 2, true, 3, 4, map[string]int{"cluster-1": 5}, 6, true, "503"},
		"peers":       probe.Peers{sleepID, httpbinID, probe.Proved, "why", "hint"},
		"recovery":    probe.Recovery{true, 3, time.Unix(0, 0).UTC()},
		"share":       probe.Share{"cluster-1", 1, 3, 0.25, 1},
		"split":       split,
	}, "", "  ")
	require.NoError(t, err)
	golden.Equal(t, "wire.json", append(data, '\n'))
}
