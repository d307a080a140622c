package rbactest

import (
	"bytes"

	"github.com/meshpeer/meshpeer/internal/golden"
	"github.com/meshpeer/meshpeer/rbac"
)

// Golden fails tb, and ends it, if the YAML of the reader is not, byte for
// byte, the file testdata/<name>, or if it has no object. With the environment
// variable MESHPEER_UPDATE=1 it writes the file. The name uses slashes.
func Golden(tb TB, name string, reader *rbac.Reader) {
	tb.Helper()
	if reader == nil || len(reader.Objects()) == 0 {
		tb.Fatalf("rbactest: Golden %s has no object to look at: give it what rbac.Render returned", name)
		return
	}
	var buf bytes.Buffer
	if err := reader.WriteYAML(&buf); err != nil {
		tb.Fatalf("rbactest: %v", err)
		return
	}
	golden.Equal(tb, name, buf.Bytes())
}
