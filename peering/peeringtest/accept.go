package peeringtest

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/meshpeer/meshpeer/internal/kube"
	"github.com/meshpeer/meshpeer/peering"
)

// knownKind says why no request can be about o: a client has to know the kind to build the URL.
func knownKind(o peering.Object) error {
	if kind := kube.Kind(o); strings.HasPrefix(kind, "*") {
		return fmt.Errorf("peeringtest: the kind of %s is not known: set its TypeMeta, as for a request to a real API server", kind)
	}
	return nil
}

// accept is what the server stores of o: a copy in the Go type by which its controllers know it.
func accept(o peering.Object) (peering.Object, error) {
	typed := clone(o)
	if loose, ok := o.(*unstructured.Unstructured); ok {
		if like := goType(kube.Group(o), kube.Kind(o)); like != nil {
			if err := runtime.DefaultUnstructuredConverter.FromUnstructured(loose.Object, like); err != nil {
				return nil, err
			}
			typed = like
		}
	}
	if secret, ok := typed.(*corev1.Secret); ok {
		mergeStringData(secret)
	}
	return typed, nil
}

// mergeStringData is what an API server does with what is written in clear.
func mergeStringData(s *corev1.Secret) {
	for k, v := range s.StringData {
		if s.Data == nil {
			s.Data = map[string][]byte{}
		}
		s.Data[k] = []byte(v)
	}
	s.StringData = nil
}

// goType of the kinds that somebody here acts upon; nil for others, which are kept as they come.
func goType(group, kind string) peering.Object {
	switch group + "/" + kind {
	case "/Secret":
		return &corev1.Secret{}
	case "/ServiceAccount":
		return &corev1.ServiceAccount{}
	case "/Namespace":
		return &corev1.Namespace{}
	case "/Pod":
		return &corev1.Pod{}
	case "/Service":
		return &corev1.Service{}
	case rbacv1.GroupName + "/ClusterRole":
		return &rbacv1.ClusterRole{}
	case rbacv1.GroupName + "/ClusterRoleBinding":
		return &rbacv1.ClusterRoleBinding{}
	case rbacv1.GroupName + "/Role":
		return &rbacv1.Role{}
	case rbacv1.GroupName + "/RoleBinding":
		return &rbacv1.RoleBinding{}
	}
	return nil
}
