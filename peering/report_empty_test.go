package peering_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/probe"
)

// TestReportSaysPassedOnlyOfWhatWasLookedAt: each case is one change of a report that passed.
func TestReportSaysPassedOnlyOfWhatWasLookedAt(t *testing.T) {
	good := func() *peering.Report {
		return &peering.Report{Schema: peering.ReportSchema, Goal: peering.Present, Links: []peering.LinkReport{{
			From: peering.MustID("east"), To: peering.MustID("west"), Status: probe.Passed, Results: []probe.Result{{Check: "a", Status: probe.Passed}},
		}}}
	}
	require.Equal(t, probe.Passed, good().Status())
	for name, tt := range map[string]struct {
		change func(r *peering.Report)
		want   probe.Status
	}{
		"nothing":                    {func(r *peering.Report) { *r = peering.Report{} }, probe.Unknown},
		"no links":                   {func(r *peering.Report) { r.Links = nil }, probe.Unknown},
		"another schema":             {func(r *peering.Report) { r.Schema = "meshpeer.io/report/v2" }, probe.Unknown},
		"another goal":               {func(r *peering.Report) { r.Goal = "absnet" }, probe.Unknown},
		"goal in capitals":           {func(r *peering.Report) { r.Goal = "PRESENT" }, probe.Unknown},
		"a link of no rows":          {func(r *peering.Report) { r.Links[0].Results = nil }, probe.Unknown},
		"no status":                  {func(r *peering.Report) { r.Links[0].Status = "" }, probe.Unknown},
		"an unknown status":          {func(r *peering.Report) { r.Links[0].Status = "FAILED" }, probe.Unknown},
		"a result without a status":  {func(r *peering.Report) { r.Links[0].Results[0].Status = "" }, probe.Unknown},
		"a result of another status": {func(r *peering.Report) { r.Links[0].Results[0].Status = "error" }, probe.Unknown},
		"a failed result":            {func(r *peering.Report) { r.Links[0].Results[0].Status = probe.Failed }, probe.Failed},
		"an error":                   {func(r *peering.Report) { r.Links[0].Error = &peering.Error{} }, probe.Failed},
		"something left":             {func(r *peering.Report) { r.Links[0].Left = []peering.Change{{}} }, probe.Warned},
		"skipped only": {func(r *peering.Report) {
			r.Links[0].Status, r.Links[0].Results[0].Status = probe.Skipped, probe.Skipped
		}, probe.Skipped},
		"a second link without rows":  {func(r *peering.Report) { r.Links = append(r.Links, peering.LinkReport{Status: probe.Passed}) }, probe.Unknown},
		"status worse than its rows":  {func(r *peering.Report) { r.Links[0].Status = probe.Failed }, probe.Failed},
		"changes only, none verified": {func(r *peering.Report) { r.Links[0].Results, r.Links[0].Changes = nil, []peering.Change{{}} }, probe.Passed},
	} {
		t.Run(name, func(t *testing.T) {
			report := good()
			tt.change(report)
			require.Equal(t, tt.want, report.Status())
			data, err := json.Marshal(report)
			require.NoError(t, err)
			var back peering.Report
			require.NoError(t, json.Unmarshal(data, &back))
			require.Equal(t, tt.want, back.Status(), "also as JSON")

			var text, junit bytes.Buffer
			require.NoError(t, report.WriteText(&text))
			require.Contains(t, text.String(), ": "+string(tt.want)+"\n")
			require.Contains(t, writeHTML(t, report, peering.HTMLOptions{}), ": "+string(tt.want)+"</title>")
			require.NoError(t, report.WriteJUnit(&junit))
			require.Contains(t, junit.String(), "<testcase ", "a file without a case counts as a success")
			require.Equal(t, tt.want == probe.Failed, bytes.Contains(junit.Bytes(), []byte("<failure ")) || bytes.Contains(junit.Bytes(), []byte("<error ")))
		})
	}
	require.Equal(t, probe.Unknown, (*peering.Report)(nil).Status())
}

// TestEmptyPlanSaysSoOfEveryLink: a plan that is not empty is drift, and so is one that does not tell.
func TestEmptyPlanSaysSoOfEveryLink(t *testing.T) {
	good := func() *peering.Plan {
		step := peering.Step{Change: peering.Change{Action: peering.Unchanged}}
		return &peering.Plan{Schema: peering.PlanSchema, Goal: peering.Present, Links: []peering.LinkPlan{{Steps: []peering.Step{step}}}}
	}
	require.True(t, good().Empty())
	for name, change := range map[string]func(p *peering.Plan){
		"nothing":           func(p *peering.Plan) { *p = peering.Plan{} },
		"no links":          func(p *peering.Plan) { p.Links = nil },
		"no steps":          func(p *peering.Plan) { p.Links[0].Steps = nil },
		"another schema":    func(p *peering.Plan) { p.Schema = "" },
		"another goal":      func(p *peering.Plan) { p.Goal = "absnet" },
		"an error":          func(p *peering.Plan) { p.Links[0].Error = &peering.Error{} },
		"an unknown action": func(p *peering.Plan) { p.Links[0].Steps[0].Action = "unchanged " },
		"no action":         func(p *peering.Plan) { p.Links[0].Steps[0].Action = "" },
	} {
		t.Run(name, func(t *testing.T) {
			p := good()
			change(p)
			require.False(t, p.Empty())
			var text bytes.Buffer
			require.NoError(t, p.WriteText(&text))
			require.NotContains(t, text.String(), "nothing to do")
		})
	}
}
