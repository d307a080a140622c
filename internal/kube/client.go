package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	kjson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/client-go/rest"
)

// client makes requests for objects of any kind, which are decoded into their Go types at once. Printers that follow fields do
// not enter the function: what it returns holds the credential of its config.
type client func() rest.Interface

// codecs know the form of a failure, and of the events of a watch.
var codecs = func() runtime.NegotiatedSerializer {
	scheme := runtime.NewScheme()
	metav1.AddToGroupVersion(scheme, core)
	scheme.AddKnownTypes(core, &corev1.Secret{})
	return serializer.NewCodecFactory(scheme).WithoutConversion()
}()

func newClient(config *rest.Config) (client, error) {
	config = rest.CopyConfig(config)
	config.ContentConfig = rest.ContentConfig{AcceptContentTypes: runtime.ContentTypeJSON, ContentType: runtime.ContentTypeJSON, NegotiatedSerializer: codecs}
	made, err := rest.UnversionedRESTClientFor(config)
	return func() rest.Interface { return made }, err
}

// request is one for the kind and namespace of like, and for what follows in the path: a name, a subresource.
func (c client) request(verb string, like Object, tail ...string) (*rest.Request, error) {
	k, err := kindOf(like)
	if err != nil {
		return nil, err
	}
	path := []string{"/apis", k.gvk.Group, k.gvk.Version}
	if k.gvk.Group == "" {
		path[0] = "/api"
	}
	if namespace := like.GetNamespace(); namespace != "" {
		path, tail = append(path, "namespaces"), append([]string{namespace, k.resource}, tail...)
	} else {
		path = append(path, k.resource)
	}
	for _, segment := range tail {
		why := rest.IsValidPathSegmentName(segment)
		if segment == "" {
			why = []string{"is empty"}
		}
		if len(why) > 0 {
			return nil, fmt.Errorf("kube: the name %q of a %s %s", segment, k.gvk.Kind, strings.Join(why, ", "))
		}
	}
	return c().Verb(verb).AbsPath(append(path, tail...)...), nil
}

// one makes the request and returns the object that is the answer, of the type of like.
func one(ctx context.Context, r *rest.Request, like Object) (Object, error) {
	out := reflect.New(reflect.TypeOf(like).Elem()).Interface().(Object)
	if err := answer(ctx, r, out); err != nil {
		return nil, err
	}
	k, err := kindOf(like)
	if err != nil {
		return nil, err
	}
	if err := is(out.GetObjectKind().GroupVersionKind().Kind, k.gvk.Kind); err != nil {
		return nil, err
	}
	return out, nil
}

// typedList is a list of objects of a Go type: Items points to a slice of them.
type typedList struct {
	metav1.TypeMeta `json:",inline"`
	Metadata        metav1.ListMeta `json:"metadata"`
	Items           any             `json:"items"`
}

// page makes the request and returns the objects of the list that is the answer, and what asks for the next one.
func page(ctx context.Context, r *rest.Request, like Object) (all []Object, next string, err error) {
	k, err := kindOf(like)
	if err != nil {
		return nil, "", err
	}
	var said string // its kind
	if _, asIs := like.(*unstructured.Unstructured); asIs {
		var list unstructured.UnstructuredList
		err = answer(ctx, r, &list)
		said, next = list.GetKind(), list.GetContinue()
		for i := range list.Items {
			all = append(all, &list.Items[i])
		}
	} else {
		items := reflect.New(reflect.SliceOf(reflect.TypeOf(like).Elem()))
		list := typedList{Items: items.Interface()}
		err = answer(ctx, r, &list)
		said, next = list.Kind, list.Metadata.Continue
		for i := range items.Elem().Len() {
			o := items.Elem().Index(i).Addr().Interface().(Object)
			o.GetObjectKind().SetGroupVersionKind(k.gvk) // which a list does not repeat
			all = append(all, o)
		}
	}
	if err == nil {
		err = is(said, k.gvk.Kind+"List")
	}
	if err == nil && slices.ContainsFunc(all, func(o Object) bool { return o.GetName() == "" }) {
		err = fmt.Errorf("kube: an object of the %s has no name", said)
	}
	return all, next, err
}

// is refuses an answer of another kind, or of none: an empty object, or an empty list, would be taken for what is there.
func is(kind, want string) error {
	if kind != want {
		return fmt.Errorf("kube: the answer is of kind %q, not %s", kind, want)
	}
	return nil
}

// answer makes the request and decodes what comes into the object.
func answer(ctx context.Context, r *rest.Request, into any) error {
	result := r.Do(ctx)
	if err := result.Error(); err != nil {
		return err
	}
	data, err := result.Raw()
	if err != nil {
		return err
	}
	if err := kjson.Unmarshal(data, into); err != nil {
		return fmt.Errorf("kube: the answer is not what an API server says: %w", err)
	}
	return nil
}

// send puts an object into the request.
func send(r *rest.Request, o any) (*rest.Request, error) {
	data, err := json.Marshal(o)
	return r.SetHeader("Content-Type", runtime.ContentTypeJSON).Body(data), err
}
