//go:build linux

package onlab_test

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/meshpeer/meshpeer/internal/lab"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/traffic"
	"github.com/meshpeer/meshpeer/probe"

	"github.com/meshpeer/meshpeer/examples/asm-onboard/asmapi"
	"github.com/meshpeer/meshpeer/examples/asm-onboard/asmtest"
	"github.com/meshpeer/meshpeer/examples/asm-onboard/onboard"
)

func TestMain(m *testing.M) { os.Exit(lab.RunTests(m)) }

// outsider is a client without sidecar, whom mutual TLS keeps out of what it proves.
const outsider = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: plain}
spec:
  selector: {matchLabels: {app: plain}}
  template:
    metadata: {labels: {app: plain, sidecar.istio.io/inject: "false"}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - {name: curl, image: curlimages/curl, command: [/bin/sleep, infinity]}
`

// meshConfig is the custom resource of an ASM instance, in the form that its documentation shows. Its definition is ours.
const meshConfig = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: asmmeshconfigs.istio.alibabacloud.com}
spec:
  group: istio.alibabacloud.com
  scope: Cluster
  names: {kind: ASMMeshConfig, plural: asmmeshconfigs, singular: asmmeshconfig}
  versions:
  - name: v1beta1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
`

const meshConfigDefault = `
apiVersion: istio.alibabacloud.com/v1beta1
kind: ASMMeshConfig
metadata: {name: default}
spec: {externalIstiodConfigurations: {cluster-2: {replicas: 2}}}
`

// ASM's shape: cluster-1 under a control plane that is hosted outside and reads both, cluster-2 with its own. From the
// instance's ID to requests that cluster-1 answers, with kubeconfigs of real API servers, one of which is refused with 401.
func TestOnboard(t *testing.T) {
	lab.RequireDataPlane(t)
	l, err := lab.Start(t.Context(), lab.Options{
		Clusters:  []lab.ClusterOptions{{ID: "cluster-1", Hosted: true}, {ID: "cluster-2", Istiods: 2}},
		DataPlane: &lab.DataPlane{},
	})
	require.NoError(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			_ = l.Logs(os.Stderr, 10)
		}
		require.NoError(t, l.Close())
	})
	for _, c := range l.Clusters {
		require.NoError(t, c.Apply(t.Context(), []byte(outsider)))
	}
	require.NoError(t, l.Clusters[0].Apply(t.Context(), []byte(meshConfig)))
	require.Eventually(t, func() bool { return l.Clusters[0].Apply(t.Context(), []byte(meshConfigDefault)) == nil }, 30*time.Second, 100*time.Millisecond, "its kind is not served")
	for _, c := range l.Clusters {
		require.NoError(t, c.WaitPods(t.Context(), "default", "app=plain", 1))
	}

	asm := standIn(t, l)
	asm.Inject(asmtest.Fault{Action: "AddClusterIntoServiceMesh", Failure: asmtest.LostReply})
	asm.Inject(asmtest.Fault{Failure: asmtest.Throttling, Times: 2})
	client, err := asmapi.New(asmapi.Options{
		Endpoint: asm.Endpoint(), ContainerEndpoint: asm.Endpoint(), Protocol: "http", Credential: asm.Credential(), Pause: time.Millisecond,
	})
	require.NoError(t, err)
	var log bytes.Buffer
	o := &onboard.Onboarding{
		API: client, Log: slog.New(slog.NewTextHandler(&log, nil)), Every: 20 * time.Millisecond,
		Mesh: onboard.Mesh{
			Instance: "mesh", Workload: &traffic.Workload{Control: "plain"},
			Clusters: []onboard.Member{{ID: peering.MustID("cluster-1")}, {ID: peering.MustID("cluster-2"), IgnoreNamespaceCheck: true}},
		},
		Connect: func(id peering.ID, config *rest.Config, c peering.ConnectOptions) (*peering.Cluster, error) {
			c.AllowLoopback = l.Loopback
			return peering.Connect(id, config, c)
		},
	}
	refuses(t, l)

	plan, err := o.Plan(t.Context())
	require.NoError(t, err, log.String())
	require.True(t, plan.Pending())
	require.Zero(t, asm.Adds("cluster-2"))

	applied, err := o.Apply(t.Context())
	var out bytes.Buffer
	require.NoError(t, applied.WriteText(&out))
	require.NoError(t, err, out.String()+log.String())
	t.Log(out.String())
	require.Equal(t, 1, asm.Adds("cluster-2"))
	require.Contains(t, log.String(), "kubeconfig refused", "the API server refused none")
	require.Equal(t, probe.Passed, applied.Verified.Links[0].Status, "cluster-2 -> cluster-1")
	require.Equal(t, probe.Unknown, applied.Verified.Links[1].Status, "the hosted control plane cannot be asked")
	require.Equal(t, probe.Passed, applied.Status(), "but its workloads got their answer")
	for _, secret := range asm.Secrets() {
		require.NotContains(t, out.String()+log.String(), secret)
	}

	marks := []lab.AuditMark{l.Clusters[0].Audit(), l.Clusters[1].Audit()}
	again, err := o.Apply(t.Context())
	require.NoError(t, err)
	require.Empty(t, again.Changes)
	require.False(t, again.Peered.Changed())
	require.Equal(t, 1, asm.Adds("cluster-2"))
	for i, c := range l.Clusters {
		events, err := c.AuditSince(marks[i])
		require.NoError(t, err)
		n := lab.CountAudit(events, func(e lab.AuditEvent) bool { return e.User == lab.UserAdmin })
		require.Zero(t, n.Writes+n.Tokens, c.ID)
	}
}

// standIn hands out the kubeconfigs of the lab's clusters, the second one of cluster-2 with a token that no API server knows.
// The instance's own API server is that of cluster-1, as that of its control plane is.
func standIn(t *testing.T, l *lab.Lab) *asmtest.Server {
	t.Helper()
	o := asmtest.Options{Mesh: "mesh"}
	for i, c := range l.Clusters {
		issued := 0
		access := asmtest.Access{Server: c.Server, CA: c.CA, Token: func() string {
			if issued++; i == 1 && issued == 2 {
				return "no-token-of-" + c.ID
			}
			return c.Config.BearerToken
		}}
		if i == 0 {
			o.Config = &access
		}
		o.Clusters = append(o.Clusters, asmtest.Cluster{ID: c.ID, InMesh: i == 0, Flag: 4 * i, Joining: 3, Access: access})
	}
	asm := asmtest.New(o)
	t.Cleanup(asm.Close)
	return asm
}

// refuses proves that a real API server answers 401 to what the stand-in will hand out.
func refuses(t *testing.T, l *lab.Lab) {
	t.Helper()
	config := rest.CopyConfig(l.Clusters[1].Config)
	config.BearerToken = "no-token-of-cluster-2"
	c, err := peering.Connect(peering.MustID("cluster-2"), config, peering.ConnectOptions{AllowLoopback: l.Loopback})
	require.NoError(t, err)
	_, err = c.Side().Objects.Get(context.Background(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "kube-system"}})
	require.True(t, apierrors.IsUnauthorized(err), "%v", err)
}
