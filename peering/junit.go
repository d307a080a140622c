package peering

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/meshpeer/meshpeer/probe"
)

// WriteJUnit writes the report as JUnit XML, the form of test results that CI systems show: a suite per link and a case
// for each change and each result. There is a failure or an error exactly where a result or a link Failed, so the CI
// system and [Report.Status] agree. Unknown and Skipped results, and what was left behind, are skipped cases that say why.
// Warned results pass and say why in their output. Findings of the preflight fail nothing by themselves. A link or a
// report that holds nothing gives one skipped case. Suites carry the credential and RenewAt as properties. The error is w's.
//
// An undone change and one that was left behind are cases of their own besides the change itself. The error of a link
// that only repeats failed results, as after [Peering.Verify], is not a case of its own.
func (r *Report) WriteJUnit(w io.Writer) error {
	all := junitSuites{Name: "meshpeer", Time: junitSeconds(r.Took)}
	clean := r.printed()
	for _, l := range clean.Links {
		all.add(l.junit(clean.Goal, clean.Warnings))
	}
	if why := r.unknowable(); why != "" {
		whole := junitSuite{Name: "meshpeer", Time: junitSeconds(0)}
		whole.add(junitUnknown("report", why))
		all.add(whole)
	}
	out := bytes.NewBufferString(xml.Header)
	encoder := xml.NewEncoder(out)
	encoder.Indent("", "  ")
	if err := encoder.Encode(all); err != nil {
		return fmt.Errorf("peering: WriteJUnit: %w", err)
	}
	out.WriteByte('\n')
	_, err := w.Write(out.Bytes())
	return err
}

func (l LinkReport) junit(goal Goal, warnings map[string][]string) junitSuite {
	suite := junitSuite{Name: fmt.Sprintf("%s -> %s", l.From, l.To), Properties: l.junitProperties(goal)}
	for _, f := range l.Findings {
		suite.add(junitFinding(f.Result()))
	}
	for _, c := range l.Changes {
		suite.add(junitCase{Name: c.junitName(), Out: colon(string(c.Action), c.Reason)})
	}
	var took time.Duration
	for _, result := range l.Results {
		took += result.Took
		suite.add(junitResult(result))
	}
	if l.Error != nil && !l.repeated() {
		why := junitReason(l.Error.cause(), "", l.Error.Hint)
		why.Type = string(l.Error.Stage)
		suite.add(junitCase{Name: fmt.Sprintf("%s on %s", l.Error.Stage, l.Error.On), Error: why})
	}
	for _, c := range l.Undone {
		suite.add(junitCase{Name: "undo " + c.junitName(), Out: colon(string(c.Action), c.Reason)})
	}
	for _, c := range l.Left {
		suite.add(junitCase{Name: "left behind: " + c.junitName(), Skipped: junitReason(colon("left behind", c.Reason), "", "remove it by hand, or call again")})
	}
	switch {
	case l.verdict() == probe.Failed && suite.Failures+suite.Errors == 0:
		suite.add(junitCase{Name: "link", Error: junitReason("the link failed, and no result says why", "", "")})
	case suite.Tests == 0:
		suite.add(junitUnknown("link", "nothing was done and nothing was checked"))
	}
	suite.Time = junitSeconds(took)
	var out []string
	for _, text := range l.Warnings {
		out = append(out, "warning: "+text)
	}
	for _, cluster := range []ID{l.From, l.To} {
		for _, text := range warnings[cluster.String()] {
			out = append(out, fmt.Sprintf("warning of the API server of %s: %s", cluster, text))
		}
	}
	suite.Out = strings.Join(out, "\n")
	return suite
}

// junitName has no action in it: CI systems follow a case through its runs by its name.
func (c Change) junitName() string { return fmt.Sprintf("%s %s on %s", c.Stage, c.Object, c.On) }

func junitResult(r probe.Result) junitCase {
	c := junitCase{Name: strings.TrimSpace(r.Check + " " + r.Target), Time: junitSeconds(r.Took)}
	why := junitReason(r.Summary, behind(r), r.Hint)
	switch r.Status {
	case probe.Passed, probe.Warned:
		c.Out = why.Text
		if r.Status == probe.Warned {
			c.Out = colon("warned", why.Text)
		}
	case probe.Failed:
		why.Type = r.Check
		c.Failure = why
	default:
		c.Skipped = why.as(r.Status)
	}
	return c
}

// junitFinding never fails: the link's status does not count findings, and one that ended the link is its error.
func junitFinding(r probe.Result) junitCase {
	c := junitResult(r)
	c.Name, c.Time = string(StagePreflight)+" "+c.Name, ""
	if c.Failure != nil {
		c.Skipped, c.Failure = c.Failure.as(r.Status), nil
	}
	return c
}

// junitUnknown is for what nobody looked at: a file without a case would count as a success.
func junitUnknown(name, why string) junitCase {
	return junitCase{Name: name, Skipped: junitReason(why, "", "").as(probe.Unknown)}
}

// as tells the status to readers that see only that the case was skipped.
func (w *junitWhy) as(s probe.Status) *junitWhy {
	return &junitWhy{Message: colon(statusWord(s), w.Message), Text: w.Text}
}

// junitReason puts all into both places where readers look.
func junitReason(summary, err, hint string) *junitWhy {
	lines := []string{summary}
	if err != "" {
		lines = append(lines, "error: "+err)
	}
	if hint != "" {
		lines = append(lines, "next: "+hint)
	}
	lines = slices.DeleteFunc(lines, func(line string) bool { return line == "" })
	return &junitWhy{Message: strings.Join(lines, "; "), Text: strings.Join(lines, "\n")}
}

func (l LinkReport) junitProperties(goal Goal) []junitProperty {
	all := []junitProperty{{"status", statusWord(l.verdict())}, {"goal", string(goal)}}
	if c := l.Credential; c != nil {
		all = append(all, junitProperty{"credential.kind", string(c.Kind)},
			junitProperty{"credential.fingerprint", c.Fingerprint}, junitProperty{"credential.expires", utc(c.Expires)})
	}
	all = append(all, junitProperty{"renewAt", utc(l.RenewAt)})
	return slices.DeleteFunc(all, func(p junitProperty) bool { return p.Value == "" })
}
