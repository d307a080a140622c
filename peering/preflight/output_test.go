package preflight_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/internal/golden"
	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/probe"
)

// troubled is a mesh with findings of every status.
func troubled(t *testing.T) []preflight.Finding {
	t.Helper()
	w := undialled(newWorld(t, remote, root(now.AddDate(9, 0, 0))))
	w.in.From.Hosted = true
	w.to.remove("Service", "httpbin")
	w.to.forbid("NetworkPolicy")
	meshConfig(w.to, "trustDomain: other\ntrustDomainAliases: [td]")
	findings, err := preflight.Run(t.Context(), w.in)
	require.NoError(t, err)
	return findings
}

func TestText(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, preflight.WriteText(&b, troubled(t)))
	golden.Equal(t, "findings.txt", b.Bytes())
}

func TestJSON(t *testing.T) {
	findings := troubled(t)
	out, err := json.MarshalIndent(findings, "", "  ")
	require.NoError(t, err)
	golden.Equal(t, "findings.json", append(out, '\n'))
	var back []preflight.Finding
	require.NoError(t, json.Unmarshal(out, &back))
	require.Equal(t, findings, back)
}

// TestDocument keeps docs/preflight.md what the tables say; MESHPEER_UPDATE=1 writes it.
func TestDocument(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, preflight.WriteMarkdown(&b))
	golden.Equal(t, "../../../docs/preflight.md", b.Bytes())
}

type broken struct{}

var errBroken = errors.New("broken pipe")

func (broken) Write([]byte) (int, error) { return 0, errBroken }

func TestWriteErrors(t *testing.T) {
	require.ErrorIs(t, preflight.WriteText(broken{}, nil), errBroken)
	require.ErrorIs(t, preflight.WriteMarkdown(broken{}), errBroken)
}

func TestStatus(t *testing.T) {
	require.Equal(t, probe.Failed, preflight.Status(troubled(t)))
	require.Equal(t, probe.Skipped, preflight.Status(nil))
}

func TestResult(t *testing.T) {
	f := preflight.Finding{ID: "root-ca", Status: probe.Failed, Subject: "From and To", Evidence: "they have no root in common", Remedy: "share one"}
	r := f.Result()
	require.Equal(t, "root-ca", r.Check)
	require.Equal(t, "From and To", r.Target)
	require.Equal(t, "share one", r.Hint)
	require.EqualError(t, r.Err, "they have no root in common")
	f.Status = probe.Unknown
	require.NoError(t, f.Result().Err)
}
