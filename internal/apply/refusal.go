package apply

import (
	"net/http"
	"regexp"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/internal/printable"
)

// Advice is the next step after a refusal of the API server that will not pass by itself: a right, a quota, an admission
// webhook, a policy, a namespace that is missing or ends, an object that is not valid. It is "" if err is none of them. The
// words that tell them apart are those of Kubernetes 1.24 to 1.36.
func Advice(err error) string {
	status := statusOf(err)
	if status == nil {
		return ""
	}
	for _, r := range refusals {
		if found := r.says.FindStringSubmatch(status.Message); found != nil {
			return r.advise(found)
		}
	}
	switch {
	case status.Reason == metav1.StatusReasonForbidden || status.Code == http.StatusForbidden:
		return "the API server forbids it; its message says why"
	case status.Reason == metav1.StatusReasonInvalid || status.Code == http.StatusUnprocessableEntity:
		return "the API server does not take the object: " + fields(status) + "correct what the message names"
	case status.Reason == metav1.StatusReasonRequestEntityTooLarge || status.Code == http.StatusRequestEntityTooLarge:
		return tooLarge(nil)
	}
	return ""
}

// refusals, the first that fits; the wider come last.
var refusals = []struct {
	says   *regexp.Regexp
	advise func(found []string) string
}{
	// k8s.io/apiserver pkg/admission/plugin/webhook/errors and .../dispatcher
	{regexp.MustCompile(`admission webhook "([^"]*)" (?:denied|attempted to modify)`), func(f []string) string {
		return "the admission webhook " + word(f[1]) + " of this cluster denies it: have its owner allow the object, or exempt the namespace"
	}},
	{regexp.MustCompile(`failed calling webhook "([^"]*)"`), func(f []string) string {
		return "the admission webhook " + word(f[1]) + " of this cluster does not answer, and the API server writes nothing without it: repair or remove the webhook"
	}},
	// k8s.io/apiserver pkg/admission/plugin/policy
	{regexp.MustCompile(`(ValidatingAdmissionPolicy|MutatingAdmissionPolicy) '([^']*)'(?: with binding '([^']*)')?`), func(f []string) string {
		return "the " + f[1] + " " + word(f[2]) + " of this cluster denies it: have its owner allow the object, or exempt the namespace in the binding" + after(f[3])
	}},
	// pkg/registry/rbac
	{regexp.MustCompile(`is attempting to grant RBAC permissions not currently held`), func([]string) string {
		return "Kubernetes lets you grant only rights that you hold: use an identity with these rights, or with the verbs escalate and bind on the role"
	}},
	// plugin/pkg/admission/resourcequota
	{regexp.MustCompile(`(?:exceeded|failed) quota: ([^,:]+)|status unknown for quota: ([^,:]+)|insufficient quota to`), func(f []string) string {
		return "the ResourceQuota" + after(f[1]+f[2]) + " of the namespace does not allow it: raise the quota, or remove what is not needed there"
	}},
	// k8s.io/apiserver pkg/admission/plugin/namespace/lifecycle
	{regexp.MustCompile(`because it is being terminated`), func([]string) string {
		return "the namespace is being deleted: wait until it is gone, create it again, then call again"
	}},
	{regexp.MustCompile(`^namespaces "([^"]*)" not found`), func(f []string) string {
		return "the namespace " + word(f[1]) + " does not exist in this cluster: create it, or name the one that istiod runs in"
	}},
	// k8s.io/pod-security-admission
	{regexp.MustCompile(`violates PodSecurity "([^"]*)"`), func(f []string) string {
		return "the Pod Security level " + word(f[1]) + " of the namespace does not allow it: use a namespace with another level (label pod-security.kubernetes.io/enforce)"
	}},
	// plugin/pkg/admission/limitranger
	{regexp.MustCompile(`(?:maximum|minimum) \S+ (?:usage|limit|request)s? per|\blimit to request ratio per`), func([]string) string {
		return "the LimitRange of the namespace does not allow it: change that, or the resources that are asked for"
	}},
	{regexp.MustCompile(`(?i)request entity too large|request is too large|Too long: (?:must have at most|may not be more than)`), tooLarge},
	// k8s.io/apiserver pkg/endpoints/handlers/responsewriters/errors.go
	{regexp.MustCompile(`User "([^"]*)" cannot ([^ ]+) (?:resource "([^"]*)" in API group "([^"]*)"|path "([^"]*)")(?: in the namespace "([^"]*)")?`), missing},
}

// missing names the right that RBAC, or another authorizer, did not find.
func missing(f []string) string {
	what := f[5]
	if what == "" {
		what = f[3]
		if resource, sub, nested := strings.Cut(f[3], "/"); f[4] != "" {
			if what = resource + "." + f[4]; nested {
				what += "/" + sub
			}
		}
		if f[6] != "" {
			what += " in namespace " + f[6]
		}
	}
	return "give " + word(f[1]) + " the permission to " + printable.Line(f[2]+" "+what)
}

func tooLarge([]string) string {
	return "the object is larger than the API server takes (a Secret holds at most 1 MiB): make it smaller"
}

// fields names what is not valid.
func fields(status *metav1.Status) string {
	if status.Details == nil || len(status.Details.Causes) == 0 {
		return ""
	}
	var names []string
	for _, cause := range status.Details.Causes {
		if cause.Field != "" && len(names) < 3 {
			names = append(names, cause.Field)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return "see " + printable.Line(strings.Join(names, ", ")) + "; "
}

func word(text string) string { return `"` + printable.Line(text) + `"` }

func after(text string) string {
	if text == "" {
		return ""
	}
	return " " + word(text)
}
