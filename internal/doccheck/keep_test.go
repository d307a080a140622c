package doccheck_test

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/secrets"
)

// keep peers the links and comes back to renew their credentials, until ctx ends.
func keep(ctx context.Context, log *slog.Logger, p *peering.Peering, links ...peering.Link) error {
	for {
		report, err := p.Ensure(ctx, links...)
		if report == nil {
			return err // the links cannot be: no call will ever work
		}
		log.Info("ensured", "status", report.Status(), "changed", report.Changed(), "renewAt", report.RenewAt(), "error", err)
		wait := time.Hour // at the latest: what somebody changed is put right
		if at := report.RenewAt(); !at.IsZero() {
			wait = min(wait, time.Until(at)) // a link that failed asks for a minute
		}
		wait = max(wait, 10*time.Second)
		wait += rand.N(wait / 20) // programs that were started together part; there is time for it
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}

// TestKeep: tokens of an hour, for a day, through an hour without an API server.
func TestKeep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, _, west, link := pair()
		p := &peering.Peering{Credential: secrets.KindBound, Lifetime: time.Hour}
		ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
		defer cancel()
		time.AfterFunc(10*time.Hour, west.Partition)
		time.AfterFunc(11*time.Hour, west.Heal)
		require.ErrorIs(t, keep(ctx, slog.New(slog.DiscardHandler), p, link), context.DeadlineExceeded)

		report, err := p.Verify(t.Context(), link)
		require.NoError(t, err)
		generation := report.Links[0].Credential.Generation
		require.Greater(t, generation, 24*60/60, "renewed each time")
		require.Less(t, generation, 24*60/40, "and not more often")
	})
}

func TestKeepGivesUp(t *testing.T) {
	require.Error(t, keep(t.Context(), slog.New(slog.DiscardHandler), new(peering.Peering), peering.Link{}))
}
