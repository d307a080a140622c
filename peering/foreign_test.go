package peering_test

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/probe"
	"github.com/meshpeer/meshpeer/secrets"
)

// doors are the ways by which text of others comes to a person. Each sets the mesh up with the text.
var doors = map[string]func(t *testing.T, text string, p *peering.Peering, east, west *peeringtest.Member){
	"error of an API server": func(_ *testing.T, text string, _ *peering.Peering, _, west *peeringtest.Member) {
		west.Before = on("create", "ClusterRole", errors.New(text))
	},
	"status of an API server": func(_ *testing.T, text string, _ *peering.Peering, east, _ *peeringtest.Member) {
		east.Before = on("create", "Secret", apierrors.NewForbidden(schema.GroupResource{Resource: text}, text, errors.New(text)))
	},
	"several errors": func(_ *testing.T, text string, _ *peering.Peering, _, west *peeringtest.Member) {
		west.Before = on("get", "Namespace", fmt.Errorf("first: %w", errors.Join(errors.New(text), fmt.Errorf("second: %w", errors.New(text)))))
	},
	"owner by label": func(t *testing.T, text string, _ *peering.Peering, _, west *peeringtest.Member) {
		o := serviceAccount("meshpeer-reader-east")
		o.SetLabels(map[string]string{peering.LabelManagedBy: text})
		must(t, west, o)
	},
	"owner by annotation": func(t *testing.T, text string, _ *peering.Peering, _, west *peeringtest.Member) {
		o := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "meshpeer-reader-east"}}
		o.SetAnnotations(map[string]string{"meta.helm.sh/release-name": text})
		must(t, west, o)
	},
	"owner by field manager": func(t *testing.T, text string, _ *peering.Peering, east, _ *peeringtest.Member) {
		o := foreignSecret("istio-remote-secret-west", "west")
		o.SetManagedFields([]metav1.ManagedFieldsEntry{{Manager: text}})
		must(t, east, o)
	},
	"name of an object": func(t *testing.T, text string, _ *peering.Peering, east, _ *peeringtest.Member) {
		must(t, east, foreignSecret(text, "west"))
	},
	"name of an adopted object": func(t *testing.T, text string, p *peering.Peering, east, _ *peeringtest.Member) {
		p.Adopt = peering.AdoptRevoke
		must(t, east, foreignSecret(text, "west"))
	},
	"key of a Secret": func(t *testing.T, text string, p *peering.Peering, east, _ *peeringtest.Member) {
		p.Adopt = peering.AdoptKeep
		o := foreignSecret("istio-remote-secret-west", "west")
		o.(*corev1.Secret).Data[text] = []byte(text)
		must(t, east, o)
	},
	"status of an istiod": func(_ *testing.T, text string, _ *peering.Peering, east, _ *peeringtest.Member) {
		east.Istiods.Stick("istiod-1", istiod.Status(text))
	},
	"answer of an istiod": func(_ *testing.T, text string, _ *peering.Peering, east, _ *peeringtest.Member) {
		east.Istiods.FailReplica("istiod-1", errors.New(text))
	},
	"name and version of an istiod": func(_ *testing.T, text string, _ *peering.Peering, east, _ *peeringtest.Member) {
		east.Istiods.Scale(text)
		east.Istiods.SetVersion(text)
		east.Istiods.FailReplica(text, errors.New("failure: "+text))
	},
	"record of a credential": func(t *testing.T, text string, p *peering.Peering, east, west *peeringtest.Member) {
		_, err := new(peering.Peering).Ensure(t.Context(), peering.Link{From: east.Cluster, To: west.Cluster})
		require.NoError(t, err)
		o, err := east.Get(t.Context(), secret("istio-remote-secret-west"))
		require.NoError(t, err)
		ref, err := json.Marshal(secrets.Ref{Kind: secrets.Kind(text), Name: text, Warnings: []string{text}})
		require.NoError(t, err)
		o.GetAnnotations()[peering.AnnotationCredential] = string(ref)
		_, err = east.Update(t.Context(), o)
		require.NoError(t, err)
	},
	"source of tokens": func(_ *testing.T, text string, p *peering.Peering, _, west *peeringtest.Member) {
		p.Tokens = func(*peering.Cluster) secrets.TokenSource {
			return secrets.TokenSourceFunc(func(ctx context.Context, r secrets.Request) (secrets.Token, error) {
				token, err := durableIn(west, r).Token(ctx, r)
				ref := token.Ref()
				ref.Warnings = []string{text}
				return token.WithRef(ref), err
			})
		}
	},
	"failure of a source": func(_ *testing.T, text string, p *peering.Peering, _, _ *peeringtest.Member) {
		p.Tokens = func(*peering.Cluster) secrets.TokenSource {
			return secrets.TokenSourceFunc(func(context.Context, secrets.Request) (secrets.Token, error) {
				return secrets.Token{}, errors.New(text)
			})
		}
	},
	"sink of records, actor, clusters": func(t *testing.T, text string, p *peering.Peering, _, west *peeringtest.Member) {
		p.Audit, p.Actor = badSink{text}, text
		o, err := west.Get(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "kube-system"}})
		require.NoError(t, err)
		require.NoError(t, west.Delete(t.Context(), o))
		o.SetUID(types.UID(text))
		o.SetResourceVersion("")
		must(t, west, o)
	},
	"rules of a role": func(t *testing.T, text string, _ *peering.Peering, east, west *peeringtest.Member) {
		_, err := new(peering.Peering).Ensure(t.Context(), peering.Link{From: east.Cluster, To: west.Cluster})
		require.NoError(t, err)
		role := clusterRole(t, west, "meshpeer-reader-east")
		role.Rules = append(role.Rules, rbacv1.PolicyRule{APIGroups: []string{text}, Resources: []string{text}, ResourceNames: []string{text}, Verbs: []string{text}})
		_, err = west.Update(t.Context(), role)
		require.NoError(t, err)
	},
	"name of a user": func(_ *testing.T, text string, _ *peering.Peering, _, west *peeringtest.Member) {
		as := west.As
		west.As = func(e secrets.Endpoint, token secrets.Token) (peering.Objects, error) {
			objects, err := as(e, token)
			return renamed{objects, text, text}, err
		}
	},
}

func on(verb, kind string, err error) func(peeringtest.Call) error {
	return func(c peeringtest.Call) error {
		if c.Verb == verb && c.Kind == kind {
			return err
		}
		return nil
	}
}

func foreignSecret(name string, keys ...string) peering.Object {
	s := secret(name)
	s.SetLabels(map[string]string{secrets.LabelMultiCluster: "true"})
	s.Data = map[string][]byte{}
	for _, key := range keys {
		s.Data[key] = []byte("{}")
	}
	return s
}

func durableIn(m *peeringtest.Member, r secrets.Request) secrets.Durable {
	return secrets.Durable{Secrets: m.Secrets(r.Namespace)}
}

// renamed answers a SelfSubjectReview with another user.
type renamed struct {
	peering.Objects
	name, uid string
}

func (r renamed) Create(ctx context.Context, o peering.Object) (peering.Object, error) {
	out, err := r.Objects.Create(ctx, o)
	if review, ok := out.(*authenticationv1.SelfSubjectReview); ok && err == nil {
		if r.name != "" {
			review.Status.UserInfo.Username = r.name
		}
		review.Status.UserInfo.UID = r.uid
	}
	return out, err
}

type badSink struct{ text string }

func (s badSink) Record(context.Context, peering.AuditRecord) error { return errors.New(s.text) }

// shown is all that a person or a file gets of some calls, form by form.
type shown struct {
	lines []string // forms of one line each: errors, slog
	pages map[string]string
	html  []string
	junit [][]byte
	json  [][]byte
	all   []any // the values themselves
}

func (s *shown) page(name string, write func(io.Writer) error, t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, write(&b))
	s.pages[fmt.Sprintf("%s %d", name, len(s.pages))] = b.String()
}

func (s *shown) marshal(t *testing.T, v any) {
	s.all = append(s.all, v)
	data, err := json.Marshal(v)
	require.NoError(t, err)
	s.json = append(s.json, data)
}

func (s *shown) err(err error) {
	s.all = append(s.all, err)
	var drift *peering.DriftError
	if err != nil && !errors.As(err, &drift) {
		s.lines = append(s.lines, err.Error())
	}
}

func (s *shown) report(t *testing.T, r *peering.Report) {
	s.page("report", r.WriteText, t)
	s.marshal(t, r)
	var b bytes.Buffer
	require.NoError(t, r.WriteJUnit(&b))
	s.junit = append(s.junit, b.Bytes())
	s.html = append(s.html, writeHTML(t, r, peering.HTMLOptions{}))
	for _, l := range r.Links {
		if l.Error != nil {
			s.err(l.Error)
		}
		for _, result := range l.Results {
			s.err(result.Err)
		}
	}
}

func (s *shown) plan(t *testing.T, p *peering.Plan) {
	s.page("plan", p.WriteText, t)
	s.marshal(t, p)
	data, err := json.Marshal(p)
	require.NoError(t, err)
	var read peering.Plan
	require.NoError(t, json.Unmarshal(data, &read))
	require.Equal(t, p.Digest(), read.Digest(), "a plan that travels stays itself")
}

// through passes the text by one door, under every verb.
func through(t *testing.T, door, text string) *shown {
	s := &shown{pages: map[string]string{}}
	synctest.Test(t, func(t *testing.T) {
		mesh, east, west, link := pair()
		p := &peering.Peering{SyncTimeout: 3 * time.Second, UndoUnsynced: true}
		var log bytes.Buffer
		logger := slog.New(slog.NewTextHandler(&log, nil))
		events := slog.New(slog.NewJSONHandler(&log, nil))
		var audit bytes.Buffer
		p.Audit = peering.AuditTo(&audit)
		doors[door](t, text, p, east, west)
		p.Observe = func(e peering.Event) {
			s.marshal(t, e)
			logger.Info("event", "event", e, "error", e.Error)
			events.Info("event", "event", e)
		}
		p.Guard = func(context.Context, peering.Link) error { return nil }
		for _, goal := range []peering.Goal{peering.Present, peering.Rotated, peering.Absent} {
			plan, err := p.Plan(t.Context(), goal, link)
			require.NoError(t, err)
			s.plan(t, plan)
		}
		for _, verb := range []func(context.Context, ...peering.Link) (*peering.Report, error){p.Verify, p.Ensure, p.Rotate, p.Verify, p.Remove} {
			report, err := verb(t.Context(), link)
			logger.Info("done", "report", report, "error", err)
			s.all = append(s.all, err)
			for line := range strings.Lines(errorText(err)) { // errors.Join has a line for each link
				s.lines = append(s.lines, strings.TrimSuffix(line, "\n"))
			}
			s.report(t, report)
			grants, err := peering.Credentials(t.Context(), mesh.Clusters()...)
			s.marshal(t, grants)
			s.err(err)
		}
		for line := range strings.Lines(log.String() + audit.String()) {
			s.lines = append(s.lines, strings.TrimSuffix(line, "\n"))
		}
	})
	return s
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// check holds what was shown of a hostile text to what was shown of a plain one.
func (s *shown) check(t *testing.T, plain *shown) {
	t.Helper()
	require.Len(t, s.lines, len(plain.lines))
	for _, line := range s.lines {
		printable(t, line, 64<<10)
	}
	require.Len(t, s.pages, len(plain.pages))
	for name, page := range s.pages {
		lines := strings.Split(page, "\n")
		require.Len(t, lines, strings.Count(plain.pages[name], "\n")+1, "%s\n%s", page, plain.pages[name])
		for _, line := range lines {
			printable(t, line, 16<<10)
		}
	}
	require.Len(t, s.html, len(plain.html))
	for i, page := range s.html {
		requireSelfContained(t, page)
		require.Equal(t, skeleton(plain.html[i]), skeleton(page))
		printable(t, strings.ReplaceAll(page, "\n", ""), 256<<10)
	}
	require.Len(t, s.junit, len(plain.junit))
	for i := range s.junit {
		require.Equal(t, elements(t, plain.junit[i]), elements(t, s.junit[i]))
		require.Less(t, len(s.junit[i]), 256<<10)
	}
	require.Len(t, s.json, len(plain.json))
	for _, data := range s.json {
		var v any
		require.NoError(t, json.Unmarshal(data, &v))
		walk(v, func(text string) { printable(t, text, 8<<10) })
	}
}

func printable(t *testing.T, text string, limit int) {
	t.Helper()
	require.LessOrEqual(t, len(text), limit)
	for _, r := range text {
		if !strconv.IsPrint(r) {
			require.Fail(t, "does not print", "%q in %.2000q", r, text)
		}
	}
}

func walk(v any, see func(string)) {
	switch v := v.(type) {
	case string:
		see(v)
	case []any:
		for _, e := range v {
			walk(e, see)
		}
	case map[string]any:
		for k, e := range v {
			see(k)
			walk(e, see)
		}
	}
}

// elements of an XML document, in order.
func elements(t *testing.T, document []byte) (names []string) {
	t.Helper()
	decoder := xml.NewDecoder(bytes.NewReader(document))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return names
		}
		require.NoError(t, err)
		if e, ok := token.(xml.StartElement); ok {
			names = append(names, e.Name.Local)
		}
	}
}

const megabyte = 9 // the seed of a text of that size

// hostile are texts that try to be more than text; all of them begin with a letter, so that none is empty.
func hostile(seed uint64) string {
	source := rand.New(rand.NewPCG(seed, 8))
	pieces := []string{
		"\n", "\r\n", "\t", "\x1b[2J", "\x1b]0;x\x07", "\u202e", "\u2066", "\u2028", "\x00", "\xff\xfe", "\xc3", "\ufeff", "\u0085", "\v", "\f", "\u200b", "\u00a0",
		"<script>alert(1)</script>", `"><b>`, "]]>", "&amp;", "{{.}}", "%s%n", "  mutual-tls  west  passed  ", "; ", "e\u0301", "日本", "a", "word", "\\n", "'",
	}
	text := "x"
	for range 1 + source.IntN(40) {
		text += pieces[source.IntN(len(pieces))]
	}
	switch {
	case seed == megabyte:
		text = strings.Repeat(text, 1+(1<<20)/len(text))
	case seed%5 == 4: // longer than whatever is read of a text
		text = strings.Repeat(text, 1+(1<<15)/len(text))
	}
	return text
}

// TestForeignTextStaysText: whatever comes in by a door, each form has as many lines and elements as with a plain word, of
// bounded length, and nothing in them but what prints.
func TestForeignTextStaysText(t *testing.T) {
	for door := range doors {
		t.Run(door, func(t *testing.T) {
			plain := through(t, door, "x word")           // not the name of an object either
			seeds := []uint64{rand.Uint64N(1<<20) * 5, 4} // a short one by chance, and a long one
			if strings.HasSuffix(door, "of an API server") {
				seeds = append(seeds, megabyte)
			}
			for _, seed := range seeds {
				through(t, door, hostile(seed)).check(t, plain)
			}
		})
	}
}

// TestEditedFilesForgeNoRow reads a report and a plan from JSON that somebody edited.
func TestEditedFilesForgeNoRow(t *testing.T) {
	edited := func(text string) *shown {
		s := &shown{pages: map[string]string{}}
		report, _ := littered("@")
		report.Links[0].Findings = []preflight.Finding{{ID: "@", Status: "@", Severity: "@", Subject: "@", Evidence: "@", Remedy: "@"}}
		change := peering.Change{Stage: "@", Object: "@", Action: "@", Reason: "@"}
		plan := &peering.Plan{Schema: "@", Goal: "@", Links: []peering.LinkPlan{{
			From: peering.MustID("east"), To: peering.MustID("west"), OverGrants: []string{"@"}, Warnings: []string{"@"}, Findings: report.Links[0].Findings,
			Steps: []peering.Step{{Change: change, UID: "@", Diff: []string{"@"}, Undo: "@"}}, Error: &peering.Error{Stage: "@", Err: errors.New("@"), Hint: "@"},
		}}}
		quoted, err := json.Marshal(text)
		require.NoError(t, err)
		edit := func(v, out any) {
			data, err := json.Marshal(v)
			require.NoError(t, err)
			data = bytes.ReplaceAll(data, []byte(`"@"`), quoted)
			data = bytes.ReplaceAll(data, []byte(`"behind @"`), quoted)
			require.NoError(t, json.Unmarshal(data, out))
		}
		var r peering.Report
		edit(report, &r)
		s.report(t, &r)
		var p peering.Plan
		edit(plan, &p)
		s.page("plan", p.WriteText, t)
		s.marshal(t, &p)
		require.NotEqual(t, probe.Passed, r.Status())
		require.False(t, p.Empty())
		// The same values in memory, as a program may have built them.
		built, options := littered(text)
		s.page("report", built.WriteText, t)
		s.marshal(t, built)
		s.html = append(s.html, writeHTML(t, built, options))
		return s
	}
	plain := edited("word")
	for _, seed := range []uint64{0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 15, 16, 17, 18} { // of these, 4 is a long one
		edited(hostile(seed)).check(t, plain)
	}
}

// TestStatusIsNoWordOfItsOwn: what only looks like a status is none.
func TestStatusIsNoWordOfItsOwn(t *testing.T) {
	for _, status := range []string{" passed", "passed\n", "passed\u00a0", "PASSED", "\x1bpassed", "ok", "passed\u202e", "error"} {
		report := &peering.Report{Links: []peering.LinkReport{{
			From: peering.MustID("east"), To: peering.MustID("west"), Status: probe.Passed,
			Results: []probe.Result{{Check: "check", Status: probe.Status(status)}},
		}}}
		require.Equal(t, probe.Unknown, report.Status(), "%q", status)
		var text bytes.Buffer
		require.NoError(t, report.WriteText(&text))
		require.Contains(t, text.String(), "east -> west: unknown\n")
		require.NotRegexp(t, regexp.MustCompile(`(?m)  passed$`), text.String())
		require.Contains(t, writeHTML(t, report, peering.HTMLOptions{}), `class="badge unknown"`)
		require.NotContains(t, writeHTML(t, report, peering.HTMLOptions{}), `class="badge passed"`)
		require.Len(t, readJUnit(t, report).Suites[0].Cases[0].Skipped, 1)
	}
}
