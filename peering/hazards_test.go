package peering_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
	"github.com/meshpeer/meshpeer/peering/preflight"
)

// TestRotationUnderEveryHazard lets a stand-in istiod of each hazardous version behave as the row says. Without a way to
// restart it the old credential works on and the error says why; with one, the remedy is done and the rotation proved.
func TestRotationUnderEveryHazard(t *testing.T) {
	behaviour := map[string]func(*peeringtest.Istiods){
		"misses the change":   (*peeringtest.Istiods).MissChanges,
		"loses its endpoints": (*peeringtest.Istiods).LoseEndpoints,
	}
	tried := map[string]bool{}
	for _, version := range []string{"1.13.0", "1.27.1", "1.28.0", "1.29.0", "1.29.2", "1.29.5", "1.30.0", "1.30.2", "1.30.3", "1.31.0"} {
		hazards := preflight.Hazards(version)
		do := preflight.Warn
		for _, h := range hazards {
			if h.When == "" {
				tried[h.ID] = true
				if h.Do != preflight.Warn {
					do = h.Do
				}
			}
		}
		if do != preflight.Restart {
			t.Run(version+" rotates", func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					_, east, _, link := pair()
					east.Istiods.SetVersion(version)
					p := new(peering.Peering)
					_, err := p.Ensure(t.Context(), link)
					require.NoError(t, err)
					_, err = p.Rotate(t.Context(), link)
					require.NoError(t, err)
				})
			})
			continue
		}
		for name, behave := range behaviour {
			t.Run(version+" "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					_, east, west, link := pair()
					east.Istiods.SetVersion(version)
					p := new(peering.Peering)
					_, err := p.Ensure(t.Context(), link)
					require.NoError(t, err)
					old := bearerOf(t, east, west)
					behave(east.Istiods)

					_, err = p.Rotate(t.Context(), link)
					var hazard *peering.HazardError
					require.ErrorAs(t, err, &hazard)
					require.ErrorContains(t, err, "restart")
					require.True(t, accepted(t, west, old))
					require.Equal(t, old.Reveal(), bearerOf(t, east, west).Reveal())

					p.RestartIstiods = func(context.Context, *peering.Cluster) error { east.Istiods.RestartInPlace(); return nil }
					_, err = p.Rotate(t.Context(), link)
					require.NoError(t, err)
					require.False(t, accepted(t, west, old))
				})
			})
		}
	}
	for _, h := range preflight.AllHazards() {
		if h.When == "" {
			require.True(t, tried[h.ID], "no version was tried with hazard %s", h.ID)
		}
	}
}

// TestRenewalUnderAHazardKeepsTheOldToken: a token that must be replaced is, but the old one is not revoked on the word of an
// istiod that may not have noticed.
func TestRenewalUnderAHazardKeepsTheOldToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, east, west, link := pair()
		east.Istiods.SetVersion("1.29.1")
		p := new(peering.Peering)
		_, err := p.Ensure(t.Context(), link)
		require.NoError(t, err)
		old := bearerOf(t, east, west)
		o, err := east.Get(t.Context(), secret("istio-remote-secret-west"))
		require.NoError(t, err)
		delete(o.GetAnnotations(), peering.AnnotationCredential)
		_, err = east.Update(t.Context(), o)
		require.NoError(t, err)

		report, err := p.Ensure(t.Context(), link)
		require.NoError(t, err)
		require.NotEmpty(t, report.Links[0].Warnings)
		require.Len(t, report.Links[0].Left, 1)
		require.True(t, accepted(t, west, old))
	})
}
