package peering_test

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/secrets"
)

// TestApplyRefusesAnotherIntent: a plan that was reviewed is not carried out with another server, CA, kind of token or whatever
// else decides what a link is to be; with the same it is, also after a way through JSON.
func TestApplyRefusesAnotherIntent(t *testing.T) {
	otherCA := peeringtest.NewMesh("x").Member("x").Endpoint.CA
	for name, tt := range map[string]struct {
		planned, applied func(p *peering.Peering, e *secrets.Endpoint)
		says             string
	}{
		"the same":             {},
		"server":               {applied: func(_ *peering.Peering, e *secrets.Endpoint) { e.Server = "https://other.example:6443" }, says: "other.example"},
		"path of the server":   {applied: func(_ *peering.Peering, e *secrets.Endpoint) { e.Server += "/k8s/clusters/c-1" }, says: "c-1"},
		"CA":                   {applied: func(_ *peering.Peering, e *secrets.Endpoint) { e.CA = otherCA }, says: "CA sha256"},
		"server name":          {applied: func(_ *peering.Peering, e *secrets.Endpoint) { e.TLSServerName = "kubernetes.default" }, says: "server name"},
		"proxy":                {applied: func(_ *peering.Peering, e *secrets.Endpoint) { e.ProxyURL = "http://proxy.example:3128" }, says: "proxy.example"},
		"insecure":             {applied: func(_ *peering.Peering, e *secrets.Endpoint) { e.CA, e.InsecureSkipTLSVerify = nil, true }, says: "NOT VERIFIED"},
		"kind":                 {applied: func(p *peering.Peering, _ *secrets.Endpoint) { p.Credential = secrets.KindBound }, says: "bound"},
		"account":              {applied: func(p *peering.Peering, _ *secrets.Endpoint) { p.Account = &peering.Account{Name: "managed"} }, says: "managed"},
		"adopt":                {applied: func(p *peering.Peering, _ *secrets.Endpoint) { p.Adopt = peering.AdoptRevoke }, says: "adopt revoke"},
		"tolerate":             {applied: func(p *peering.Peering, _ *secrets.Endpoint) { p.Tolerate = []string{"trust-roots"} }, says: "trust-roots"},
		"undo":                 {applied: func(p *peering.Peering, _ *secrets.Endpoint) { p.UndoUnsynced = true }, says: "does not sync"},
		"namespace of readers": {applied: func(p *peering.Peering, _ *secrets.Endpoint) { p.Reader.Namespace = "default" }, says: "default"},
		"role":                 {applied: func(p *peering.Peering, _ *secrets.Endpoint) { p.Reader.Profile = rbac.Upstream }, says: "rules"},
		"labels": {applied: func(p *peering.Peering, _ *secrets.Endpoint) {
			p.Reader.Labels = map[string]string{"argocd.argoproj.io/instance": "mesh"}
		}, says: "argocd"},
		"scheme of the proxy": {
			planned: func(_ *peering.Peering, e *secrets.Endpoint) { e.ProxyURL = "https://proxy.example:3128" },
			applied: func(_ *peering.Peering, e *secrets.Endpoint) { e.ProxyURL = "http://proxy.example:3128" }, says: "http://proxy",
		},
		"lifetime": {
			planned: func(p *peering.Peering, _ *secrets.Endpoint) { p.Credential = secrets.KindBound },
			applied: func(p *peering.Peering, _ *secrets.Endpoint) {
				p.Credential, p.Lifetime = secrets.KindBound, 1000*time.Hour
			}, says: "1000h",
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, east, west, link := pair()
				must(t, west, serviceAccount("managed"))
				with := func(change func(*peering.Peering, *secrets.Endpoint)) (*peering.Peering, peering.Link) {
					p, e := new(peering.Peering), west.Endpoint
					if change != nil {
						change(p, &e)
					}
					return p, peering.Link{From: link.From, To: link.To, Endpoint: &e}
				}
				p, asPlanned := with(tt.planned)
				plan, err := p.Plan(t.Context(), peering.Present, asPlanned)
				require.NoError(t, err)
				require.Nil(t, plan.Links[0].Error)
				data, err := json.Marshal(plan)
				require.NoError(t, err)
				var read peering.Plan
				require.NoError(t, json.Unmarshal(data, &read))
				require.Equal(t, plan.Digest(), read.Digest())

				before := writes(east) + writes(west)
				if tt.applied == nil {
					require.NoError(t, read.Bind(asPlanned))
					_, err = p.Apply(t.Context(), &read)
					require.NoError(t, err)
					return
				}
				p, asApplied := with(tt.applied)
				require.NoError(t, read.Bind(asApplied))
				_, err = p.Apply(t.Context(), &read)
				var drift *peering.DriftError
				require.ErrorAs(t, err, &drift)
				require.NotEqual(t, drift.Planned, drift.Live)
				require.Contains(t, strings.Join(drift.Moved, "\n"), tt.says)
				for line := range strings.Lines(drift.Error()) {
					require.Less(t, len(line), 180, "a line for a person")
				}
				require.Equal(t, before, writes(east)+writes(west), "nothing is written")
			})
		})
	}
}

// TestApplyRefusesAnEditedPlan: whatever somebody changed in it after it was made.
func TestApplyRefusesAnEditedPlan(t *testing.T) {
	for name, tt := range map[string]struct {
		edit func(p *peering.Plan)
		says string
	}{
		"a link more":           {func(p *peering.Plan) { p.Links = append(p.Links, p.Links[0]) }, "links"},
		"a link less":           {func(p *peering.Plan) { p.Links = p.Links[:1] }, "links"},
		"no link":               {func(p *peering.Plan) { p.Links = nil }, "links"},
		"links change places":   {func(p *peering.Plan) { p.Links[0], p.Links[1] = p.Links[1], p.Links[0] }, "link 0"},
		"another goal":          {func(p *peering.Plan) { p.Goal = peering.Absent }, "no longer fits"},
		"a goal that is none":   {func(p *peering.Plan) { p.Goal = "Absent" }, `"Absent"`},
		"no goal":               {func(p *peering.Plan) { p.Goal = "" }, "goal"},
		"another schema":        {func(p *peering.Plan) { p.Schema = "meshpeer.io/plan/v0" }, "meshpeer.io/plan/v0"},
		"a step less":           {func(p *peering.Plan) { p.Links[0].Steps = p.Links[0].Steps[1:] }, "ServiceAccount"},
		"a step twice":          {func(p *peering.Plan) { p.Links[0].Steps = append(p.Links[0].Steps, p.Links[0].Steps[0]) }, "how often"},
		"steps in other order":  {func(p *peering.Plan) { s := p.Links[0].Steps; s[0], s[1] = s[1], s[0] }, "order"},
		"no steps":              {func(p *peering.Plan) { p.Links[0].Steps = nil }, "ServiceAccount"},
		"another object":        {func(p *peering.Plan) { p.Links[0].Steps[1].Object = "ClusterRole/cluster-admin" }, "cluster-admin"},
		"another diff":          {func(p *peering.Plan) { p.Links[0].Steps[1].Diff = nil }, "may"},
		"no intent":             {func(p *peering.Plan) { p.Links[0].Intent = nil }, "endpoint"},
		"another cluster's UID": {func(p *peering.Plan) { p.Links[0].Intent.ToUID = "other" }, "other"},
		"an error": {func(p *peering.Plan) {
			p.Links[0].Error = &peering.Error{From: p.Links[0].From, To: p.Links[0].To, Stage: peering.StageRead, On: p.Links[0].To}
		}, "cannot be planned"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				mesh, east, west, _ := pair()
				links := peering.Mesh(mesh.Clusters()...)
				p := new(peering.Peering)
				plan, err := p.Plan(t.Context(), peering.Present, links...)
				require.NoError(t, err)
				tt.edit(plan)
				before := writes(east) + writes(west)
				_, err = p.Apply(t.Context(), plan)
				require.ErrorContains(t, err, tt.says)
				require.Equal(t, before, writes(east)+writes(west), "nothing is written")
			})
		})
	}
}

// TestApplyDoesNotPlanAgain: where another run is first between the look and the first write, what it left is not what was
// reviewed.
func TestApplyDoesNotPlanAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, _, west, link := pair()
		p := new(peering.Peering)
		plan, err := p.Plan(t.Context(), peering.Present, link)
		require.NoError(t, err)
		var first bool
		west.Before = func(c peeringtest.Call) error {
			if c.Write() && !first {
				first = true
				_, err := (&peering.Peering{Reader: rbac.Options{Profile: rbac.Upstream}}).Ensure(t.Context(), link)
				require.NoError(t, err)
			}
			return nil
		}
		_, err = p.Apply(t.Context(), plan)
		var drift *peering.DriftError
		require.ErrorAs(t, err, &drift)
		role := clusterRole(t, west, "meshpeer-reader-east")
		want, err := rbac.Render(rbac.Options{Profile: rbac.Upstream})
		require.NoError(t, err)
		require.Empty(t, rbac.Missing(role.Rules, want.ClusterRole.Rules), "the other run's link is as it made it")
	})
}
