package secrets

// Severity says what a Problem costs.
type Severity string

const (
	// SeverityError means that istiod or the API server refuses it, or never sees it.
	SeverityError Severity = "error"
	// SeverityWarning means that istiod takes it, but it hardly does what was meant.
	SeverityWarning Severity = "warning"
)

// Problem is one finding of Lint. It holds no secrets and is an error value.
type Problem struct {
	// Key is the data key, the cluster ID; "" for the Secret as a whole.
	Key string `json:"key,omitempty"`
	// Field is the path within the Secret or the kubeconfig, such as
	// metadata.labels or users[east].exec.
	Field string `json:"field"`
	// Message says what is wrong, with istiod's own words where it has some.
	Message string `json:"message"`
	// Remedy says what to do.
	Remedy string `json:"remedy"`
	// Severity tells a refusal from a misunderstanding.
	Severity Severity `json:"severity"`
}

// Error returns the problem as one line.
func (p Problem) Error() string {
	key := p.Key
	if key != "" {
		key += ": "
	}
	return "secrets: " + key + p.Field + ": " + p.Message + "; " + p.Remedy
}
