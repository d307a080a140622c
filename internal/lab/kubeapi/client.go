package kubeapi

import (
	"fmt"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/rest"
)

// Core is a client of core/v1.
func Core(c *rest.Config) (rest.Interface, error) {
	return client(c, "/api", corev1.SchemeGroupVersion)
}

// Discovery is a client of discovery.k8s.io/v1: EndpointSlices.
func Discovery(c *rest.Config) (rest.Interface, error) {
	return client(c, "/apis", discoveryv1.SchemeGroupVersion)
}

func client(c *rest.Config, root string, gv schema.GroupVersion) (rest.Interface, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		corev1.AddToScheme, discoveryv1.AddToScheme, authenticationv1.AddToScheme, metav1.AddMetaToScheme,
	} {
		if err := add(scheme); err != nil {
			return nil, fmt.Errorf("kubeapi: %w", err)
		}
	}
	metav1.AddToGroupVersion(scheme, schema.GroupVersion{Version: "v1"})
	c = rest.CopyConfig(c)
	c.APIPath, c.GroupVersion = root, &gv
	c.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	c.UserAgent = "meshpeer-lab"
	c.QPS = -1 // one program, one server: no rate limit
	client, err := rest.RESTClientFor(c)
	if err != nil {
		return nil, fmt.Errorf("kubeapi: %w", err)
	}
	return client, nil
}
