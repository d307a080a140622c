package secrets

import (
	"context"
	"crypto/tls"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestLateHandshake: one that outlives the request must not touch the trials, of which the answer is made.
func TestLateHandshake(t *testing.T) {
	w := &handshakes{coming: []peer{{what: "proxy"}, {what: "server"}}}
	refused := errors.New("refused")
	_, err := w.end(refused)
	require.ErrorIs(t, err, refused)
	require.ErrorIs(t, w.verify(tls.ConnectionState{}), context.Canceled)
	require.Len(t, w.coming, 2)
	require.Empty(t, w.seen)
	require.NoError(t, w.done)
}
