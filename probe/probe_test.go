package probe_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/probe"
)

func TestWorst(t *testing.T) {
	for _, tt := range []struct {
		name string
		in   []probe.Status
		want probe.Status
	}{
		{"nothing checked", nil, probe.Skipped},
		{"all passed", []probe.Status{probe.Passed, probe.Passed}, probe.Passed},
		{"skipped is harmless", []probe.Status{probe.Skipped, probe.Passed}, probe.Passed},
		{"warned beats passed", []probe.Status{probe.Passed, probe.Warned}, probe.Warned},
		{"unknown beats warned", []probe.Status{probe.Unknown, probe.Warned}, probe.Unknown},
		{"failed beats unknown", []probe.Status{probe.Failed, probe.Unknown, probe.Passed}, probe.Failed},
	} {
		t.Run(tt.name, func(t *testing.T) { require.Equal(t, tt.want, probe.Worst(tt.in...)) })
	}
}

func TestResultSurvivesJSON(t *testing.T) {
	in := probe.Result{
		Check: "istiod-synced", Target: "istiod-1 of cluster-2", Status: probe.Failed, Took: time.Second,
		Summary: "cluster-1 is timeout", Hint: "grant nodes", Err: errors.New("forbidden"),
	}
	data, err := json.Marshal(in)
	require.NoError(t, err)
	var out probe.Result
	require.NoError(t, json.Unmarshal(data, &out))
	require.EqualError(t, out.Err, "forbidden")
	out.Err = in.Err
	require.Equal(t, in, out)
	require.Error(t, json.Unmarshal([]byte(`{"check": 1}`), &out))
}

func ExampleWorst() {
	fmt.Println(probe.Worst(probe.Passed, probe.Unknown, probe.Skipped))
	// Output: unknown
}
