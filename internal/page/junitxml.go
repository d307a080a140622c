package page

import (
	"encoding/xml"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/meshpeer/meshpeer/probe"
)

// The elements and attributes of the schema that Jenkins' xUnit plugin validates against (jenkinsci/xunit-plugin
// src/main/resources/org/jenkinsci/plugins/xunit/types/model/xsd/junit-10.xsd); other readers take the same.

type junitSuites struct {
	XMLName xml.Name `xml:"testsuites"`
	Name    string   `xml:"name,attr"`
	junitCounts
	Time   string       `xml:"time,attr"`
	Suites []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name string `xml:"name,attr"`
	junitCounts
	Skipped    int             `xml:"skipped,attr"` // the schema has none for all suites
	Time       string          `xml:"time,attr"`
	Properties []junitProperty `xml:"properties>property,omitempty"`
	Cases      []junitCase     `xml:"testcase"`
	Out        string          `xml:"system-out,omitempty"`
}

type junitCounts struct {
	Tests    int `xml:"tests,attr"`
	Failures int `xml:"failures,attr"`
	Errors   int `xml:"errors,attr"`
}

type junitProperty struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type junitCase struct {
	Name    string    `xml:"name,attr"`
	Class   string    `xml:"classname,attr"`
	Time    string    `xml:"time,attr,omitempty"`
	Skipped *junitWhy `xml:"skipped"`
	Error   *junitWhy `xml:"error"`
	Failure *junitWhy `xml:"failure"`
	Out     string    `xml:"system-out,omitempty"`
}

// junitWhy says why a case did not pass. Some readers show the message only, others the text only.
type junitWhy struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr,omitempty"`
	Text    string `xml:",chardata"`
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

// as tells the status to readers that see only that the case was skipped.
func (w *junitWhy) as(s probe.Status) *junitWhy {
	return &junitWhy{Message: colon(word(s), w.Message), Text: w.Text}
}

func (s *junitSuite) add(c junitCase) {
	c.Class = s.Name
	s.Cases = append(s.Cases, c)
	s.Tests++
	switch {
	case c.Error != nil:
		s.Errors++
	case c.Failure != nil:
		s.Failures++
	case c.Skipped != nil:
		s.Skipped++
	}
}

func (s *junitSuites) add(suite junitSuite) {
	s.Suites = append(s.Suites, suite)
	s.Tests += suite.Tests
	s.Failures += suite.Failures
	s.Errors += suite.Errors
}

// junitSeconds is how the format writes durations.
func junitSeconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 3, 64) }
