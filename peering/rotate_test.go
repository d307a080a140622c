package peering_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
	"github.com/meshpeer/meshpeer/secrets"
)

func TestRotate(t *testing.T) {
	for _, kind := range []secrets.Kind{secrets.KindDurable, secrets.KindBound} {
		t.Run(string(kind), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, east, west, link := pair()
				east.Istiods.Scale("istiod-1", "istiod-2")
				p := &peering.Peering{Credential: kind}
				first, err := p.Ensure(t.Context(), link)
				require.NoError(t, err)
				old := bearerOf(t, east, west)

				report, err := p.Rotate(t.Context(), link)
				require.NoError(t, err)
				require.NotEqual(t, first.Links[0].Credential.Fingerprint, report.Links[0].Credential.Fingerprint)
				require.Equal(t, 2, report.Links[0].Credential.Generation)
				require.False(t, accepted(t, west, old), "the old token is revoked")
				require.True(t, accepted(t, west, bearerOf(t, east, west)))
				after, err := p.Plan(t.Context(), peering.Present, link)
				require.NoError(t, err)
				require.True(t, after.Empty())
			})
		})
	}
}

// TestRotationThatFailsKeepsTheOldCredential: whatever goes wrong before the revocation, the old token is in place and works.
func TestRotationThatFailsKeepsTheOldCredential(t *testing.T) {
	for name, tt := range map[string]struct {
		fault func(east, west *peeringtest.Member, p *peering.Peering)
		hint  string
	}{
		"endpoints are lost": {func(east, _ *peeringtest.Member, _ *peering.Peering) { east.Istiods.LoseEndpoints() }, "restart this istiod"},
		"istiod gets stuck": {func(east, _ *peeringtest.Member, _ *peering.Peering) {
			east.Istiods.Stick("istiod-1", istiod.TimedOut)
		}, ""},
		"traffic does not flow": {func(_, _ *peeringtest.Member, p *peering.Peering) {
			p.Guard = func(context.Context, peering.Link) error { return errors.New("503") }
		}, ""},
		"From refuses the write": {func(east, _ *peeringtest.Member, _ *peering.Peering) {
			east.Before = func(c peeringtest.Call) error {
				if c.Verb == "update" {
					return errors.New("connection refused")
				}
				return nil
			}
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, east, west, link := pair()
				p := &peering.Peering{SyncTimeout: 5 * time.Second}
				_, err := p.Ensure(t.Context(), link)
				require.NoError(t, err)
				old, was := bearerOf(t, east, west), contents(t, west)
				tt.fault(east, west, p)
				report, err := p.Rotate(t.Context(), link)
				require.Error(t, err)
				east.Before = nil
				require.Equal(t, old.Reveal(), bearerOf(t, east, west).Reveal())
				require.True(t, accepted(t, west, old))
				require.Equal(t, was, contents(t, west), "the new token is gone")
				require.Empty(t, report.Links[0].Left)
				if tt.hint != "" {
					require.Contains(t, report.Links[0].Results[0].Hint, tt.hint)
				}
			})
		})
	}
}

// TestUnseenRotationKeepsBothTokens: without an istiod to ask, the old token is not revoked, and said to be there.
func TestUnseenRotationKeepsBothTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, east, west, link := pair()
		p := new(peering.Peering)
		_, err := p.Ensure(t.Context(), link)
		require.NoError(t, err)
		old := bearerOf(t, east, west)
		east.Istiods.Scale()
		report, err := p.Rotate(t.Context(), link)
		require.NoError(t, err)
		require.True(t, accepted(t, west, old))
		require.Len(t, report.Links[0].Left, 1)

		east.Istiods.Scale("istiod-1")
		report, err = p.Ensure(t.Context(), link)
		require.NoError(t, err)
		require.Empty(t, report.Links[0].Left)
		require.False(t, accepted(t, west, old), "the next Ensure finishes it")
	})
}

// bearerOf is the token in the remote secret of from for to.
func bearerOf(t *testing.T, from, to *peeringtest.Member) secrets.Token {
	t.Helper()
	o, err := from.Get(t.Context(), secret(secrets.SecretName(to.ID.String())))
	require.NoError(t, err)
	remotes, err := secrets.Parse(o.(*corev1.Secret))
	require.NoError(t, err)
	return remotes[0].Token
}

func accepted(t *testing.T, to *peeringtest.Member, token secrets.Token) bool {
	t.Helper()
	objects, err := to.As(to.Endpoint, token)
	require.NoError(t, err)
	_, err = objects.Create(t.Context(), whoAmI())
	return err == nil
}
