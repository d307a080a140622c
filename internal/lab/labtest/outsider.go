//go:build linux

package labtest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/internal/lab"
)

// Outsider is the name of a Deployment without sidecar, the control of what is said of mutual TLS.
const Outsider = "outsider"

const outsider = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: outsider}
spec:
  selector: {matchLabels: {app: outsider}}
  template:
    metadata: {labels: {app: outsider, sidecar.istio.io/inject: "false"}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - {name: curl, image: curlimages/curl, command: [/bin/sleep, infinity]}
`

// AddOutsider adds it to every cluster of a lab with a data plane and waits until it runs.
func AddOutsider(t testing.TB, l *lab.Lab) {
	t.Helper()
	for _, c := range l.Clusters {
		require.NoError(t, c.Apply(t.Context(), []byte(outsider)))
	}
	for _, c := range l.Clusters {
		require.NoError(t, c.WaitPods(t.Context(), "default", "app="+Outsider, 1))
	}
}
