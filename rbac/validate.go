package rbac

import (
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/api/validate/content"
	"k8s.io/apimachinery/pkg/util/validation"
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
		return &OptionError{Field: "Options.Profile", Value: string(o.Profile), Problem: "unknown; use one of " + profileNames()}
	}
	if msgs := validation.IsDNS1123Label(o.Namespace); len(msgs) > 0 {
		return invalid("Options.Namespace", o.Namespace, msgs)
	}
	if msgs := validation.IsDNS1123Subdomain(o.ServiceAccount); len(msgs) > 0 {
		return invalid("Options.ServiceAccount", o.ServiceAccount, msgs)
	}
	if o.Revision != "" { // Istio operator/pkg/apis/validation, validateRevision
		if msgs := validation.IsDNS1123Label(o.Revision); len(msgs) > 0 {
			return invalid("Options.Revision", o.Revision, msgs)
		}
	}
	if msgs := content.IsPathSegmentName(o.Name); len(msgs) > 0 {
		return invalid("Options.Name", o.Name, msgs)
	}
	if strings.ContainsFunc(o.Name, unwritable) {
		return &OptionError{Field: "Options.Name", Value: o.Name, Problem: "holds a control character or bytes that are not UTF-8; remove them"}
	}
	if strings.HasPrefix(o.Name, systemPrefix) {
		return &OptionError{Field: "Options.Name", Value: o.Name, Problem: `the prefix "system:" belongs to Kubernetes; choose another name`}
	}
	if err := validateLabels(o.Labels); err != nil {
		return err
	}
	return validateAnnotations(o.Annotations)
}

func validateLabels(labels map[string]string) error {
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		if msgs := validation.IsQualifiedName(key); len(msgs) > 0 {
			return invalid("Options.Labels key", key, msgs)
		}
		if strings.HasPrefix(key, aggregatePrefix) {
			return &OptionError{Field: "Options.Labels key", Value: key, Problem: "would add the reader's rules, Secrets included, to a role of every user; remove it"}
		}
		if msgs := validation.IsValidLabelValue(labels[key]); len(msgs) > 0 {
			return invalid("Options.Labels["+key+"]", labels[key], msgs)
		}
	}
	return nil
}

func validateAnnotations(annotations map[string]string) error {
	size := 0
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		// As the API server does: annotation keys may have upper case prefixes.
		if msgs := validation.IsQualifiedName(strings.ToLower(key)); len(msgs) > 0 {
			return invalid("Options.Annotations key", key, msgs)
		}
		if strings.ContainsFunc(annotations[key], unwritable) {
			return &OptionError{Field: "Options.Annotations key", Value: key, Problem: "its value holds a control character or bytes that are not UTF-8; remove or encode them"}
		}
		size += len(key) + len(annotations[key])
		if size > maxAnnotationBytes {
			return &OptionError{Field: "Options.Annotations key", Value: key, Problem: "all annotations together may not pass 256 KiB; shorten them"}
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

func invalid(field, value string, msgs []string) error {
	return &OptionError{Field: field, Value: value, Problem: strings.Join(msgs, "; ")}
}
