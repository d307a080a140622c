//go:build linux

package clusters

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestPollKeepsTheLastWord: a request that the end of the time cut off says nothing of what was waited for.
func TestPollKeepsTheLastWord(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	asked := 0
	err := poll(ctx, "a Pod", func(ctx context.Context) error {
		if asked++; asked == 1 {
			return errors.New("no such image")
		}
		cancel()
		return ctx.Err()
	})
	require.ErrorContains(t, err, "last: no such image")
	require.ErrorIs(t, err, context.Canceled)
}
