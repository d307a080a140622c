package auditlog_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/internal/auditlog"
)

// read returns the IDs of the events, and what is broken, each with its line.
func read(log io.Reader) (events, broken []string, err error) {
	err = auditlog.Read(log, func(e *auditlog.Event) error {
		events = append(events, e.ID)
		if e.Verb == "refused" {
			return errors.New("refused")
		}
		return nil
	}, func(line int, err error) { broken = append(broken, fmt.Sprintf("%d: %v", line, err)) })
	return events, broken, err
}

func event(id string) string { return `{"auditID":"` + id + `","stage":"ResponseComplete"}` }

func TestRead(t *testing.T) {
	a, b := event("a"), event("b")
	long := `{"requestObject":{"x":"` + strings.Repeat("y", 100_000) + `"},"auditID":"a","stage":"Panic"}`
	for name, tc := range map[string]struct {
		log    string
		events string
		broken string
	}{
		"nothing":             {"", "", ""},
		"blank":               {"\n \r\n\t\n", "", ""},
		"lines":               {a + "\n" + b + "\n", "a b", ""},
		"the last is open":    {a + "\r\n" + b, "a b", ""},
		"on one line":         {a + b + " " + a + "\n", "a b a", ""},
		"longer than a block": {long + "\n" + b + "\n" + long, "a b a", ""},
		"indented":            {strings.NewReplacer("{", "{\n  ", ",", ",\n\t", "}", "\n}").Replace(a+"\n"+b) + "\n", "a b", ""},
		"list":                {`{"items":[` + a + "," + b + `],"kind":"EventList"}`, "a b", ""},
		"list in lines":       {"{\n \"items\": [\n  " + a + ",\n  " + b + "\n ]\n}\n" + a, "a b a", ""},
		"empty lists":         {`{"items":[]}` + "\n" + `{"items":null}`, "", ""},
		"cut":                 {a + "\n" + b[:14] + "\n" + b, "a b", "2: unexpected EOF"},
		"cut at the end":      {a + "\n" + b[:12], "a", "2: unexpected EOF"},
		"whole ones before":   {a + b + "{\n", "a b", "1: unexpected EOF"},
		"cut list":            {`{"items":[` + a + "," + b + "\n" + a, "a b a", "1: unexpected EOF"},
		"text":                {"klog\n" + a + "\nklog", "a", "1: invalid character 'k' looking for beginning of value;3: invalid character 'k' looking for beginning of value"},
		"not an object":       {"[]\n1\n" + a, "a", "1: it is not a JSON object;2: it is not a JSON object"},
		"refused":             {`{"auditID":"a","stage":"Panic","verb":"refused"}` + "\n" + b, "a b", "1: refused"},
		"wrong type":          {`{"auditID":"a","stage":"Panic","verb":1}` + "\n" + b, "b", "1: json: cannot unmarshal number into Go struct field .Event.verb of type string"},
		"wrong type in a list": {
			`{"items":[{"auditID":"a","stage":"Panic","verb":1},` + b + `]}`, "b",
			"1: json: cannot unmarshal number into Go value of type string",
		},
		"unknown stage":  {`{"auditID":"a","stage":"Over"}`, "", "1: it has no stage that is known"},
		"no ID":          {`{"stage":"Panic"}`, "", "1: it has no auditID"},
		"another kind":   {`{"kind":"Pod","auditID":"a","stage":"Panic"}`, "", "1: it is not an Event of audit.k8s.io"},
		"another API":    {`{"apiVersion":"v1","auditID":"a","stage":"Panic"}`, "", "1: it is not an Event of audit.k8s.io"},
		"nested lists":   {`{"items":[{"items":[` + a + `]}]}`, "", "1: it has no auditID"},
		"no list":        {`{"items":1}` + "\n" + a, "a", "1: its items are no list"},
		"not in a list":  {`{"items":[1,` + a + `]}` + "\n" + b, "b", "1: it is not a JSON object"},
		"wrong brackets": {`{"items":[` + a + `}}` + "\n" + b, "a b", "1: invalid character '}' after array element"},
		"cut value":      {`{"requestObject":{"a":[1,{}` + "\n" + b, "b", "1: unexpected EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, log := range []io.Reader{strings.NewReader(tc.log), iotest.OneByteReader(strings.NewReader(tc.log)), iotest.DataErrReader(strings.NewReader(tc.log))} {
				events, broken, err := read(log)
				require.NoError(t, err)
				require.Equal(t, tc.events, strings.Join(events, " "))
				require.Equal(t, tc.broken, strings.Join(broken, ";"))
			}
		})
	}
}

// An event is the same on a line and in a list, which are read in different ways.
func TestReadEveryField(t *testing.T) {
	const event = `{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"1","stage":"ResponseComplete","requestURI":"/x?y","verb":"get",` +
		`"user":{"username":"u","uid":"7","groups":["g"],"extra":{"k":["v"]}},"impersonatedUser":{"username":"v"},"authenticationMetadata":{"impersonationConstraint":"c"},` +
		`"objectRef":{"apiGroup":"a","resource":"r","subresource":"s","namespace":"n","name":"o"},"responseStatus":{"code":404},"annotations":{"d":"allow"}}`
	var got []auditlog.Event
	err := auditlog.Read(strings.NewReader(event+"\n"+`{"items":[`+event+`]}`), func(e *auditlog.Event) error {
		got = append(got, *e)
		return nil
	}, func(int, error) { t.Error("broken") })
	require.NoError(t, err)
	want := auditlog.Event{
		APIVersion: "audit.k8s.io/v1", Kind: "Event", ID: "1", Stage: auditlog.Complete, URI: "/x?y", Verb: "get",
		User: auditlog.User{Name: "u", UID: "7", Groups: []string{"g"}, Extra: map[string][]string{"k": {"v"}}}, As: auditlog.User{Name: "v"},
		Mode: auditlog.Mode{Verb: "c"}, Object: auditlog.Object{Group: "a", Resource: "r", Subresource: "s", Namespace: "n", Name: "o"},
		Response: auditlog.Response{Code: 404}, Annotations: map[string]string{"d": "allow"},
	}
	require.Equal(t, []auditlog.Event{want, want}, got)
}

func TestReadFails(t *testing.T) {
	failure := errors.New("disk")
	for _, log := range []string{"", "{", event("a"), event("a") + "\n", "x\n", "{\n", strings.Repeat("{", 100_000)} {
		events, broken, err := read(io.MultiReader(strings.NewReader(log), iotest.ErrReader(failure)))
		require.ErrorIs(t, err, failure)
		require.LessOrEqual(t, len(events)+len(broken), 1)
		// A reader that could be read on is not.
		_, _, err = read(iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader("{}\n{}\n"))))
		require.ErrorIs(t, err, iotest.ErrTimeout)
	}
}
