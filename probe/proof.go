package probe

// Proof says how far something was shown. It is "" for what was not looked at.
type Proof string

const (
	// Proved means shown in a way that could have come out otherwise: by two independent signs, or against a control.
	Proved Proof = "proved"
	// Observed means that one sign speaks for it and none against it.
	Observed Proof = "observed"
	// Unproved means that nothing speaks for it, or that signs disagree: it is unknown.
	Unproved Proof = "unknown"
)

// Status is Passed for Proved, Warned for Observed, else Unknown.
func (p Proof) Status() Status {
	switch p {
	case Proved:
		return Passed
	case Observed:
		return Warned
	default:
		return Unknown
	}
}
