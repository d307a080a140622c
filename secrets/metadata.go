package secrets

import (
	"errors"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/meshpeer/meshpeer/internal/invalid"
)

func checkLabels(field string, labels map[string]string) error {
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		msgs := append(validation.IsQualifiedName(key), validation.IsValidLabelValue(labels[key])...)
		if len(msgs) > 0 {
			errs = append(errs, invalid.Field(field+"["+key+"]", labels[key], "is no valid label", strings.Join(msgs, ", ")))
		}
	}
	return errors.Join(errs...)
}

func checkAnnotations(field string, annotations map[string]string) error {
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		if key == corev1.LastAppliedConfigAnnotation {
			errs = append(errs, invalid.Field(field+"["+key+"]", "", "belongs to kubectl apply and holds a copy of the object", "leave it out"))
			continue
		}
		// Annotation keys are compared in lower case, as the API server does.
		if msgs := validation.IsQualifiedName(strings.ToLower(key)); len(msgs) > 0 {
			errs = append(errs, invalid.Field(field+"["+key+"]", "", "is no valid annotation key", strings.Join(msgs, ", ")))
		}
	}
	return errors.Join(errs...)
}

// checkReserved refuses to change a label or annotation that Build sets.
func checkReserved(field, key, want string, given map[string]string) error {
	if got, found := given[key]; found && got != want {
		return invalid.Field(field+"["+key+"]", got, "differs from the value "+want+" that a remote secret has", "leave it out")
	}
	return nil
}
