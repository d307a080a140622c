package peering

import (
	"context"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/meshpeer/meshpeer/internal/apply"
	"github.com/meshpeer/meshpeer/secrets"
)

// find reads the object with the kind, namespace and name of like; nil if there is none.
func find(ctx context.Context, objects Objects, like Object) (Object, error) {
	o, err := objects.Get(ctx, like)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	return o, err
}

// list reads all of one kind, as that kind.
func list[T Object](ctx context.Context, objects Objects, like T, selector string) ([]T, error) {
	found, err := objects.List(ctx, like, selector)
	out := make([]T, len(found))
	for i, o := range found {
		out[i] = o.(T)
	}
	return out, err
}

// secretsIn is the part of a cluster that token sources work on (secrets.SecretClient).
type secretsIn struct {
	objects   Objects
	namespace string
}

func (s secretsIn) Create(ctx context.Context, secret *corev1.Secret, _ metav1.CreateOptions) (*corev1.Secret, error) {
	return asSecret(s.objects.Create(ctx, secret))
}

func (s secretsIn) Get(ctx context.Context, name string, _ metav1.GetOptions) (*corev1.Secret, error) {
	return asSecret(s.objects.Get(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: name}}))
}

func (s secretsIn) Delete(ctx context.Context, name string, o metav1.DeleteOptions) error {
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: name}}
	if o.Preconditions != nil && o.Preconditions.UID != nil {
		secret.UID = types.UID(*o.Preconditions.UID)
	}
	return s.objects.Delete(ctx, secret)
}

func asSecret(o Object, err error) (*corev1.Secret, error) {
	if err != nil {
		return nil, err
	}
	return o.(*corev1.Secret), nil
}

// accountsIn asks again for a token where the request failed for a moment. A token whose reply was lost is known to nobody, and
// ends with the marker that both are bound to.
type accountsIn struct{ secrets.TokenCreator }

func (a accountsIn) CreateToken(ctx context.Context, name string, r *authenticationv1.TokenRequest, o metav1.CreateOptions) (out *authenticationv1.TokenRequest, err error) {
	err = apply.Again(ctx, apply.Policy{}, "token "+name, func() error {
		out, err = a.TokenCreator.CreateToken(ctx, name, r, o)
		return err
	})
	return out, err
}
