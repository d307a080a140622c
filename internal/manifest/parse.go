package manifest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/runtime"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"
)

// Object is an object of a document, of which only the kind has been looked at.
type Object struct {
	APIVersion, Kind string

	json []byte
	err  error // of a strict reading
}

// Objects calls visit with each object of the document: one, but a JSON document may hold several in a row. It stops at
// the first error. What comes behind the object of a YAML document is an error.
func (d Document) Objects(visit func(Object) error) error {
	switch {
	case bytes.HasPrefix(d.text, []byte("\xff\xfe")), bytes.HasPrefix(d.text, []byte("\xfe\xff")), bytes.Contains(d.text[:min(len(d.text), 64)], []byte{0}):
		return errors.New("is in UTF-16, as PowerShell writes it: save it in UTF-8")
	case !utf8.Valid(d.text):
		return errors.New("is not UTF-8: save it so")
	}
	switch said := bytes.TrimSpace(d.text); said[0] {
	case '{':
		return d.inJSON(visit)
	case '[':
		return errors.New("is a list without kind: write a List, or one object after the other")
	}
	o, err := d.inYAML()
	if err != nil {
		return err
	}
	return visit(o)
}

func (d Document) inJSON(visit func(Object) error) error {
	for decoder := json.NewDecoder(bytes.NewReader(d.text)); ; {
		var raw json.RawMessage
		switch err := decoder.Decode(&raw); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("begins with { but is not JSON: %w", err)
		}
		o, err := header(raw)
		if err != nil {
			return err
		}
		o.json, o.err = raw, onceEach(json.NewDecoder(bytes.NewReader(raw)))
		if err := visit(o); err != nil {
			return err
		}
	}
}

// last is put behind a YAML document: if it is no key of the object that the parser finds, the parser has not read all.
const last = "x-meshpeer-last"

func (d Document) inYAML() (Object, error) {
	if bytes.Contains(d.text, []byte(last)) {
		return Object{}, fmt.Errorf("holds the word %s, which nothing may have: rename it", last)
	}
	text := bytes.Clone(d.text)
	if !bytes.HasSuffix(text, []byte("\n")) {
		text = append(text, '\n')
	}
	text = append(text, last+": true\n"...)
	converted, twice := yaml.YAMLToJSONStrict(text)
	if twice != nil { // which is no fault of ours in an object of another kind
		var err error
		if converted, err = yaml.YAMLToJSON(text); err != nil {
			return Object{}, plain(err)
		}
		twice = plain(twice)
	}
	if !bytes.Contains(converted, []byte(`"`+last+`":true`)) {
		return Object{}, errors.New("has more than one object in it, of which a parser would read the first only: put --- between them, and begin each at the left edge")
	}
	o, err := header(converted)
	o.json, o.err = converted, twice
	return o, err
}

// header reads apiVersion and kind, exactly so spelt.
func header(text []byte) (Object, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		return Object{}, errors.New("is not an object")
	}
	var o Object
	for _, field := range []struct {
		name string
		into *string
	}{{"apiVersion", &o.APIVersion}, {"kind", &o.Kind}} {
		if err := json.Unmarshal(fields[field.name], field.into); err != nil || *field.into == "" {
			return Object{}, fmt.Errorf("has no %s: write one, as kubectl asks for it too", field.name)
		}
	}
	return o, nil
}

// Content parses the object. A key that is there twice is an error.
func (o Object) Content() (map[string]any, error) {
	if o.err != nil {
		return nil, o.err
	}
	var content map[string]any
	if err := utiljson.Unmarshal(o.json, &content); err != nil {
		return nil, err
	}
	delete(content, last)
	return content, nil
}

// Into fills an API type with a content, as an API server does with strict field validation: names are told apart by their
// case, and one that the type does not have is an error.
func Into(content map[string]any, object any) error {
	err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(content, object, true)
	if err == nil || runtime.IsStrictDecodingError(err) {
		return err
	}
	text, failed := json.Marshal(content)
	if failed == nil {
		failed = json.Unmarshal(text, object) // says at which field
	}
	return cmp.Or(failed, err)
}

// onceEach refuses a JSON value in which an object has a key twice.
func onceEach(d *json.Decoder) error {
	type level struct {
		keys map[string]bool // nil in an array
		key  bool            // whether a key comes next
	}
	var open []level
	for {
		token, err := d.Token()
		if err != nil {
			return nil // at its end: the decoder has read it before
		}
		in := len(open) - 1
		switch t := token.(type) {
		case json.Delim:
			switch t {
			case '{':
				open = append(open, level{map[string]bool{}, true})
				continue
			case '[':
				open = append(open, level{})
				continue
			}
			open = open[:in]
			in--
		case string:
			if in >= 0 && open[in].key {
				if open[in].keys[t] {
					return fmt.Errorf("key %q is there twice", t)
				}
				open[in].keys[t], open[in].key = true, false
				continue
			}
		}
		if in >= 0 && open[in].keys != nil {
			open[in].key = true // the value is over
		}
	}
}

// plain is the parser's error without what it says of its own work.
func plain(err error) error {
	text := strings.TrimPrefix(err.Error(), "error converting YAML to JSON: ")
	return errors.New(strings.Join(strings.Fields(strings.Replace(text, "yaml: unmarshal errors:", "yaml:", 1)), " "))
}
