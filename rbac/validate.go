package rbac

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/api/validate/content"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/meshpeer/meshpeer/internal/invalid"
)

// FieldError is an input that cannot work: nothing was rendered or decided.
type FieldError = invalid.FieldError

const (
	aggregatePrefix    = "rbac.authorization.k8s.io/aggregate-to-"
	systemPrefix       = "system:"
	maxAnnotationBytes = 256 << 10 // k8s.io/apimachinery/pkg/api/validation, TotalAnnotationSizeLimitB
)

// validate checks an Options whose defaults are filled in, version and
// identifying labels aside.
func (o Options) validate() error {
	if !slices.Contains(profiles, o.Profile) {
		return invalid.Field("Options.Profile", string(o.Profile), "is unknown", "use one of "+profileNames())
	}
	if msgs := validation.IsDNS1123Label(o.Namespace); len(msgs) > 0 {
		return refuse("Options.Namespace", o.Namespace, msgs)
	}
	if msgs := validation.IsDNS1123Subdomain(o.ServiceAccount); len(msgs) > 0 {
		return refuse("Options.ServiceAccount", o.ServiceAccount, msgs)
	}
	if o.ServiceAccount == "default" {
		return invalid.Field("Options.ServiceAccount", o.ServiceAccount, "is the account of every pod in the namespace that names no other, and each would read all Secrets of the cluster", "name an account of its own")
	}
	if err := o.validateIstiods(); err != nil {
		return err
	}
	return errors.Join(o.validateName(), validateLabels(o.Labels), validateAnnotations(o.Annotations))
}

// validateIstiods checks what is said of the istiods.
func (o Options) validateIstiods() error {
	if msgs := validation.IsDNS1123Label(o.SystemNamespace); len(msgs) > 0 {
		return refuse("Options.SystemNamespace", o.SystemNamespace, msgs)
	}
	if err := validateRevision("Options.Revision", o.Revision); err != nil {
		return err
	}
	for i, revision := range o.Revisions {
		if err := validateRevision(fmt.Sprintf("Options.Revisions[%d]", i), revision); err != nil {
			return err
		}
	}
	return nil
}

// validateRevision is Istio's operator/pkg/apis/validation, validateRevision.
func validateRevision(field, revision string) error {
	if revision == "" {
		return nil
	}
	if msgs := validation.IsDNS1123Label(revision); len(msgs) > 0 {
		return refuse(field, revision, msgs)
	}
	return nil
}

var (
	// builtinRoles are the roles that an API server installs without the prefix "system:" (Kubernetes
	// plugin/pkg/auth/authorizer/rbac/bootstrappolicy; the last is a Role in kube-system).
	builtinRoles = []string{"cluster-admin", "admin", "edit", "view", "extension-apiserver-authentication-reader"}
	// istioRoles begin the names of the roles that Istio's charts install for others than readers
	// (Istio manifests/charts, kind ClusterRole).
	istioRoles = []string{"istiod", "istio-cni", "ztunnel"}
)

func (o Options) validateName() error {
	if msgs := content.IsPathSegmentName(o.Name); len(msgs) > 0 {
		return refuse("Options.Name", o.Name, msgs)
	}
	if strings.ContainsFunc(o.Name, unwritable) {
		return invalid.Field("Options.Name", o.Name, "holds a control character or bytes that are not UTF-8", "remove them")
	}
	if strings.HasPrefix(o.Name, systemPrefix) {
		return invalid.Field("Options.Name", o.Name, `the prefix "system:" belongs to Kubernetes`, "choose another name")
	}
	if slices.Contains(builtinRoles, o.Name) {
		return invalid.Field("Options.Name", o.Name, "is a role that Kubernetes installs, and applying the reader would overwrite it", "choose another name")
	}
	for _, prefix := range istioRoles {
		if o.Name == prefix || strings.HasPrefix(o.Name, prefix+"-") {
			return invalid.Field("Options.Name", o.Name, "is a name of the roles that Istio installs for "+prefix+", and applying the reader could overwrite one", "choose another name")
		}
	}
	return nil
}

func validateLabels(labels map[string]string) error {
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		if msgs := validation.IsQualifiedName(key); len(msgs) > 0 {
			return refuse("Options.Labels key", key, msgs)
		}
		if strings.HasPrefix(key, aggregatePrefix) {
			return invalid.Field("Options.Labels key", key, "would add the reader's rules, Secrets included, to a role of every user", "remove it")
		}
		if msgs := validation.IsValidLabelValue(labels[key]); len(msgs) > 0 {
			return refuse("Options.Labels["+key+"]", labels[key], msgs)
		}
	}
	return nil
}

func validateAnnotations(annotations map[string]string) error {
	size := 0
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		// As the API server does: annotation keys may have upper case prefixes.
		if msgs := validation.IsQualifiedName(strings.ToLower(key)); len(msgs) > 0 {
			return refuse("Options.Annotations key", key, msgs)
		}
		if strings.ContainsFunc(annotations[key], unwritable) {
			return invalid.Field("Options.Annotations key", key, "its value holds a control character or bytes that are not UTF-8", "remove or encode them")
		}
		size += len(key) + len(annotations[key])
		if size > maxAnnotationBytes {
			return invalid.Field("Options.Annotations key", key, "all annotations together may not pass 256 KiB", "shorten them")
		}
	}
	return nil
}

// unwritable is what YAML cannot hold (YAML 1.2, 5.1), or JSON would replace.
func unwritable(r rune) bool {
	switch r {
	case '\n', '\r', '\t':
		return false
	case utf8.RuneError, '\uFEFF', '\uFFFE', '\uFFFF':
		return true
	}
	return unicode.IsControl(r)
}

func refuse(field, value string, msgs []string) error {
	return invalid.Field(field, value, "is not valid", strings.Join(msgs, "; "))
}
