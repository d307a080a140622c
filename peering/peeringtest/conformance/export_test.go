package conformance

// The rules, for tests that hold broken implementations to them.
var (
	ObjectRules = objectRules
	Samples     = samples
	ReviewRules = reviewRules
	AsRules     = asRules
	IstiodRules = istiodRules
	CheckRules  = checkRules
	AuditRules  = auditRules
)
