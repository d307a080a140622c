//go:build linux

package matrix_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/internal/lab"
	"github.com/meshpeer/meshpeer/internal/lab/labtest"
	"github.com/meshpeer/meshpeer/peering"
)

// switched labels the namespace for another revision, and has a client that is injected by it.
const switched = `
apiVersion: v1
kind: Namespace
metadata: {name: default, labels: {istio.io/rev: canary}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: later, namespace: default}
spec:
  selector: {matchLabels: {app: later}}
  template:
    metadata: {labels: {app: later}}
    spec:
      terminationGracePeriodSeconds: 2
      containers:
      - {name: later, image: curlimages/curl, command: [/bin/sleep, infinity]}
`

// TestCanary upgrades the control plane of the reading cluster as Istio's guide to canary upgrades does.
func TestCanary(t *testing.T) {
	newer := lab.Releases()[len(lab.Releases())-1]
	for _, old := range older() {
		t.Run(old.Name, func(t *testing.T) {
			w := start(t, lab.Options{
				DataPlane: &lab.DataPlane{},
				Clusters: []lab.ClusterOptions{
					{ID: "cluster-1", Istio: newer.Name},
					{ID: "cluster-2", Istio: old.Name, Revisions: []lab.Revision{{Name: "canary", Istio: newer.Name}}},
				},
			})
			link := peering.Link{From: w.clusters[1], To: w.clusters[0]}
			here, p := w.Clusters[1], w.peering()
			row := func(column string, test func(t *testing.T) string) bool {
				return see(t, titleCanary, old.Name+" to "+newer.Name, column, test)
			}
			ready := row("both synced", func(t *testing.T) string {
				require.Len(t, here.Istiods, 2)
				report, err := p.Ensure(t.Context(), link)
				labtest.Passed(t, report, err)
				w.synced(t, link)
				return here.Istiods[0].Name + ", " + here.Istiods[1].Name
			})
			if !ready {
				return
			}
			require.NoError(t, here.Scale(t.Context(), "default", "httpbin", 0))
			require.NoError(t, here.WaitPods(t.Context(), "default", "app=httpbin", 0))
			w.asked(t, link)
			row("switched, old removed, rotated", func(t *testing.T) string {
				before := labtest.Call(t, here, "sleep")
				before.Reach(t, 50)
				require.NoError(t, here.Apply(t.Context(), []byte(switched)))
				require.NoError(t, here.WaitPods(t.Context(), "default", "app=later", 1))
				after := labtest.Call(t, here, "later")
				after.Reach(t, 50)
				n := before.End(t)
				require.NoError(t, here.RemoveRevision(t.Context(), "default"))
				require.Len(t, here.Istiods, 1)
				after.Reach(t, after.Count()+50)
				after.During(t, "Rotate", func() (*peering.Report, error) { return p.Rotate(t.Context(), link) })
				n += after.End(t)
				w.synced(t, link)
				return fmt.Sprintf("0 of %d requests failed", n)
			})
		})
	}
}
