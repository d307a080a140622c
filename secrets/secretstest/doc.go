// Package secretstest holds conformance suites for the seams of package secrets: what API servers promise to token sources, and
// what token sources promise to those who use them. They are for people who write their own, over a vault for example:
//
//	func TestVault(t *testing.T) {
//		account := secretstest.Account{Request: secrets.Request{Namespace: "istio-system", ServiceAccount: "reader"}, Authenticate: …}
//		secretstest.TestTokenSource(t, vault, account)
//		secretstest.TestRevoker(t, func() secrets.TokenSource { return newVault() }, account) // if it revokes
//		secretstest.TestResumer(t, vault, client, account)                                    // if it resumes
//	}
//
// Each rule is a subtest of its name. All suites pass on the sources of package secrets, over the in-memory API servers of
// package peeringtest and over real ones alike.
package secretstest
