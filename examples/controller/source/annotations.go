package source

import (
	"errors"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/yaml"

	"github.com/meshpeer/meshpeer/examples/controller/mesh"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/secrets"
)

// Annotations of a Secret or ClusterProfile that is a member.
const (
	AnnotationID        = "meshpeer.io/cluster-id"       // as its proxies call it (ISTIO_META_CLUSTER_ID). Default: its name
	AnnotationNamespace = "meshpeer.io/istiod-namespace" // where istiod runs. Default istio-system
	AnnotationSelector  = "meshpeer.io/istiod-selector"  // label selector of istiod's Pods. Default app=istiod
	AnnotationHosted    = "meshpeer.io/hosted"           // "true": the control plane runs elsewhere, as ASM's managed one
	AnnotationEndpoint  = "meshpeer.io/endpoint"         // the API server as other clusters' istiods reach it: a secrets.Endpoint as YAML. Default: the kubeconfig's
)

// described is the member that an object is, as far as its metadata say.
func described(kind string, o metav1.Object, name string) (named, error) {
	by := kind + " " + o.GetNamespace() + "/" + o.GetName()
	text := o.GetAnnotations()[AnnotationID]
	if text == "" {
		text = name
	}
	id, err := peering.ParseIstioID(text)
	if err != nil {
		return named{}, fmt.Errorf("%s: %w: set annotation %s", by, err, AnnotationID)
	}
	m := named{mesh.Member{ID: id}, by}
	m.Options, m.Err = options(o.GetAnnotations())
	if m.Err != nil {
		m.Err = fmt.Errorf("%s: %w", by, m.Err)
	}
	return m, nil
}

func options(annotations map[string]string) (o peering.ConnectOptions, err error) {
	o.Namespace, o.IstiodSelector = annotations[AnnotationNamespace], annotations[AnnotationSelector]
	switch hosted := annotations[AnnotationHosted]; hosted {
	case "true":
		o.Hosted = true
	case "", "false":
	default:
		return o, fmt.Errorf("annotation %s is neither true nor false", AnnotationHosted)
	}
	if text := annotations[AnnotationEndpoint]; text != "" {
		o.Endpoint = &secrets.Endpoint{}
		if yaml.UnmarshalStrict([]byte(text), o.Endpoint) != nil { // the error would quote what is there
			return o, fmt.Errorf("annotation %s is no YAML of fields server, ca, tlsServerName, proxyURL", AnnotationEndpoint)
		}
		if !o.Endpoint.ProxyAuth.IsZero() {
			return o, fmt.Errorf("annotation %s holds a password, which everybody can read who may list the object", AnnotationEndpoint)
		}
		if err := o.Endpoint.Validate(); err != nil {
			return o, fmt.Errorf("annotation %s: %w", AnnotationEndpoint, err)
		}
	}
	return o, nil
}

// selectorOf refuses the empty selector: it would make a member of every Secret of the namespace.
func selectorOf(s metav1.LabelSelector) (labels.Selector, error) {
	selector, err := metav1.LabelSelectorAsSelector(&s)
	if err == nil && selector.Empty() {
		err = errors.New("it is empty, and would select everything: name a label")
	}
	return selector, err
}
