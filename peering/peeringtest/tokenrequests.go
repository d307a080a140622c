package peeringtest

import (
	"context"
	"fmt"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/meshpeer/meshpeer/secrets"
)

// accounts is Cluster.Accounts.
func (s *Server) accounts(namespace string) secrets.TokenCreator { return tokenRequests{s, namespace} }

type tokenRequests struct {
	*Server
	namespace string
}

// CreateToken answers a TokenRequest for a token of its own or one bound to a Secret (Kubernetes
// pkg/registry/core/serviceaccount/storage/token.go).
func (t tokenRequests) CreateToken(ctx context.Context, name string, request *authenticationv1.TokenRequest, _ metav1.CreateOptions) (*authenticationv1.TokenRequest, error) {
	out := request.DeepCopy()
	like := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: t.namespace, Name: name}}
	err := t.call(ctx, "create token", like, func() error {
		account := t.account(t.namespace, name)
		if account == nil {
			return apierrors.NewNotFound(resource(like), name)
		}
		if request.UID != "" && request.UID != account.UID {
			return apierrors.NewConflict(resource(like), name, fmt.Errorf("the UID in the token request (%s) does not match the UID of the service account (%s)", request.UID, account.UID))
		}
		life, err := t.life(request)
		if err != nil {
			return err
		}
		marker, err := t.bindTo(request.Spec.BoundObjectRef)
		if err != nil {
			return err
		}
		c := t.newClaims(account, marker)
		c.Expires = t.now().Add(life).Unix()
		out.Status = authenticationv1.TokenRequestStatus{Token: c.sign(), ExpirationTimestamp: metav1.NewTime(time.Unix(c.Expires, 0))}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// life is what is granted: what was asked for, or less (Kubernetes pkg/apis/authentication/validation).
func (s *Server) life(request *authenticationv1.TokenRequest) (time.Duration, error) {
	life := time.Hour
	if asked := request.Spec.ExpirationSeconds; asked != nil {
		if *asked < 600 || *asked > 1<<32 {
			return 0, apierrors.NewInvalid(schema.GroupKind{Group: authenticationv1.GroupName, Kind: "TokenRequest"}, "", field.ErrorList{
				field.Invalid(field.NewPath("spec", "expirationSeconds"), *asked, "may not specify a duration less than 10 minutes, or more than 2^32 seconds"),
			})
		}
		life = time.Duration(*asked) * time.Second
	}
	if s.MaxTokenLife > 0 {
		life = min(life, s.MaxTokenLife)
	}
	return life, nil
}

// bindTo is the Secret that a token is to be bound to, with its name and UID; empty if it is to no one.
func (t tokenRequests) bindTo(ref *authenticationv1.BoundObjectReference) (*corev1.Secret, error) {
	marker := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: t.namespace}}
	if ref == nil {
		return marker, nil
	}
	if ref.Kind != "Secret" {
		return nil, apierrors.NewBadRequest(fmt.Sprintf("cannot bind token for object of type %s: this server knows Secrets", ref.Kind))
	}
	marker.Name, marker.UID = ref.Name, ref.UID
	if err := t.matches(marker); err != nil {
		return nil, err
	}
	marker.UID = t.store.objects[key(marker)].GetUID()
	return marker, nil
}
