package page

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/meshpeer/meshpeer/internal/printable"
	"github.com/meshpeer/meshpeer/probe"
)

// WriteJUnit writes the report as JUnit XML: a suite per link, a case for each change and each result. A case fails
// exactly where a result or a link Failed. A link or a report that holds nothing gives one skipped case. The error is w's.
func (r *Report) WriteJUnit(w io.Writer) error {
	all := junitSuites{Name: "meshpeer", Time: junitSeconds(r.Took)}
	for _, l := range r.Links {
		all.add(l.junit(r.Goal, r.Warnings))
	}
	if r.Unknown != "" {
		whole := junitSuite{Name: "meshpeer", Time: junitSeconds(0)}
		whole.add(junitUnknown("report", r.Unknown))
		all.add(whole)
	}
	out := bytes.NewBufferString(xml.Header)
	encoder := xml.NewEncoder(out)
	encoder.Indent("", "  ")
	if err := encoder.Encode(all); err != nil {
		return fmt.Errorf("page: WriteJUnit: %w", err)
	}
	out.WriteByte('\n')
	_, err := w.Write(out.Bytes())
	return err
}

func (l Link) junit(goal string, warnings []Warnings) junitSuite {
	suite := junitSuite{Name: fmt.Sprintf("%s -> %s", l.From, l.To), Properties: l.junitProperties(goal)}
	for _, f := range l.Findings {
		suite.add(f.junitFinding())
	}
	for _, c := range l.Changes {
		suite.add(junitCase{Name: c.junitName(), Out: colon(c.Action, c.Reason)})
	}
	var took time.Duration
	for _, r := range l.Results {
		took += r.Took
		suite.add(r.junit())
	}
	if l.Error != nil && !l.repeated() {
		why := junitReason(l.Error.Cause, "", l.Error.Hint)
		why.Type = l.Error.Stage
		suite.add(junitCase{Name: fmt.Sprintf("%s on %s", l.Error.Stage, l.Error.On), Error: why})
	}
	for _, c := range l.Undone {
		suite.add(junitCase{Name: "undo " + c.junitName(), Out: colon(c.Action, c.Reason)})
	}
	for _, c := range l.Left {
		suite.add(junitCase{Name: "left behind: " + c.junitName(), Skipped: junitReason(colon("left behind", c.Reason), "", byHand)})
	}
	switch {
	case l.Status == probe.Failed && suite.Failures+suite.Errors == 0:
		suite.add(junitCase{Name: "link", Error: junitReason("the link failed, and no result says why", "", "")})
	case suite.Tests == 0:
		suite.add(junitUnknown("link", "nothing was done and nothing was checked"))
	}
	suite.Time = junitSeconds(took)
	suite.Out = strings.Join(l.junitOutput(warnings), "\n")
	return suite
}

// repeated says that the link's error only joins the errors of failed results.
func (l Link) repeated() bool {
	var seen []string
	for _, r := range l.Results {
		if r.Status == probe.Failed && r.Err != "" {
			seen = append(seen, r.Err)
		}
	}
	text := l.Error.Cause
	switch {
	case len(seen) == 0 || text == "":
		return false
	case text == printable.Prose(strings.Join(seen, "; ")): // also one that was cut short
		return true
	}
	for text != "" {
		i := slices.IndexFunc(seen, func(s string) bool { return text == s || strings.HasPrefix(text, s+"; ") })
		if i < 0 {
			return false
		}
		text = strings.TrimPrefix(strings.TrimPrefix(text, seen[i]), "; ")
	}
	return true
}

// junitName has no action in it: CI systems follow a case through its runs by its name.
func (c Change) junitName() string { return fmt.Sprintf("%s %s on %s", c.Stage, c.Object, c.On) }

func (r Result) junit() junitCase {
	c := junitCase{Name: strings.TrimSpace(r.Check + " " + r.Target), Time: junitSeconds(r.Took)}
	why := junitReason(r.Summary, r.behind(), r.Hint)
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
func (r Result) junitFinding() junitCase {
	c := r.junit()
	c.Name, c.Time = preflight+" "+c.Name, ""
	if c.Failure != nil {
		c.Skipped, c.Failure = c.Failure.as(r.Status), nil
	}
	return c
}

// junitUnknown is for what nobody looked at: a file without a case would count as a success.
func junitUnknown(name, why string) junitCase {
	return junitCase{Name: name, Skipped: junitReason(why, "", "").as(probe.Unknown)}
}

// junitOutput is what was warned of: by the link, and by the API servers of its clusters.
func (l Link) junitOutput(warnings []Warnings) []string {
	var out []string
	for _, text := range l.Warnings {
		out = append(out, "warning: "+text)
	}
	for _, cluster := range []string{l.From, l.To} {
		for _, of := range warnings {
			if of.Cluster != cluster {
				continue
			}
			for _, text := range of.Texts {
				out = append(out, fmt.Sprintf("warning of the API server of %s: %s", cluster, text))
			}
		}
	}
	return out
}

func (l Link) junitProperties(goal string) []junitProperty {
	all := []junitProperty{{"status", word(l.Status)}, {"goal", goal}}
	if c := l.Credential; c != nil {
		all = append(all, junitProperty{"credential.kind", c.Kind},
			junitProperty{"credential.fingerprint", c.Fingerprint}, junitProperty{"credential.expires", UTC(c.Expires)})
	}
	all = append(all, junitProperty{"renewAt", UTC(l.RenewAt)})
	return slices.DeleteFunc(all, func(p junitProperty) bool { return p.Value == "" })
}
