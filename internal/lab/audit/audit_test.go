//go:build linux

package audit

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParse(t *testing.T) {
	const log = `{"auditID":"1","verb":"watch","userAgent":"a","objectRef":{"resource":"pods"},"responseStatus":{"code":200}}
{"auditID":"2","verb":"create","objectRef":{"resource":"pods"},"responseStatus":{"code":201}}
{"auditID":"1","verb":"watch","userAgent":"a","objectRef":{"resource":"pods"},"responseStatus":{"code":200}}
{"auditID":"3","verb":"cre`
	events, err := parse(strings.NewReader(log))
	require.NoError(t, err)
	require.Len(t, events, 2, "a request once, a half-written line not at all")
	require.Equal(t, Count{Reads: 1, Writes: 1}, CountEvents(events, nil))
	_, err = parse(strings.NewReader("no JSON\n"))
	require.Error(t, err)
}
