// Package rbac says what an istiod may do in a cluster that it reads: the
// reader's ServiceAccount, its roles and their bindings, and the comparison of
// such rules. It is pure: no client, no I/O, the same output for the same input.
//
//   - [Render] makes the objects. [Explain] gives the reason and the source of
//     each rule, and names what a rule grants beyond need.
//   - [Missing] and [Extra] compare two lists of rules by meaning, as the API
//     server compares them when it checks for privilege escalation.
//   - [Allows] decides one request as the RBAC authorizer does. [ParseAccess]
//     reads such a request from text. [Access.Validate] refuses one that cannot be.
//   - [RulesOf] resolves bindings and aggregated ClusterRoles into rules.
//   - [Lint] and [Policy.Lint] find rights that no request matches, and those that
//     lead to more. [Diff] and [DiffPolicies] tell what access was won and lost.
//   - [Load] reads a [Policy] of roles and bindings from manifests. [Policy.Allows]
//     says whether a subject has an access, and why; [Policy.WhoCan] who has it.
//   - [FromAudit] reads from an audit log what a user did, and the least rules for it.
//
// The roles go into the cluster that is read. Their rules depend on the version of
// the reading istiod, which runs in another cluster.
//
// There are four profiles:
//
//   - [ASM], the default, is the role of the ASM document "Mutual access between
//     remote and managed control plane workloads", rule for rule.
//   - [Upstream] is the role of Istio's istiod chart for a minor version.
//   - [RemoteControlPlane] is the same chart with istiodRemote.enabled (up to 1.23
//     global.externalIstiod).
//   - [Minimal] is what an istiod of that version reads: list and watch only, and a
//     Role for the one ConfigMap.
//
// All of them grant Secrets. istiod watches Secrets in every remote cluster (Istio
// pilot/pkg/credentials/kube/multicluster.go) and is never synced without them.
// PILOT_ENABLE_REMOTE_CREDENTIALS_CONTROLLER=false is meant to switch that off, but
// with it Istio 1.31 panics as soon as a remote secret appears. Treat the reader's
// token like an administrator's.
//
// Package rbac does not talk to a cluster: package peering applies what is
// rendered here, and rbac/rbactest holds assertions for tests of such rules.
package rbac
