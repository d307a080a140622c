package page_test

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/internal/page"
	"github.com/meshpeer/meshpeer/internal/printable"
	"github.com/meshpeer/meshpeer/probe"
)

// suite is a link in JUnit XML as a reader sees it.
type suite struct {
	Name     string `xml:"name,attr"`
	Tests    int    `xml:"tests,attr"`
	Failures int    `xml:"failures,attr"`
	Errors   int    `xml:"errors,attr"`
	Skipped  int    `xml:"skipped,attr"`
	Time     string `xml:"time,attr"`
	Cases    []struct {
		Name    string `xml:"name,attr"`
		Failure *why   `xml:"failure"`
		Error   *why   `xml:"error"`
		Skipped *why   `xml:"skipped"`
		Out     string `xml:"system-out"`
	} `xml:"testcase"`
	Out string `xml:"system-out"`
}

type why struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr"`
}

func junit(t *testing.T, r *page.Report) []suite {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, r.WriteJUnit(&out))
	var file struct {
		Suites []suite `xml:"testsuite"`
	}
	require.NoError(t, xml.Unmarshal(out.Bytes(), &file))
	return file.Suites
}

func TestJUnitStatuses(t *testing.T) {
	for status, want := range map[probe.Status]struct {
		skipped, failed bool
		message, out    string
	}{
		probe.Passed:  {out: "seen"},
		probe.Warned:  {out: "warned: seen\nerror: cause\nnext: step"},
		probe.Failed:  {failed: true, message: "seen; error: cause; next: step"},
		probe.Unknown: {skipped: true, message: "unknown: seen; error: cause; next: step"},
		probe.Skipped: {skipped: true, message: "skipped: seen"},
		"":            {skipped: true, message: "not run: seen"},
		"of-tomorrow": {skipped: true, message: "unknown (of-tomorrow): seen; error: cause; next: step"},
	} {
		t.Run("status "+string(status), func(t *testing.T) {
			result := page.Result{Check: "check", Target: "target", Status: status, Summary: "seen"}
			if status != probe.Passed && status != probe.Skipped && status != "" {
				result.Hint, result.Err = "step", "cause"
			}
			c := junit(t, &page.Report{Links: []page.Link{{Status: status.Known(), Results: []page.Result{result}}}})[0].Cases[0]
			require.Equal(t, "check target", c.Name)
			require.Equal(t, want.out, c.Out)
			require.Equal(t, want.skipped, c.Skipped != nil)
			require.Equal(t, want.failed, c.Failure != nil)
			require.Nil(t, c.Error)
			switch {
			case c.Failure != nil:
				require.Equal(t, &why{want.message, "check"}, c.Failure)
			case c.Skipped != nil:
				require.Equal(t, want.message, c.Skipped.Message)
			}
		})
	}
}

// TestJUnitErrorThatRepeatsItsResults: it is a case of its own only if it says more than the failed results.
func TestJUnitErrorThatRepeatsItsResults(t *testing.T) {
	failed := func(texts ...string) (all []page.Result) {
		for _, text := range texts {
			all = append(all, page.Result{Check: "a", Status: probe.Failed, Err: text})
		}
		return all
	}
	long := strings.Repeat("long ", printable.Limit)
	for name, tt := range map[string]struct {
		results []page.Result
		cause   string
		errors  int
	}{
		"the error of the result":       {failed("refused"), "refused", 0},
		"in order":                      {failed("refused", "late"), "refused; late", 0},
		"in another order":              {failed("refused", "late"), "late; refused", 0},
		"some of them":                  {failed("refused", "late"), "late", 0},
		"cut short":                     {failed(printable.Prose(long), "late"), printable.Prose(printable.Prose(long) + "; late"), 0},
		"more than they say":            {failed("refused"), "refused; late", 1},
		"what only begins like it":      {failed("refused"), "refused again", 1},
		"no cause":                      {failed("refused"), "", 1},
		"results without an error":      {failed(""), "refused", 1},
		"neither says why":              {failed(""), "", 1},
		"no results":                    {nil, "refused", 1},
		"a result that is only unknown": {[]page.Result{{Status: probe.Unknown, Err: "refused"}}, "refused", 1},
	} {
		t.Run(name, func(t *testing.T) {
			link := page.Link{Status: probe.Failed, Results: tt.results, Error: &page.Failure{Stage: "sync", On: "east", Cause: tt.cause, Hint: "wait"}}
			s := junit(t, &page.Report{Links: []page.Link{link}})[0]
			require.Equal(t, tt.errors, s.Errors)
			require.Equal(t, len(tt.results)+tt.errors, s.Tests)
			if tt.errors > 0 {
				last := s.Cases[len(s.Cases)-1]
				require.Equal(t, "sync on east", last.Name)
				require.Equal(t, &why{strings.TrimPrefix(tt.cause+"; next: wait", "; "), "sync"}, last.Error)
			}
		})
	}
}

// TestJUnitHoldsACaseAtLeast: a file without a case counts as a success, and so does a failed link without a failure.
func TestJUnitHoldsACaseAtLeast(t *testing.T) {
	for name, tt := range map[string]struct {
		report page.Report
		want   string
	}{
		"no links":     {page.Report{Unknown: "the report has no links"}, "meshpeer report skipped unknown: the report has no links"},
		"nothing done": {page.Report{Links: []page.Link{{From: "a", To: "b", Status: probe.Unknown}}}, "a -> b link skipped unknown: nothing was done and nothing was checked"},
		"only failed":  {page.Report{Links: []page.Link{{From: "a", To: "b", Status: probe.Failed}}}, "a -> b link error the link failed, and no result says why"},
	} {
		t.Run(name, func(t *testing.T) {
			suites := junit(t, &tt.report)
			require.Len(t, suites, 1)
			require.Len(t, suites[0].Cases, 1)
			c := suites[0].Cases[0]
			got := fmt.Sprintf("%s %s ", suites[0].Name, c.Name)
			if c.Error != nil {
				got += "error " + c.Error.Message
			} else {
				got += "skipped " + c.Skipped.Message
			}
			require.Equal(t, tt.want, got)
		})
	}
}

// TestJUnitFindingsFailNothing has a blocking finding that the caller tolerates.
func TestJUnitFindingsFailNothing(t *testing.T) {
	s := junit(t, &page.Report{Links: []page.Link{{Status: probe.Passed, Findings: []page.Result{
		{Check: "versions", Status: probe.Failed, Target: "east", Summary: "too old", Hint: "upgrade", Err: "too old"},
	}}}})[0]
	require.Equal(t, []int{0, 0, 1}, []int{s.Failures, s.Errors, s.Skipped})
	require.Equal(t, "preflight versions east", s.Cases[0].Name)
	require.Equal(t, "failed: too old; next: upgrade", s.Cases[0].Skipped.Message)
}

func TestJUnitSuiteOfALink(t *testing.T) {
	change := page.Change{Stage: "grant", On: "b", Object: "ClusterRole/a", Action: "deleted", Reason: "undone"}
	s := junit(t, &page.Report{
		Warnings: []page.Warnings{{Cluster: "b", Texts: []string{"old"}}, {Cluster: "c", Texts: []string{"not here"}}, {Cluster: "a", Texts: []string{"older"}}},
		Links: []page.Link{{
			From: "a", To: "b", Warnings: []string{"careful"}, Undone: []page.Change{change}, Left: []page.Change{change},
			Results: []page.Result{{Check: "x", Status: probe.Passed, Took: time.Second}, {Check: "y", Status: probe.Passed, Took: 500 * time.Millisecond}},
		}},
	})[0]
	require.Equal(t, "1.500", s.Time)
	require.Equal(t, "warning: careful\nwarning of the API server of a: older\nwarning of the API server of b: old", s.Out)
	require.Equal(t, "undo grant ClusterRole/a on b", s.Cases[2].Name)
	require.Equal(t, "deleted: undone", s.Cases[2].Out)
	require.Equal(t, "left behind: grant ClusterRole/a on b", s.Cases[3].Name)
	require.Equal(t, "left behind: undone; next: remove it by hand, or call again", s.Cases[3].Skipped.Message)
}
