package doccheck_test

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/internal/golden"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/probe"
	"github.com/meshpeer/meshpeer/secrets"
)

// schema is the part of JSON Schema 2020-12 that ours use.
type schema struct {
	Schema      string             `json:"$schema,omitempty"`
	ID          string             `json:"$id,omitempty"`
	Ref         string             `json:"$ref,omitempty"`
	Title       string             `json:"title,omitempty"`
	Description string             `json:"description,omitempty"`
	Type        any                `json:"type,omitempty"` // a word, or several
	Format      string             `json:"format,omitempty"`
	Const       string             `json:"const,omitempty"`
	Enum        []string           `json:"enum,omitempty"`
	Required    []string           `json:"required,omitempty"`
	Properties  map[string]*schema `json:"properties,omitempty"`
	Items       *schema            `json:"items,omitempty"`
	Values      *schema            `json:"additionalProperties,omitempty"`
	Defs        map[string]*schema `json:"$defs,omitempty"`
}

// document is a JSON form that programs read.
type document struct {
	name, version string
	value         any
	examples      []string // files that hold one, or an array of them, below the module's root
}

var documents = []document{
	{"plan", peering.PlanSchema, peering.Plan{}, []string{"peering/testdata/plan.json"}},
	{"report", peering.ReportSchema, peering.Report{}, []string{"peering/testdata/report.json"}},
	{"event", peering.EventSchema, peering.Event{}, []string{"peering/testdata/event.json"}},
	{"audit", peering.AuditSchema, peering.AuditRecord{}, []string{"internal/doccheck/testdata/audit.json"}},
	{"finding", preflight.FindingSchema, preflight.Finding{}, []string{"peering/preflight/testdata/findings.json"}},
}

// asResult and asError are what the JSON of types with methods of their own looks like; TestSchemasFitStructs compares.
type (
	asResult struct {
		Check   string        `json:"check"`                     // stable name of the check
		Target  string        `json:"target,omitempty"`          // what was looked at
		Status  probe.Status  `json:"status"`                    // the verdict
		Took    time.Duration `json:"tookNanoseconds,omitempty"` // wall time of the check
		Summary string        `json:"summary,omitempty"`         // one sentence of evidence
		Hint    string        `json:"hint,omitempty"`            // the next step
		Error   string        `json:"error,omitempty"`           // the failure behind failed or unknown
	}
	asError struct {
		From  peering.ID    `json:"from"`
		To    peering.ID    `json:"to"`
		Stage peering.Stage `json:"stage"`
		On    peering.ID    `json:"on"`             // the cluster that was being worked on
		Error string        `json:"error"`          // the cause
		Hint  string        `json:"hint,omitempty"` // the next step to take
	}
)

var standIns = map[reflect.Type]reflect.Type{
	reflect.TypeFor[probe.Result]():  reflect.TypeFor[asResult](),
	reflect.TypeFor[peering.Error](): reflect.TypeFor[asError](),
}

// writer makes the schema of a type from its fields, their comments and the constants of its words.
type writer struct {
	comments map[string]string // by Type.Field and Type
	words    map[string][]string
	defs     map[string]*schema
}

// words of these types are all that there are; of secrets.Kind a program may have its own.
var closed = []string{"probe.Status", "preflight.Severity", "peering.Goal", "peering.Stage", "peering.Action", "peering.Adoption"}

func newWriter(t *testing.T) *writer {
	t.Helper()
	w := &writer{comments: map[string]string{}, words: map[string][]string{}}
	for _, dir := range []string{"peering", "peering/preflight", "probe", "secrets", "internal/doccheck"} {
		files, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
		require.NoError(t, err)
		for _, file := range files {
			if !strings.HasSuffix(file, "_test.go") || strings.HasSuffix(file, "schemas_test.go") {
				w.comment(t, file)
			}
		}
	}
	imports := newImporter(t, token.NewFileSet())
	for _, name := range closed {
		p, err := imports.Import(known[strings.Split(name, ".")[0]])
		require.NoError(t, err)
		for _, n := range p.Scope().Names() {
			if c, ok := p.Scope().Lookup(n).(*types.Const); ok && types.TypeString(c.Type(), (*types.Package).Name) == name {
				w.words[name] = append(w.words[name], constant.StringVal(c.Val()))
			}
		}
		slices.Sort(w.words[name])
		require.Greater(t, len(w.words[name]), 2, name)
	}
	w.words["peering.Action"] = append([]string{""}, w.words["peering.Action"]...) // of an event while a step waits
	return w
}

// comment collects what the source says of types and fields.
func (w *writer) comment(t *testing.T, file string) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments|parser.SkipObjectResolution)
	require.NoError(t, err)
	for _, d := range parsed.Decls {
		general, ok := d.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, s := range general.Specs {
			spec, ok := s.(*ast.TypeSpec)
			if !ok {
				continue
			}
			name := parsed.Name.Name + "." + spec.Name.Name
			w.comments[name] = plain(general.Doc.Text())
			if fields, ok := spec.Type.(*ast.StructType); ok {
				for _, f := range fields.Fields.List {
					for _, n := range f.Names {
						w.comments[name+"."+n.Name] = plain(f.Doc.Text() + f.Comment.Text())
					}
				}
			}
		}
	}
}

func plain(comment string) string {
	return strings.NewReplacer("[", "", "]", "").Replace(strings.Join(strings.Fields(comment), " "))
}

func (w *writer) of(t reflect.Type) *schema {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return &schema{Type: "string", Format: "date-time"}
	case t == reflect.TypeFor[time.Duration]():
		return &schema{Type: "integer"}
	case t == reflect.TypeFor[peering.ID]():
		return &schema{Type: "string"}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return w.of(t.Elem())
	case reflect.String:
		return &schema{Type: "string", Enum: w.words[t.String()]}
	case reflect.Bool:
		return &schema{Type: "boolean"}
	case reflect.Int:
		return &schema{Type: "integer"}
	case reflect.Slice:
		return &schema{Type: "array", Items: w.of(t.Elem())}
	case reflect.Map:
		return &schema{Type: "object", Values: w.of(t.Elem())}
	case reflect.Struct:
		if w.defs[t.Name()] == nil {
			w.defs[t.Name()] = &schema{} // ends a circle
			w.defs[t.Name()] = w.object(t)
		}
		return &schema{Ref: "#/$defs/" + t.Name()}
	}
	panic("no schema for " + t.String())
}

func (w *writer) object(t reflect.Type) *schema {
	s := &schema{Type: "object", Description: w.comments[strings.TrimPrefix(t.String(), "*")], Properties: map[string]*schema{}}
	if in := standIns[t]; in != nil {
		t = in
	}
	w.fields(s, t)
	return s
}

func (w *writer) fields(s *schema, t reflect.Type) {
	for _, f := range reflect.VisibleFields(t) {
		if !f.IsExported() || f.Anonymous {
			continue
		}
		owner := t
		if len(f.Index) > 1 {
			owner = t.FieldByIndex(f.Index[:len(f.Index)-1]).Type
		}
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" {
			panic(t.String() + "." + f.Name + " has no name in JSON")
		}
		p := w.of(f.Type)
		if f.Type.Kind() == reflect.Slice && !strings.Contains(options, "omit") {
			p.Type = []string{"array", "null"} // there are none
		}
		p.Description = w.comments[owner.String()+"."+f.Name]
		s.Properties[name] = p
		if !strings.Contains(options, "omit") {
			s.Required = append(s.Required, name)
		}
	}
}

func (w *writer) document(d document) *schema {
	w.defs = map[string]*schema{}
	s := w.object(reflect.TypeOf(d.value))
	s.Schema, s.ID, s.Title = "https://json-schema.org/draft/2020-12/schema", "urn:"+strings.NewReplacer(".io", "", "/", ":").Replace(d.version), d.name
	s.Properties["schema"].Const = d.version
	s.Defs = w.defs
	return s
}

// TestSchemas keeps docs/schemas what the types say; MESHPEER_UPDATE=1 writes it. The examples fit.
func TestSchemas(t *testing.T) {
	w := newWriter(t)
	for _, d := range documents {
		t.Run(d.name, func(t *testing.T) {
			s := w.document(d)
			data, err := json.MarshalIndent(s, "", "  ")
			require.NoError(t, err)
			golden.Equal(t, "../../../docs/schemas/"+d.name+".json", append(data, '\n'))
			for _, file := range d.examples {
				for _, example := range examples(t, file) {
					require.Empty(t, s.faults(s, d.name, example))
					for _, spoiled := range spoil(example) {
						require.NotEmpty(t, s.faults(s, d.name, spoiled), "%v", spoiled)
					}
				}
			}
		})
	}
}

func examples(t *testing.T, file string) []map[string]any {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, file))
	require.NoError(t, err)
	var many []map[string]any
	if json.Unmarshal(data, &many) == nil {
		return many
	}
	var one map[string]any
	require.NoError(t, json.Unmarshal(data, &one))
	return []map[string]any{one}
}

// spoil makes documents of another version, of none, and of one that is no text.
func spoil(example map[string]any) (all []map[string]any) {
	changed := func(key string, value any) map[string]any {
		other := map[string]any{}
		for k, v := range example {
			other[k] = v
		}
		if other[key] = value; value == nil {
			delete(other, key)
		}
		return other
	}
	return []map[string]any{changed("schema", "meshpeer.io/other/v9"), changed("schema", nil), changed("schema", 1.0)}
}

// TestSchemasFitStructs: what the types write with every field set has every property, and none that is not one.
func TestSchemasFitStructs(t *testing.T) {
	w := newWriter(t)
	for _, d := range documents {
		s := w.document(d)
		full := reflect.New(reflect.TypeOf(d.value)).Elem()
		fill(full)
		data, err := json.Marshal(full.Interface())
		require.NoError(t, err)
		var written map[string]any
		require.NoError(t, json.Unmarshal(data, &written))
		written["schema"] = d.version
		require.Empty(t, s.faults(s, d.name, written))
		require.Empty(t, s.unused(s, d.name, written))
		written["surplus"] = true
		require.Equal(t, []string{d.name + ".surplus is not described"}, s.unused(s, d.name, written))
	}
}

// fill sets every field.
func fill(v reflect.Value) {
	switch v.Interface().(type) {
	case peering.ID:
		v.Set(reflect.ValueOf(peering.MustID("east")))
		return
	case time.Time:
		v.Set(reflect.ValueOf(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)))
		return
	case probe.Status:
		v.Set(reflect.ValueOf(probe.Passed))
		return
	case preflight.Severity:
		v.Set(reflect.ValueOf(preflight.Blocks))
		return
	case peering.Goal:
		v.Set(reflect.ValueOf(peering.Present))
		return
	case peering.Stage:
		v.Set(reflect.ValueOf(peering.StageGrant))
		return
	case peering.Action:
		v.Set(reflect.ValueOf(peering.Created))
		return
	case peering.Adoption:
		v.Set(reflect.ValueOf(peering.AdoptKeep))
		return
	case secrets.Kind:
		v.Set(reflect.ValueOf(secrets.KindBound))
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.String:
		v.SetString("text")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Map:
		value := reflect.New(v.Type().Elem()).Elem()
		fill(value)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.ValueOf("west"), value)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i))
			}
		}
	case reflect.Interface:
		v.Set(reflect.ValueOf(fmt.Errorf("refused")))
	}
}

// faults are what a value has wrong, by JSON Schema.
func (s *schema) faults(top *schema, at string, value any) (all []string) {
	if s.Ref != "" {
		return top.Defs[strings.TrimPrefix(s.Ref, "#/$defs/")].faults(top, at, value)
	}
	wrong := func(format string, args ...any) { all = append(all, at+": "+fmt.Sprintf(format, args...)) }
	switch v := value.(type) {
	case map[string]any:
		if !s.is("object") {
			wrong("an object, not %v", s.Type)
		}
		for _, name := range s.Required {
			if _, ok := v[name]; !ok {
				wrong("%s is missing", name)
			}
		}
		for name, one := range v {
			if p := s.Properties[name]; p != nil {
				all = append(all, p.faults(top, at+"."+name, one)...)
			} else if s.Values != nil {
				all = append(all, s.Values.faults(top, at+"."+name, one)...)
			}
		}
	case []any:
		if !s.is("array") {
			wrong("an array, not %v", s.Type)
			break
		}
		for i, one := range v {
			all = append(all, s.Items.faults(top, fmt.Sprintf("%s[%d]", at, i), one)...)
		}
	case string:
		_, err := time.Parse(time.RFC3339Nano, v)
		if !s.is("string") || s.Const != "" && s.Const != v || len(s.Enum) > 0 && !slices.Contains(s.Enum, v) || s.Format == "date-time" && err != nil {
			wrong("%q does not fit", v)
		}
	case float64:
		if !s.is("integer") || v != float64(int64(v)) {
			wrong("%v does not fit", v)
		}
	case bool:
		if !s.is("boolean") {
			wrong("%v does not fit", v)
		}
	default:
		if !s.is("null") {
			wrong("%v does not fit", v)
		}
	}
	return all
}

func (s *schema) is(word string) bool {
	several, _ := s.Type.([]string)
	return s.Type == word || slices.Contains(several, word)
}

// unused are the properties that a value lacks and those that the schema lacks.
func (s *schema) unused(top *schema, at string, value any) (all []string) {
	if s.Ref != "" {
		return top.Defs[strings.TrimPrefix(s.Ref, "#/$defs/")].unused(top, at, value)
	}
	switch v := value.(type) {
	case map[string]any:
		for name, p := range s.Properties {
			if one, ok := v[name]; ok {
				all = append(all, p.unused(top, at+"."+name, one)...)
			} else {
				all = append(all, at+"."+name+" is never written")
			}
		}
		for name := range v {
			if s.Properties[name] == nil && s.Values == nil {
				all = append(all, at+"."+name+" is not described")
			}
		}
	case []any:
		for _, one := range v {
			all = append(all, s.Items.unused(top, at+"[]", one)...)
		}
	}
	return all
}
