//go:build linux

package lab

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseAudit(t *testing.T) {
	const log = `{"auditID":"1","verb":"watch","userAgent":"a","objectRef":{"resource":"pods"},"responseStatus":{"code":200}}
{"auditID":"2","verb":"create","objectRef":{"resource":"pods"},"responseStatus":{"code":201}}
{"auditID":"1","verb":"watch","userAgent":"a","objectRef":{"resource":"pods"},"responseStatus":{"code":200}}
{"auditID":"3","verb":"cre`
	events, err := parseAudit(strings.NewReader(log))
	require.NoError(t, err)
	require.Len(t, events, 2, "a request once, a half-written line not at all")
	require.Equal(t, AuditCount{Reads: 1, Writes: 1}, CountAudit(events, nil))
	_, err = parseAudit(strings.NewReader("no JSON\n"))
	require.Error(t, err)
}

func TestClean(t *testing.T) {
	out := "2026\twarn\tThe environment variable POD_NAMESPACE was registered multiple times using different metadata\n{}\n"
	require.Equal(t, "{}\n", string(clean([]byte(out))))
}
