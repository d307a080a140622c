package secrets

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/meshpeer/meshpeer/internal/printable"
)

// LintOptions are what Lint knows of the istiod that is to read the Secret. The
// zero value is one in istio-system with Istio's defaults.
type LintOptions struct {
	// Namespace of istiod, the only one whose remote secrets it reads. Default istio-system.
	Namespace string
	// InsecureOptions are the credentials that this istiod permits: the parts of its
	// environment variable PILOT_INSECURE_MULTICLUSTER_KUBECONFIG_OPTIONS, split at
	// commas, such as exec, clientKey, clientCertificate and tokenFile (Istio
	// pilot/pkg/features/pilot.go). Default none.
	InsecureOptions []string
}

// Lint is LintOptions.Lint with the zero options: for an istiod in istio-system with
// Istio's defaults.
func Lint(secret *corev1.Secret) []Problem { return LintOptions{}.Lint(secret) }

// Lint reports every reason why istiod would refuse secret, overlook it or do something else with
// it than was intended: first the reasons of the Secret as a whole, then those of its keys in
// order. What Build would refuse is among them. No Problem holds a credential. Lint looks at the
// Secret alone: a verification tells whether the server answers and whether the token still works.
func (o LintOptions) Lint(secret *corev1.Secret) []Problem { return scan(secret, o).problems() }

// scanned is a Secret as istiod sees it.
type scanned struct {
	whole []Problem
	keys  []*inspection
}

func (s scanned) problems() []Problem {
	all := slices.Clone(s.whole)
	for _, in := range s.keys {
		all = append(all, in.problems...)
	}
	return all
}

func scan(secret *corev1.Secret, o LintOptions) scanned {
	permitted := map[string]bool{"": len(o.InsecureOptions) == 0} // what Go splits an empty list into
	for _, option := range o.InsecureOptions {
		permitted[option] = true
	}
	if secret == nil {
		return scanned{whole: []Problem{{Field: "secret", Message: "is nil", Remedy: "pass a Secret", Severity: SeverityError}}}
	}
	data := maps.Clone(secret.Data)
	if data == nil {
		data = map[string][]byte{}
	}
	for key, value := range secret.StringData {
		data[key] = []byte(value) // as the API server merges them
	}
	s := scanned{whole: lintWhole(secret, data, cmp.Or(o.Namespace, defaultNamespace))}
	for _, key := range sorted(data) {
		in := inspect(key, data[key], permitted)
		lintKey(in, key)
		s.keys = append(s.keys, in)
	}
	return s
}

func lintKey(in *inspection, key string) {
	if msgs := validation.IsConfigMapKey(key); len(msgs) > 0 {
		in.add(SeverityError, "data", "is not a valid data key: "+strings.Join(msgs, ", "), "use the cluster's ID")
	}
	if key == "Kubernetes" {
		in.add(SeverityWarning, "data", "is the default ID of an istiod: an istiod with this ID ignores the key",
			"give each cluster an ID of its own (chart value global.multiCluster.clusterName)")
	}
}

func lintWhole(secret *corev1.Secret, data map[string][]byte, namespace string) []Problem {
	var problems []Problem
	add := func(severity Severity, field, message, remedy string) {
		problems = append(problems, problem("", field, message, remedy, severity))
	}
	if value, found := secret.Labels[LabelMultiCluster]; value != "true" {
		message := "has no label " + LabelMultiCluster + ", so istiod does not see it"
		if found {
			message = fmt.Sprintf("label %s is %q, so istiod does not see it", LabelMultiCluster, value)
		}
		add(SeverityError, "metadata.labels", message, "set it to true, in lower case")
	}
	if msgs := validation.IsDNS1123Subdomain(secret.Name); secret.Name != "" && len(msgs) > 0 {
		add(SeverityError, "metadata.name", fmt.Sprintf("%q is not a valid name: %s", secret.Name, strings.Join(msgs, ", ")), "use what SecretName returns for the cluster's ID")
	}
	if secret.Namespace != namespace {
		add(SeverityWarning, "metadata.namespace", fmt.Sprintf("is %q, but istiod reads only its own namespace, %s", shownName(secret.Namespace), namespace),
			"use the namespace of the reading istiod")
	}
	if len(data) == 0 {
		add(SeverityError, "data", "holds no cluster", "add a key, the cluster's ID, with a kubeconfig")
	}
	size := 0
	for _, value := range data {
		size += len(value)
	}
	if size > corev1.MaxSecretSize {
		add(SeverityError, "data", fmt.Sprintf("has %d bytes, of at most %d", size, corev1.MaxSecretSize), "split it, one Secret for each cluster")
	}
	if name, found := secret.Annotations[AnnotationCluster]; found && len(data) > 0 && !has(data, name) {
		add(SeverityWarning, "metadata.annotations", fmt.Sprintf("%s is %q, which is not a data key; istiod goes by the keys", AnnotationCluster, shownName(name)), "make them agree")
	}
	if _, found := secret.Annotations[corev1.LastAppliedConfigAnnotation]; found {
		add(SeverityWarning, "metadata.annotations", "kubectl apply left a copy of the credential in "+corev1.LastAppliedConfigAnnotation,
			"remove the annotation and use server-side apply")
	}
	return problems
}

func has(data map[string][]byte, key string) bool { _, found := data[key]; return found }

// Severity says how grave a Problem is.
type Severity string

const (
	// SeverityError means that istiod or the API server refuses it, or never sees it.
	SeverityError Severity = "error"
	// SeverityWarning means that istiod accepts it, but that it probably does not do what was
	// intended.
	SeverityWarning Severity = "warning"
)

// Problem is one finding of Lint. It holds no secrets and is an error value.
type Problem struct {
	// Key is the data key, the cluster ID; "" for the Secret as a whole. One that
	// looks like a credential in a wrong place is REDACTED, here and below.
	Key string `json:"key,omitempty"`
	// Field is the path within the Secret or the kubeconfig, such as
	// metadata.labels or users[east].exec.
	Field string `json:"field"`
	// Message says what is wrong, in istiod's own words where istiod has a message for it.
	Message string `json:"message"`
	// Remedy says what to do.
	Remedy string `json:"remedy"`
	// Severity tells a refusal from a misunderstanding.
	Severity Severity `json:"severity"`
}

// problem makes a Problem that is fit to be shown.
func problem(key, field, message, remedy string, severity Severity) Problem {
	return Problem{Key: shownName(key), Field: printable.Line(field), Message: printable.Value(message), Remedy: printable.Value(remedy), Severity: severity}
}

// Error returns the problem as one line.
func (p Problem) Error() string {
	key := p.Key
	if key != "" {
		key += ": "
	}
	return "secrets: " + key + p.Field + ": " + p.Message + "; " + p.Remedy
}
