package kube

import (
	"context"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Accounts asks for service-account tokens in one namespace, as client-go's ServiceAccountInterface does.
type Accounts struct {
	client    client
	namespace string
}

// Accounts are those of a namespace.
func (c Objects) Accounts(namespace string) Accounts { return Accounts{c.client, namespace} }

// CreateToken creates the token subresource of a ServiceAccount (Kubernetes' TokenRequest API). Nothing is stored.
func (a Accounts) CreateToken(ctx context.Context, account string, request *authenticationv1.TokenRequest, o metav1.CreateOptions) (*authenticationv1.TokenRequest, error) {
	r, err := a.client.request("POST", &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: a.namespace}}, account, "token")
	if err != nil {
		return nil, err
	}
	const kind = "TokenRequest"
	request = request.DeepCopy()
	request.SetGroupVersionKind(authenticationv1.SchemeGroupVersion.WithKind(kind))
	if r, err = send(r.VersionedParams(&o, metav1.ParameterCodec), request); err != nil {
		return nil, err
	}
	out := &authenticationv1.TokenRequest{}
	if err := answer(ctx, r, out); err != nil {
		return nil, err
	}
	return out, is(out.Kind, kind)
}
