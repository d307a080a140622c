//go:build linux

package e2e_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/internal/lab"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/probe"
)

// reading lets the limited user do all that Verify needs, except to run commands in pods.
const reading = `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: reading}
rules:
- {apiGroups: ["*"], resources: ["*"], verbs: [get, list, watch]}
- {apiGroups: [""], resources: [pods/portforward], verbs: [create]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: reading}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: reading}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: limited}]
`

var execForbidden = fault{
	name: "exec forbidden",
	inflict: func(t *testing.T, s *scene) func() {
		require.NoError(t, s.from.Apply(t.Context(), []byte(reading)))
		config, err := s.from.ConfigFor(lab.UserLimited)
		require.NoError(t, err)
		limited, err := peering.Connect(s.link.From.ID, config, peering.ConnectOptions{})
		require.NoError(t, err)
		return s.as(limited)
	},
	want: diagnosis{"proxy-endpoints", probe.Unknown, "may not run commands in the workload", "grant create and get on pods/exec"},
}

// noCurl asks for a program that is in no image: the lab finds curl for every container.
var noCurl = fault{
	name: "workload without curl",
	inflict: func(_ *testing.T, s *scene) func() {
		whole := s.link.From
		bare := *whole
		bare.Exec = func(namespace, pod, container string) probe.Executor {
			in := whole.Exec(namespace, pod, container)
			return probe.ExecutorFunc(func(ctx context.Context, c probe.Command) (probe.Output, error) {
				if c.Args[0] == "curl" {
					c.Args = append([]string{"no-curl"}, c.Args[1:]...)
				}
				return in.Exec(ctx, c)
			})
		}
		return s.as(&bare)
	},
	want: diagnosis{"teapot", probe.Unknown, "has no curl that runs", "samples sleep and curl"},
}

// as looks with another From.
func (s *scene) as(c *peering.Cluster) (mend func()) {
	was := s.link.From
	s.link.From = c
	return func() { s.link.From = was }
}
