package peering_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"

	"github.com/meshpeer/meshpeer/internal/golden"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/secrets"
)

func whoAmI() peering.Object { return &authenticationv1.SelfSubjectReview{} }

func TestPlanReadsOnlyAndIsWhatApplyDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mesh, east, west, _ := pair()
		links := peering.Mesh(mesh.Clusters()...)
		p := new(peering.Peering)
		for _, goal := range []peering.Goal{peering.Present, peering.Rotated, peering.Absent} {
			before := writes(east) + writes(west)
			plan, err := p.Plan(t.Context(), goal, links...)
			require.NoError(t, err)
			require.Equal(t, before, writes(east)+writes(west), "a plan writes nothing")
			require.False(t, plan.Empty())
			report, err := p.Apply(t.Context(), plan)
			require.NoError(t, err)
			var planned []peering.Change
			for _, s := range plan.Links[0].Steps {
				if s.Action != peering.Verified {
					planned = append(planned, s.Change)
				}
			}
			require.Equal(t, planned, report.Links[0].Changes)
		}
		again, err := p.Plan(t.Context(), peering.Absent, links...)
		require.NoError(t, err)
		require.True(t, again.Empty())
	})
}

// TestPlanTravels: a plan is written as JSON, reviewed, and applied by another process.
func TestPlanTravels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, _, _, link := pair()
		p := &peering.Peering{Reader: rbac.Options{Profile: rbac.Minimal}}
		plan, err := p.Plan(t.Context(), peering.Present, link)
		require.NoError(t, err)
		intent := plan.Links[0].Intent
		require.NotEqual(t, intent.FromUID, intent.ToUID)
		intent.FromUID, intent.ToUID = "11111111-1111", "22222222-2222"
		require.Len(t, intent.CA, 64)
		intent.Server, intent.CA = "https://west.example:6443", strings.Repeat("0", 64)
		data, err := json.MarshalIndent(plan, "", "  ")
		require.NoError(t, err)
		golden.Equal(t, "plan.json", append(data, '\n'))
		var text bytes.Buffer
		require.NoError(t, plan.WriteText(&text))
		golden.Equal(t, "plan.txt", text.Bytes())

		plan, err = p.Plan(t.Context(), peering.Present, link)
		require.NoError(t, err)
		data, err = json.Marshal(plan)
		require.NoError(t, err)
		var read peering.Plan
		require.NoError(t, json.Unmarshal(data, &read))
		require.Equal(t, plan.Digest(), read.Digest())
		_, err = p.Apply(t.Context(), &read)
		require.ErrorContains(t, err, "Bind")
		require.Error(t, read.Bind())
		require.Error(t, read.Bind(peering.Link{From: link.To, To: link.From}))
		require.NoError(t, read.Bind(link))
		_, err = p.Apply(t.Context(), &read)
		require.NoError(t, err)

		_, err = p.Apply(t.Context(), &read)
		var drift *peering.DriftError
		require.ErrorAs(t, err, &drift, "it is done already")
		require.NotEmpty(t, drift.Moved)
	})
}

// TestApplyRefusesWhatMoved: another role, another object, other options.
func TestApplyRefusesWhatMoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, east, west, link := pair()
		p := new(peering.Peering)
		_, err := p.Ensure(t.Context(), link)
		require.NoError(t, err)
		role := clusterRole(t, west, "meshpeer-reader-east")
		role.Rules = role.Rules[:4]
		_, err = west.Update(t.Context(), role)
		require.NoError(t, err)
		plan, err := p.Plan(t.Context(), peering.Present, link)
		require.NoError(t, err)
		before := writes(east) + writes(west)

		other := &peering.Peering{Reader: rbac.Options{Profile: rbac.Minimal}}
		_, err = other.Apply(t.Context(), plan)
		var drift *peering.DriftError
		require.ErrorAs(t, err, &drift)

		role = clusterRole(t, west, "meshpeer-reader-east")
		role.Rules = role.Rules[:2]
		_, err = west.Update(t.Context(), role)
		require.NoError(t, err)
		_, err = p.Apply(t.Context(), plan)
		require.ErrorAs(t, err, &drift)
		require.Contains(t, drift.Error(), "ClusterRole/meshpeer-reader-east")
		require.Equal(t, before+1, writes(east)+writes(west), "nothing but our own edit")
	})
}

func TestPlanOfABrokenLinkSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, east, _, link := pair()
		s := secret("made-by-istioctl")
		s.Labels = map[string]string{secrets.LabelMultiCluster: "true"}
		s.Data = map[string][]byte{"west": []byte("{}")}
		must(t, east, s)
		plan, err := new(peering.Peering).Plan(t.Context(), peering.Present, link)
		require.NoError(t, err)
		require.False(t, plan.Empty())
		require.Equal(t, peering.StageRead, plan.Links[0].Error.Stage)
		_, err = new(peering.Peering).Plan(t.Context(), "sideways", link)
		require.ErrorContains(t, err, `"sideways"`)
	})
}
