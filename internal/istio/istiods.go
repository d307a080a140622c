// Package istio tells which Pods of a namespace are istiods, of which revision and version, and what there is instead where
// none of them runs.
package istio

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/meshpeer/meshpeer/internal/invalid"
	"github.com/meshpeer/meshpeer/internal/printable"
)

// Selector is what Istio's charts label istiods with.
const Selector = "app=istiod"

// Validate refuses a selector that cannot be parsed, or that selects everything. "" is [Selector].
func Validate(field, selector string) error {
	if selector == "" {
		return nil
	}
	const remedy = "use a label selector such as app=istiod-canary, or leave it empty for " + Selector
	parsed, err := labels.Parse(selector)
	switch {
	case err != nil:
		return invalid.Field(field, selector, "is not a label selector: "+err.Error(), remedy)
	case parsed.Empty():
		return invalid.Field(field, selector, "selects every Pod", remedy)
	}
	return nil
}

// Found are the Pods of a namespace that are, were or may be istiods.
type Found struct {
	selector string
	Running  []*corev1.Pod // those selected that run or are about to
	Gone     []*corev1.Pod // those selected that are terminating or have ended
	Like     []*corev1.Pod // those that are not selected and look like an istiod
}

// Find sorts Pods by a selector that [Validate] takes.
func Find(pods []*corev1.Pod, selector string) Found {
	f := Found{selector: cmp.Or(selector, Selector)}
	selects, err := labels.Parse(f.selector)
	if err != nil {
		selects = labels.Nothing()
	}
	for _, pod := range pods {
		switch {
		case !selects.Matches(labels.Set(pod.Labels)):
			if looksLike(pod) && !gone(pod) {
				f.Like = append(f.Like, pod)
			}
		case gone(pod):
			f.Gone = append(f.Gone, pod)
		default:
			f.Running = append(f.Running, pod)
		}
	}
	return f
}

func gone(pod *corev1.Pod) bool {
	return pod.DeletionTimestamp != nil || pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}

// looksLike goes by what Istio's charts and ASM give an istiod (Istio
// manifests/charts/istio-control/istio-discovery/templates/deployment.yaml): its container, image and labels.
func looksLike(pod *corev1.Pod) bool {
	if strings.HasPrefix(pod.Labels["app"], "istiod") || pod.Labels["istio"] == "pilot" || pod.Labels["app.kubernetes.io/name"] == "istiod" {
		return true
	}
	return slices.ContainsFunc(pod.Spec.Containers, func(c corev1.Container) bool { return c.Name == "discovery" || pilot(c) })
}

func pilot(c corev1.Container) bool { return strings.HasPrefix(path.Base(c.Image), "pilot") }

// Missing says what there is in a namespace without a running istiod, and what to do about it.
func (f Found) Missing(namespace string) (seen, remedy string) {
	seen = fmt.Sprintf("no Pod labelled %s runs in namespace %s", f.selector, namespace)
	remedy = "finish the set-up of the control plane there first, or give its namespace, or the selector of its Pods"
	var more []string
	for _, pod := range f.Gone {
		state := "is terminating"
		if pod.DeletionTimestamp == nil {
			state = "has ended in phase " + string(pod.Status.Phase)
		}
		more = append(more, printable.Line("Pod "+pod.Name+" "+state))
		remedy = "wait until the Pod that replaces it is ready, or see why none does"
	}
	for _, pod := range f.Like {
		more = append(more, Like(pod))
		remedy = fmt.Sprintf("give the selector of its Pods (IstiodSelector), for example %q", suggestion(pod))
	}
	if len(more) > 0 {
		seen += ": " + strings.Join(more, ", ")
	}
	return seen, remedy
}

// Like names a Pod that looks like an istiod, with the labels to select it by.
func Like(pod *corev1.Pod) string {
	return printable.Line(fmt.Sprintf("Pod %s looks like an istiod (%s)", pod.Name, suggestion(pod)))
}

// suggestion is the shortest selector by a label that people give istiods.
func suggestion(pod *corev1.Pod) string {
	for _, key := range []string{"app", "istio", "app.kubernetes.io/name", "istio.io/rev"} {
		if v := pod.Labels[key]; v != "" {
			return printable.Line(key + "=" + v)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(pod.Labels)) {
		if key != "pod-template-hash" {
			return printable.Line(key + "=" + pod.Labels[key])
		}
	}
	return "a label that it has to be given first"
}

// Container is istiod's: discovery, else the one that runs the image pilot. nil if there is none.
func Container(pod *corev1.Pod) *corev1.Container {
	all := pod.Spec.Containers
	for _, match := range []func(corev1.Container) bool{func(c corev1.Container) bool { return c.Name == "discovery" }, pilot} {
		if i := slices.IndexFunc(all, match); i >= 0 {
			return &all[i]
		}
	}
	return nil
}

// Version is the tag of istiod's image, such as "1.31.0" or "1.27.3-distroless"; "" if it has none.
func Version(pod *corev1.Pod) string {
	c := Container(pod)
	if c == nil {
		return ""
	}
	image, _, _ := strings.Cut(path.Base(c.Image), "@")
	_, tag, _ := strings.Cut(image, ":")
	return tag
}

// Revision is what istiod was told (REVISION), else the label; "default" is "" (Istio pilot/pkg/bootstrap/mesh.go).
func Revision(pod *corev1.Pod) string {
	revision := pod.Labels["istio.io/rev"]
	if c := Container(pod); c != nil {
		for _, e := range c.Env {
			if e.Name == "REVISION" && e.Value != "" {
				revision = e.Value
			}
		}
	}
	if revision == "default" {
		return ""
	}
	return revision
}

// MeshConfig is the name of the ConfigMap that an istiod of the revision reads.
func MeshConfig(revision string) string {
	if revision == "" {
		return "istio"
	}
	return "istio-" + revision
}
