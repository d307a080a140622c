package rbactest

import (
	"bytes"
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/meshpeer/meshpeer/internal/golden"
	"github.com/meshpeer/meshpeer/rbac"
)

// Objects is what [Golden] looks at: a [*rbac.Reader], a [*rbac.Policy], or a [List].
type Objects interface{ Objects() []runtime.Object }

// List is any objects, for [Golden]. Each says its apiVersion and kind.
type List []runtime.Object

// Objects returns the list.
func (l List) Objects() []runtime.Object { return l }

// Golden fails tb, and ends it, if the YAML of the objects is not, byte for byte, the file testdata/<name>, or if there is
// no object. With the environment variable MESHPEER_UPDATE=1 it writes the file. The name uses slashes.
//
//	rbactest.Golden(t, "reader.yaml", reader)
//	rbactest.Golden(t, "roles.yaml", rbactest.List{role, binding})
func Golden(tb TB, name string, objects Objects) {
	tb.Helper()
	list := listed(objects)
	if len(list) == 0 {
		tb.Fatalf("rbactest: Golden %s has no object to look at: give it what rbac.Render or rbac.Load returned, or a List", name)
		return
	}
	text, err := yamlOf(list)
	if err != nil {
		tb.Fatalf("rbactest: Golden %s: %v", name, err)
		return
	}
	golden.Equal(tb, name, text)
}

// listed are the objects, also of a nil pointer in an interface.
func listed(objects Objects) []runtime.Object {
	switch o := objects.(type) {
	case nil:
		return nil
	case *rbac.Reader:
		if o == nil {
			return nil
		}
	case *rbac.Policy:
		if o == nil {
			return nil
		}
	}
	return objects.Objects()
}

// yamlOf is the objects as a stream of documents, as [rbac.Reader.WriteYAML] writes it.
func yamlOf(objects []runtime.Object) ([]byte, error) {
	var documents [][]byte
	for i, object := range objects {
		if object == nil {
			return nil, fmt.Errorf("object %d is nil", i+1)
		}
		if kind := object.GetObjectKind().GroupVersionKind(); kind.Kind == "" || kind.Version == "" {
			return nil, fmt.Errorf("object %d, a %T, has no apiVersion or kind: set its TypeMeta", i+1, object)
		}
		document, err := yaml.Marshal(object)
		if err != nil {
			return nil, fmt.Errorf("encode YAML of object %d: %w", i+1, err)
		}
		documents = append(documents, document)
	}
	return bytes.Join(documents, []byte("---\n")), nil
}
