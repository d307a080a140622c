package secrets

import (
	"errors"
	"fmt"
	"maps"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/meshpeer/meshpeer/internal/invalid"
	"github.com/meshpeer/meshpeer/internal/names"
)

// ObjectName returns the name of the object that a source creates for r: Name,
// or the account's name, "-token-" and the generation, cut with a hash where
// that would be too long.
func (r Request) ObjectName() string {
	if r.Name != "" {
		return r.Name
	}
	account := r.ServiceAccount
	if account == "" {
		account = defaultServiceAccount
	}
	name := fmt.Sprintf("%s-token-%d", account, r.Generation)
	if len(name) > validation.DNS1123SubdomainMaxLength {
		return names.WithHash(name, name, validation.DNS1123SubdomainMaxLength)
	}
	return name
}

// complete fills in the defaults and refuses what no API server would take.
func (r Request) complete() (Request, error) {
	r.Name = r.ObjectName()
	if r.Namespace == "" {
		r.Namespace = defaultNamespace
	}
	if r.ServiceAccount == "" {
		r.ServiceAccount = defaultServiceAccount
	}
	errs := []error{
		checkName("Request.Namespace", r.Namespace, validation.IsDNS1123Label),
		checkName("Request.ServiceAccount", r.ServiceAccount, validation.IsDNS1123Subdomain),
		checkName("Request.Name", r.Name, validation.IsDNS1123Subdomain),
		checkLabels("Request.Labels", r.Labels),
		checkAnnotations("Request.Annotations", r.Annotations),
	}
	if r.Generation < 0 {
		errs = append(errs, invalid.Field("Request.Generation", fmt.Sprint(r.Generation), "is negative", "count from 0"))
	}
	if value, found := r.Labels[LabelMultiCluster]; found {
		errs = append(errs, invalid.Field(
			"Request.Labels["+LabelMultiCluster+"]", value,
			"would make istiod read the token's object as a remote secret", "leave this label to Build"))
	}
	return r, errors.Join(errs...)
}

// object is the Secret that stands for the token of r.
func (r Request) object(kind corev1.SecretType) *corev1.Secret {
	return &corev1.Secret{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace:   r.Namespace,
			Name:        r.Name,
			Labels:      maps.Clone(r.Labels),
			Annotations: maps.Clone(r.Annotations),
		},
		Type: kind,
	}
}

// ref is the Ref of a token of r that object stands for.
func (r Request) ref(kind Kind, object types.UID) Ref {
	return Ref{
		Kind: kind, Namespace: r.Namespace, Name: r.Name, UID: string(object),
		ServiceAccount: r.ServiceAccount, Generation: r.Generation,
	}
}

func checkName(field, value string, valid func(string) []string) error {
	if msgs := valid(value); len(msgs) > 0 {
		return invalid.Field(field, value, "is not a valid name", strings.Join(msgs, ", "))
	}
	return nil
}
