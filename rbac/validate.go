package rbac

import (
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/api/validate/content"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/meshpeer/meshpeer/internal/invalid"
)

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
	if o.Revision != "" { // Istio operator/pkg/apis/validation, validateRevision
		if msgs := validation.IsDNS1123Label(o.Revision); len(msgs) > 0 {
			return refuse("Options.Revision", o.Revision, msgs)
		}
	}
	if msgs := content.IsPathSegmentName(o.Name); len(msgs) > 0 {
		return refuse("Options.Name", o.Name, msgs)
	}
	if strings.ContainsFunc(o.Name, unwritable) {
		return invalid.Field("Options.Name", o.Name, "holds a control character or bytes that are not UTF-8", "remove them")
	}
	if strings.HasPrefix(o.Name, systemPrefix) {
		return invalid.Field("Options.Name", o.Name, `the prefix "system:" belongs to Kubernetes`, "choose another name")
	}
	if err := validateLabels(o.Labels); err != nil {
		return err
	}
	return validateAnnotations(o.Annotations)
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
