//go:build linux

package topology_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"
	"text/template"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/internal/lab"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/peering/traffic"
	"github.com/meshpeer/meshpeer/probe"
)

// inhabitants of a cluster: a client, a Service for each cluster of the lab, and Pods for its own alone. So an answer of
// "at-west" is one of west, however many clusters the client's istiod reads.
var inhabitants = template.Must(template.New("").Parse(`
apiVersion: v1
kind: ServiceAccount
metadata: {name: sleep, namespace: default}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: sleep, namespace: default}
spec:
  selector: {matchLabels: {app: sleep}}
  template:
    metadata: {labels: {app: sleep}}
    spec:
      terminationGracePeriodSeconds: 0
      serviceAccountName: sleep
      containers:
      - {name: sleep, image: docker.io/curlimages/curl:8.16.0, command: [/bin/sleep, infinity]}
{{range .All}}
---
apiVersion: v1
kind: Service
metadata: {name: at-{{.ID}}, namespace: default, labels: {app: at-{{.ID}}}}
spec:
  selector: {app: at-{{.ID}}}
  ports: [{name: http, port: 8000, targetPort: 8080}]
{{end}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: at-{{.ID}}, namespace: default}
spec:
  selector: {matchLabels: {app: at-{{.ID}}}}
  template:
    metadata: {labels: {app: at-{{.ID}}}}
    spec:
      containers:
      - name: httpbin
        image: docker.io/mccutchen/go-httpbin:v2.26.0
        env:
        - {name: USE_REAL_HOSTNAME, value: "true"}
        - {name: LOG_LEVEL, value: ERROR}
        ports: [{containerPort: 8080}]
        readinessProbe:
          httpGet: {path: /status/200, port: 8080}
`))

// inhabit applies them; their Pods are awaited by awaitInhabitants.
func inhabit(ctx context.Context, l *lab.Lab, id string) error {
	var text bytes.Buffer
	if err := inhabitants.Execute(&text, map[string]any{"ID": id, "All": l.Clusters}); err != nil {
		return err
	}
	return l.Cluster(id).Apply(ctx, text.Bytes())
}

func awaitInhabitants(ctx context.Context, l *lab.Lab, id string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return l.Cluster(id).WaitPods(ctx, "default", "app in (sleep,at-"+id+")", 2)
}

// workloadOf is what a link is tried with.
func workloadOf(to string) *traffic.Workload {
	return &traffic.Workload{Service: "at-" + to, Poll: probe.Poll{Timeout: 10 * time.Second}, Asks: 3}
}

// results of a link by the name of their check.
func results(l peering.LinkReport) map[string]probe.Result {
	all := map[string]probe.Result{}
	for _, r := range l.Results {
		all[r.Check] = r
	}
	return all
}

// blocking are the checks that stopped a link.
func blocking(t *testing.T, err error) (all []string) {
	t.Helper()
	blocked, is := errors.AsType[*peering.PreflightError](err)
	require.True(t, is, "%v", err)
	for _, f := range blocked.Findings {
		if f.Status == probe.Failed && f.Severity == preflight.Blocks {
			all = append(all, f.ID)
		}
	}
	return slices.Compact(all)
}

// answered climbs all levels up to an answer of To.
func answered(t *testing.T, link peering.Link, to string) {
	t.Helper()
	workload := workloadOf(to)
	workload.Poll.Timeout = 15 * time.Second
	report, err := (&peering.Peering{Workload: workload}).Verify(t.Context(), link)
	require.NoError(t, err)
	require.Equal(t, probe.Passed, results(report.Links[0])["answered-by"].Status, "%+v", report.Links[0].Results)
}
