package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion of the package.
var GroupVersion = schema.GroupVersion{Group: "meshpeer.io", Version: "v1alpha1"}

// AddToScheme makes a scheme know the package.
func AddToScheme(s *runtime.Scheme) error {
	s.AddKnownTypes(GroupVersion, &Mesh{}, &MeshList{})
	metav1.AddToGroupVersion(s, GroupVersion)
	return nil
}
