// Package rbactest holds assertions for tests of RBAC rules, the reader's or
// any others:
//
//	func TestReader(t *testing.T) {
//		reader, err := rbac.Render(rbac.Options{Profile: rbac.Minimal})
//		…
//		rules := rbactest.RulesOf(t, reader.ClusterRole)
//		rbactest.Allows(t, rules, rbac.Access{Verb: "list", Resource: "nodes"})
//		rbactest.Denies(t, rules, rbactest.Access(t, "create configmaps -n kube-system"))
//		rbactest.Golden(t, "reader.yaml", reader)
//	}
//
// They test manifests as well, with their bindings and subjects: what helm template,
// kustomize build or kubectl get printed.
//
//	func TestShop(t *testing.T) {
//		p := rbactest.Load(t, "testdata/shop.yaml")
//		cart := rbac.ServiceAccount("shop", "cart")
//		rbactest.Can(t, p, cart, rbactest.Access(t, "list pods -n shop"))
//		rbactest.Cannot(t, p, cart, rbactest.Access(t, "get secrets")) // in any namespace, under any name
//		rbactest.NoEscalation(t, p, cart)
//		table.Check(t, p)                  // a Matrix: every subject and every access
//		rbactest.Mutate(t, p, table.Check) // every rule is needed by a row
//	}
//
// And they test programs: [Enforce] refuses a program under test what its rules lack.
//
//	func TestController(t *testing.T) {
//		enforced := rbactest.Enforce(t, role.Rules)
//		config.Wrap(enforced.Wrap)
//		…                                    // run the controller
//		require.Empty(t, enforced.Unused())  // and no rule is too many
//	}
//
// Equivalent and NoWiderThan compare rules with others, PolicyEquivalent and
// PolicyNoWiderThan policies.
//
// A failed assertion says what to change, and lets the test go on. An assertion that has
// nothing to look at ends the test instead of passing. That is so without an access, with
// an impossible one, with rules that grant nothing, and with a reader without objects.
// Golden ends the test in any case.
//
// The package registers no flag: a test binary may have its own -update.
package rbactest
