package preflight

import (
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// selectorOf writes labels as a selector.
func selectorOf(want map[string]string) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(want)) {
		parts = append(parts, k+"="+want[k])
	}
	return strings.Join(parts, ",")
}

// within says whether have holds all of want. Nothing wanted is within everything.
func within(want, have map[string]string) bool {
	return labels.SelectorFromSet(want).Matches(labels.Set(have))
}

// selects says whether the selector matches; one that cannot be parsed matches nothing.
func selects(s *metav1.LabelSelector, have map[string]string) bool {
	parsed, err := metav1.LabelSelectorAsSelector(s)
	return err == nil && parsed.Matches(labels.Set(have))
}
