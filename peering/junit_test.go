package peering_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/internal/golden"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/istiod"
)

// junitFile is the format as a reader of it sees it.
type junitFile struct {
	Tests    int `xml:"tests,attr"`
	Failures int `xml:"failures,attr"`
	Errors   int `xml:"errors,attr"`
	Suites   []struct {
		Name    string `xml:"name,attr"`
		Tests   int    `xml:"tests,attr"`
		Skipped int    `xml:"skipped,attr"`
		Cases   []struct {
			Name    string     `xml:"name,attr"`
			Failure []junitWhy `xml:"failure"`
			Error   []junitWhy `xml:"error"`
			Skipped []junitWhy `xml:"skipped"`
			Out     string     `xml:"system-out"`
		} `xml:"testcase"`
	} `xml:"testsuite"`
}

type junitWhy struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// readJUnit reads the report back and checks that its counts are right.
func readJUnit(t *testing.T, r *peering.Report) junitFile {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, r.WriteJUnit(&out))
	var file junitFile
	require.NoError(t, xml.Unmarshal(out.Bytes(), &file))
	require.GreaterOrEqual(t, len(file.Suites), len(r.Links))
	require.LessOrEqual(t, len(file.Suites), len(r.Links)+1) // one more if the report as a whole cannot tell
	var tests, failures, errs int
	for _, s := range file.Suites {
		skipped := 0
		require.Len(t, s.Cases, s.Tests)
		for _, c := range s.Cases {
			require.LessOrEqual(t, len(c.Failure)+len(c.Error)+len(c.Skipped), 1, c.Name)
			tests, failures, errs, skipped = tests+1, failures+len(c.Failure), errs+len(c.Error), skipped+len(c.Skipped)
		}
		require.Equal(t, s.Skipped, skipped)
	}
	require.Equal(t, []int{tests, failures, errs}, []int{file.Tests, file.Failures, file.Errors})
	return file
}

func TestJUnit(t *testing.T) {
	report, _ := asmReport()
	var out bytes.Buffer
	require.NoError(t, report.WriteJUnit(&out))
	golden.Equal(t, "report.junit.xml", out.Bytes())
	require.Equal(t, "cluster-1 -> cluster-2", readJUnit(t, report).Suites[0].Name)
}

// TestJUnitKeepsToTheSchema: readers that validate refuse a file with any other attribute (junit-10.xsd, see internal/page/junitxml.go).
func TestJUnitKeepsToTheSchema(t *testing.T) {
	allowed := map[string][]string{
		"testsuites": {"name", "time", "tests", "failures", "errors"},
		"testsuite":  {"name", "time", "tests", "failures", "errors", "skipped"},
		"testcase":   {"name", "time", "classname"},
		"properties": {}, "property": {"name", "value"}, "system-out": {},
		"failure": {"type", "message"}, "error": {"type", "message"}, "skipped": {"type", "message"},
	}
	report, _ := littered("<&>")
	var out bytes.Buffer
	require.NoError(t, report.WriteJUnit(&out))
	decoder := xml.NewDecoder(&out)
	for token, err := decoder.Token(); !errors.Is(err, io.EOF); token, err = decoder.Token() {
		require.NoError(t, err)
		if e, is := token.(xml.StartElement); is {
			require.Contains(t, allowed, e.Name.Local)
			for _, a := range e.Attr {
				require.Contains(t, allowed[e.Name.Local], a.Name.Local, e.Name.Local)
			}
		}
	}
}

// TestJUnitCountsAFailureOnce looks at a Verify, whose error is that of its results.
func TestJUnitCountsAFailureOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, east, _, link := pair()
		p := new(peering.Peering)
		_, err := p.Ensure(t.Context(), link)
		require.NoError(t, err)
		east.Istiods.Stick("istiod-1", istiod.TimedOut)
		report, err := p.Verify(t.Context(), link)
		require.Error(t, err)
		file := readJUnit(t, report)
		require.Equal(t, []int{1, 0}, []int{file.Failures, file.Errors})

		report.Links[0].Error.Err = errors.New("something else")
		file = readJUnit(t, report)
		require.Equal(t, []int{1, 1}, []int{file.Failures, file.Errors})
		report.Links[0].Error.Err = nil
		require.Equal(t, 1, readJUnit(t, report).Errors)
	})
}

// full is a disk without room.
type full struct{ io.Writer }

func (full) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

func TestFormsReturnTheWritersError(t *testing.T) {
	require.ErrorIs(t, sample().WriteJUnit(full{}), io.ErrShortWrite)
	require.ErrorIs(t, sample().WriteHTML(full{}, peering.HTMLOptions{}), io.ErrShortWrite)
}
