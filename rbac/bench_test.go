package rbac_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/rbac"
)

// rendered is a stream of n documents: of ten, four are roles and bindings of one of n/10 teams, the others are of other kinds.
func rendered(n int) string {
	var b strings.Builder
	for i := range n / 10 {
		fmt.Fprintf(&b, `---
# Source: team/templates/role.yaml
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: team, namespace: team-%[1]d}
rules:
- {apiGroups: [""], resources: [pods, pods/log, configmaps], verbs: [get, list, watch]}
- {apiGroups: [apps], resources: [deployments], verbs: [get, list, watch, update, patch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: team, namespace: team-%[1]d}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: team}
subjects: [{kind: Group, apiGroup: rbac.authorization.k8s.io, name: team-%[1]d}, {kind: ServiceAccount, name: deployer}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: team-%[1]d-nodes}
rules:
- {apiGroups: [""], resources: [nodes], verbs: [get, list]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: team-%[1]d-nodes}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: team-%[1]d-nodes}
subjects: [{kind: Group, apiGroup: rbac.authorization.k8s.io, name: team-%[1]d}]
`, i)
		for j := range 6 {
			fmt.Fprintf(&b, `---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: app-%d
  namespace: team-%d
  labels: {app.kubernetes.io/name: app, app.kubernetes.io/managed-by: Helm}
spec:
  replicas: 2
  selector: {matchLabels: {app: app}}
  template:
    metadata: {labels: {app: app}}
    spec:
      serviceAccountName: deployer
      containers:
      - {name: app, image: registry.example.com/app:1, ports: [{containerPort: 8080}], resources: {limits: {memory: 64Mi}}}
`, j, i)
		}
	}
	return b.String()
}

// BenchmarkLoad reads a stream of 5 000 documents.
func BenchmarkLoad(b *testing.B) {
	text := rendered(5_000)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		p, err := rbac.Load(strings.NewReader(text))
		require.NoError(b, err)
		require.Len(b, p.Objects(), 2_000)
	}
}

// BenchmarkPolicyAllows asks 10 000 questions of a policy of 2 000 objects, of which every second is allowed.
func BenchmarkPolicyAllows(b *testing.B) {
	p, err := rbac.Load(strings.NewReader(rendered(5_000)))
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		allowed := 0
		for i := range 10_000 {
			namespace := fmt.Sprintf("team-%d", i%500)
			a := rbac.Access{Verb: []string{"list", "delete"}[i%2], Resource: "pods", Namespace: namespace}
			if p.Allows(rbac.ServiceAccount(namespace, "deployer"), a).Allowed {
				allowed++
			}
		}
		require.Equal(b, 5_000, allowed)
	}
}
