package secretstest

// The rules, for tests that hold broken implementations to them.
var (
	SecretClientRules = secretClientRules
	TokenCreatorRules = tokenCreatorRules
	TokenSourceRules  = tokenSourceRules
	RevokerRules      = revokerRules
	ResumerRules      = resumerRules
)
