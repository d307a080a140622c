package peering_test

import (
	"crypto/rand"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/peering"
)

// TestIDErrorsHideAPastedToken: it may have been pasted in place of an ID.
func TestIDErrorsHideAPastedToken(t *testing.T) {
	raw := make([]byte, 40)
	_, _ = rand.Read(raw)
	for _, token := range []string{hex.EncodeToString(raw), "eyJhbGciOiJub25lIn0." + hex.EncodeToString(raw)} {
		_, err := peering.ParseID(token)
		require.ErrorContains(t, err, "REDACTED")
		require.NotContains(t, err.Error(), token[:40])
		require.Error(t, new(peering.ID).UnmarshalText([]byte(token)))
		_, err = peering.ParseIstioID(token)
		require.ErrorContains(t, err, "REDACTED")
	}
}
