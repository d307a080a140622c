package rbac

// Explain returns the rules that Render would put into the ClusterRole, in the
// same order, each with its reason, its source and what it grants beyond need.
// Errors are those of Render.
func Explain(o Options) ([]Rule, error) {
	r, err := o.resolve()
	if err != nil {
		return nil, err
	}
	return r.rules(), nil
}

// rules is the one place that knows which rules a profile has.
func (r *resolved) rules() []Rule {
	switch r.Profile {
	case ASM:
		return chartRules(asmShape())
	case Minimal:
		return minimalRules()
	default:
		return chartRules(upstreamShape(r.minor, r.Profile == RemoteControlPlane))
	}
}
