package peering_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/secrets"
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

// taken is a Reader that saw a Secret of the link's name some moments ago.
type taken struct {
	preflight.Reader
	latest preflight.Reader
}

func (r *taken) List(ctx context.Context, like peering.Object, selector string) ([]peering.Object, error) {
	all, err := r.Reader.List(ctx, like, selector)
	if m, names := like.(*metav1.PartialObjectMetadata); names && m.Kind == "Secret" {
		all = append(all, &metav1.PartialObjectMetadata{TypeMeta: m.TypeMeta, ObjectMeta: metav1.ObjectMeta{Namespace: m.Namespace, Name: secrets.SecretName("west")}})
	}
	return all, err
}

func (r *taken) Latest() preflight.Reader { return r.latest }

// TestNothingBlocksByWhatWas: before a link is refused, preflight looks again at what is there now.
func TestNothingBlocksByWhatWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, east, _, link := pair()
		now := east.Checks.Reader
		east.Checks.Reader = &taken{now, nil}
		report, err := new(peering.Peering).Ensure(t.Context(), link)
		require.ErrorContains(t, err, "secret-name-free")
		require.Equal(t, peering.StagePreflight, report.Links[0].Error.Stage)
		east.Checks.Reader = &taken{now, now}
		_, err = new(peering.Peering).Ensure(t.Context(), link)
		require.NoError(t, err)
	})
}
