package rbac

import (
	"bytes"
	"fmt"
	"io"

	"sigs.k8s.io/yaml"
)

// WriteYAML writes the objects in the order of Objects as a stream of YAML
// documents that `kubectl apply -f -` takes. The same Reader gives the same
// bytes. The namespace of the account must exist; it is not a part of the stream.
func (r *Reader) WriteYAML(w io.Writer) error {
	var buf bytes.Buffer
	for i, object := range r.Objects() {
		if i > 0 {
			buf.WriteString("---\n")
		}
		document, err := yaml.Marshal(object)
		if err != nil {
			return fmt.Errorf("rbac: encode YAML: %w", err)
		}
		buf.Write(document)
	}
	if _, err := buf.WriteTo(w); err != nil {
		return fmt.Errorf("rbac: write YAML: %w", err)
	}
	return nil
}
