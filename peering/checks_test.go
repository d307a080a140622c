package peering_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/rbac"
)

// TestMissingRightsAreListedAllAtOnce: the caller may do nothing in To but read.
func TestMissingRightsAreListedAllAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, east, west, link := pair()
		west.Checks.May = func(_ context.Context, a rbac.Access) (bool, error) {
			return a.Verb == "get" || a.Verb == "list", nil
		}
		report, err := new(peering.Peering).Ensure(t.Context(), link)
		var blocked *peering.PreflightError
		require.ErrorAs(t, err, &blocked)
		require.Equal(t, peering.StagePreflight, report.Links[0].Error.Stage)
		require.NotEmpty(t, report.Links[0].Error.Hint)
		for _, want := range []string{"serviceaccounts", "clusterroles", "clusterrolebindings", "secrets"} {
			require.ErrorContains(t, err, want)
		}
		require.Zero(t, writes(east)+writes(west))

		tolerant := &peering.Peering{Tolerate: []string{"caller-rights"}}
		report, err = tolerant.Ensure(t.Context(), link)
		require.NoError(t, err, "the caller knows better")
		require.NotEmpty(t, report.Links[0].Findings)
	})
}

func TestPlanShowsFindings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, _, _, link := pair()
		plan, err := new(peering.Peering).Plan(t.Context(), peering.Present, link)
		require.NoError(t, err)
		var ids []string
		for _, f := range plan.Links[0].Findings {
			ids = append(ids, f.ID)
		}
		require.Contains(t, ids, "kubernetes-version", "it could not be told")

		upstream := &peering.Peering{Flavour: preflight.Upstream}
		plan, err = upstream.Plan(t.Context(), peering.Present, link)
		require.NoError(t, err)
		require.Equal(t, peering.StagePreflight, plan.Links[0].Error.Stage, "with upstream Istio, no Pod of istiod is none")
		require.ErrorContains(t, plan.Links[0].Error, "istiod-present")
	})
}
