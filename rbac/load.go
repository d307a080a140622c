package rbac

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/meshpeer/meshpeer/internal/manifest"
	"github.com/meshpeer/meshpeer/internal/printable"
)

// Loader reads policies from manifests. The zero value is ready to use.
type Loader struct {
	// Namespace is where Roles and RoleBindings go that name none, as with
	// kubectl apply -n or helm install -n. Without it they are an error.
	Namespace string
	// MaxObjects is the most objects of any kind to read. Default 100 000.
	MaxObjects int
	// MaxBytes is the most bytes to read, of all streams together. Default 256 MiB.
	// A single document may have 8 MiB.
	MaxBytes int64
}

// LoadError is a document that cannot be part of a policy.
type LoadError struct {
	// Stream is the name of the file, or the position of the reader, from 1.
	Stream string
	// Document counts the documents of the stream that are not empty, from 1, and
	// Line is where it begins.
	Document, Line int
	// Err says what is wrong and what to do: a [*FieldError] for an object that an
	// API server would refuse.
	Err error
}

// Error names the document and what is wrong with it.
func (e *LoadError) Error() string {
	return fmt.Sprintf("rbac: %s, document %d (line %d): %s", printable.Line(e.Stream), e.Document, e.Line, printable.Prose(e.Err.Error()))
}

// Unwrap returns Err.
func (e *LoadError) Unwrap() error { return e.Err }

// Load reads a policy from streams of manifests, as helm template, kustomize build
// and kubectl get -o yaml or -o json print them. [Loader] has limits, and a
// namespace for objects without.
//
// A stream holds YAML documents, JSON documents, or both. Lists count as their
// items. Empty documents and comments are passed over. Objects of other kinds are
// skipped and counted: see [Policy.Skipped]. An object is read strictly: an unknown
// field, a key that is there twice, an object that is there twice, or what an API
// server would refuse is an error. So is rbac.authorization.k8s.io/v1beta1, which
// Kubernetes has not served since 1.22.
//
// The error joins a [*LoadError] for each document at fault, ten at most.
func Load(streams ...io.Reader) (*Policy, error) { return Loader{}.Load(streams...) }

// Load is [Load] with these options.
func (l Loader) Load(streams ...io.Reader) (*Policy, error) {
	if len(streams) == 0 {
		return nil, errors.New("rbac: nothing to load: give a reader, such as an open file")
	}
	r := reading{
		builder: newBuilder(), namespace: l.Namespace,
		objects: cmp.Or(l.MaxObjects, 100_000), bytes: cmp.Or(l.MaxBytes, 256<<20),
	}
	r.limits = fmt.Sprintf("%d objects or %d bytes", r.objects, r.bytes)
	for i, stream := range streams {
		r.stream = fmt.Sprintf("stream %d", i+1)
		if file, ok := stream.(interface{ Name() string }); ok {
			r.stream = file.Name()
		}
		if r.read(stream); r.full() {
			break
		}
	}
	if len(r.faults) > 0 {
		return nil, errors.Join(r.faults...)
	}
	return r.policy(), nil
}

// reading is one Load.
type reading struct {
	*builder
	namespace, stream, limits string
	objects                   int // that may still come
	bytes                     int64
	faults                    []error
}

const maxFaults = 10

var errFull = errors.New("too many faults")

// full tells whether to read on is in vain.
func (r *reading) full() bool { return len(r.faults) >= maxFaults || r.objects < 0 || r.bytes < 0 }

func (r *reading) fault(document, line int, err error) {
	r.faults = append(r.faults, &LoadError{r.stream, document, line, err})
}

func (r *reading) read(stream io.Reader) {
	err := manifest.Read(&counted{stream, &r.bytes}, func(d manifest.Document) error {
		err := d.Objects(func(o manifest.Object) error { return r.object(o.APIVersion, o.Kind, o.Content) })
		if err != nil {
			r.fault(d.Number, d.Line, err)
		}
		if r.full() {
			return errFull
		}
		return nil
	})
	var broken *manifest.Error
	if errors.As(err, &broken) {
		if r.bytes < 0 {
			broken.Err = r.tooMuch()
		}
		r.fault(broken.Document, broken.Line, broken.Err)
	}
}

func (r *reading) tooMuch() error {
	return fmt.Errorf("there are more than %s: load less, or raise the limit with Loader", r.limits)
}

// object takes an object if it is, or holds, part of a policy, and counts it if not.
func (r *reading) object(apiVersion, kind string, parse func() (map[string]any, error)) error {
	if r.objects--; r.objects < 0 {
		return r.tooMuch()
	}
	relevant, err := relevant(apiVersion, kind)
	if err != nil {
		return err
	}
	if !relevant {
		r.skipped[printable.Line(apiVersion+" "+kind)]++
		return nil
	}
	content, err := parse()
	if err != nil {
		return fmt.Errorf("%s: %w", kind, err)
	}
	if item, ok := strings.CutSuffix(kind, "List"); ok {
		return r.list(apiVersion, item, content)
	}
	objects := map[string]runtime.Object{
		"Role": &rbacv1.Role{}, "ClusterRole": &rbacv1.ClusterRole{},
		"RoleBinding": &rbacv1.RoleBinding{}, "ClusterRoleBinding": &rbacv1.ClusterRoleBinding{},
	}
	object := objects[kind]
	if err := manifest.Into(content, object); err != nil {
		return fmt.Errorf("%s: %w", kind, err)
	}
	switch o := object.(type) {
	case *rbacv1.Role:
		o.Namespace = cmp.Or(o.Namespace, r.namespace)
	case *rbacv1.RoleBinding:
		o.Namespace = cmp.Or(o.Namespace, r.namespace)
	}
	return r.take(object)
}

// list takes the items of a List, or of the list of a kind, whose items need not say their kind.
func (r *reading) list(apiVersion, kind string, content map[string]any) error {
	for key := range content {
		if !slices.Contains([]string{"apiVersion", "kind", "metadata", "items"}, key) {
			return fmt.Errorf("%sList: unknown field %q: drop it", kind, key)
		}
	}
	items, ok := content["items"].([]any)
	if !ok && content["items"] != nil {
		return fmt.Errorf("%sList: items are not a list", kind)
	}
	for i, item := range items {
		if err := r.item(apiVersion, kind, item); err != nil {
			return fmt.Errorf("items[%d]: %w", i, err)
		}
	}
	return nil
}

func (r *reading) item(apiVersion, kind string, item any) error {
	content, ok := item.(map[string]any)
	if !ok {
		return errors.New("is not an object")
	}
	if kind != "" {
		for field, inherited := range map[string]string{"apiVersion": apiVersion, "kind": kind} {
			if _, there := content[field]; !there {
				content[field] = inherited
			}
		}
	}
	apiVersion, _ = content["apiVersion"].(string)
	kind, _ = content["kind"].(string)
	if apiVersion == "" || kind == "" {
		return errors.New("has no apiVersion or no kind: write both")
	}
	return r.object(apiVersion, kind, func() (map[string]any, error) { return content, nil })
}

var policyKinds = []string{"Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"}

// relevant tells whether an object of this kind is, or holds, part of a policy. A kind of the group that is none, and one
// of ours in a group that has none, is misspelt: to skip it would be to pass over what somebody meant.
func relevant(apiVersion, kind string) (bool, error) {
	group, version, _ := strings.Cut(apiVersion, "/")
	ours := slices.Contains(policyKinds, strings.TrimSuffix(kind, "List"))
	switch {
	case apiVersion == "v1" && kind == "List":
		return true, nil
	case apiVersion == rbacv1.SchemeGroupVersion.String() && ours:
		return true, nil
	case group == rbacv1.GroupName && ours:
		return false, fmt.Errorf("%s: apiVersion %s is not served since Kubernetes 1.22, or never was: write %s", kind, version, rbacv1.SchemeGroupVersion)
	case group == rbacv1.GroupName:
		return false, fmt.Errorf("kind %s is not one of %s: write one of %s", kind, group, strings.Join(policyKinds, ", "))
	case ours && !strings.Contains(group, "."):
		return false, fmt.Errorf("kind %s is not one of apiVersion %s: write %s", kind, apiVersion, rbacv1.SchemeGroupVersion)
	}
	return false, nil
}

// counted takes what is read off a budget, and fails when that is used up.
type counted struct {
	io.Reader
	left *int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	if *c.left -= int64(n); *c.left < 0 {
		return 0, errFull
	}
	return n, err
}
