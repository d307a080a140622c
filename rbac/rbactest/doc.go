// Package rbactest holds assertions for tests of RBAC rules, the reader's or
// any others:
//
//	func TestReader(t *testing.T) {
//		reader, err := rbac.Render(rbac.Options{Profile: rbac.Minimal})
//		…
//		rbactest.Allows(t, reader.ClusterRole.Rules, rbac.Access{Verb: "list", Resource: "nodes"})
//		rbactest.Denies(t, reader.ClusterRole.Rules, rbac.Access{Verb: "create", Resource: "configmaps"})
//		rbactest.Golden(t, "reader.yaml", reader)
//	}
//
// A failed assertion says what to change. All but Golden let the test go on.
//
// The package registers no flag: a test binary may have its own -update.
package rbactest
