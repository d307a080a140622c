package kube

import (
	"context"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/dynamic"
)

// Accounts asks for service-account tokens in one namespace, as client-go's ServiceAccountInterface does.
type Accounts struct {
	client    func() dynamic.Interface // see Objects
	namespace string
}

// NewAccounts returns the Accounts of a namespace.
func NewAccounts(client dynamic.Interface, namespace string) Accounts {
	return Accounts{func() dynamic.Interface { return client }, namespace}
}

// CreateToken creates the token subresource of a ServiceAccount (Kubernetes' TokenRequest API). Nothing is stored.
func (a Accounts) CreateToken(ctx context.Context, account string, request *authenticationv1.TokenRequest, o metav1.CreateOptions) (*authenticationv1.TokenRequest, error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(request)
	if err != nil {
		return nil, err
	}
	u := &unstructured.Unstructured{Object: content}
	u.SetGroupVersionKind(authenticationv1.SchemeGroupVersion.WithKind("TokenRequest"))
	u.SetName(account) // the dynamic client takes the account's name from here
	resource := a.client().Resource(corev1.SchemeGroupVersion.WithResource("serviceaccounts")).Namespace(a.namespace)
	if u, err = resource.Create(ctx, u, o, "token"); err != nil {
		return nil, err
	}
	out := &authenticationv1.TokenRequest{}
	return out, runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, out)
}
