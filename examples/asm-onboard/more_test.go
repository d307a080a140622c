package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/examples/asm-onboard/asmapi"
	"github.com/meshpeer/meshpeer/examples/asm-onboard/asmtest"
)

// Stopped at each request in turn: it says at which step, and the next run goes on without adding the cluster again.
func TestCancelled(t *testing.T) {
	whole := newWorld(t)
	require.Zero(t, whole.run(t, t.Context(), "-apply").exit)
	requests := len(whole.asm.Calls(""))
	require.Greater(t, requests, 10)
	for n := 1; n <= requests; n++ {
		t.Run(fmt.Sprint("at request ", n), func(t *testing.T) {
			w := newWorld(t)
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			seen := 0
			w.hook = func(asmtest.Call) {
				if seen++; seen == n {
					stop()
				}
			}
			got := w.run(t, ctx, "-apply", "-timeout", "30s")
			require.Equal(t, 1, got.exit, got.all())
			require.Regexp(t, named, got.lastLine())
			require.Contains(t, got.lastLine(), "context canceled")
			require.Contains(t, got.lastLine(), "run it again")
			require.Equal(t, n, len(w.asm.Calls("")), "it went on asking")
			w.hook = nil
			got = w.run(t, t.Context(), "-apply")
			require.Zero(t, got.exit, got.all())
			require.Equal(t, 1, w.asm.Adds("cluster-2"))
		})
	}
}

// Stopped while it waits for ASM.
func TestCancelledWaiting(t *testing.T) {
	w := newWorld(t)
	w.asm.Change("cluster-2", func(c *asmtest.Cluster) { c.Stuck = true })
	ctx, stop := context.WithCancel(t.Context())
	w.every, w.wrote = time.Hour, func(line string) {
		if strings.Contains(line, "msg=waiting") {
			stop()
		}
	}
	got := w.run(t, ctx, "-apply", "-timeout", "10h")
	require.Equal(t, 1, got.exit)
	require.Equal(t, "asm-onboard: settle: context canceled; run it again: it goes on from what is there", got.lastLine())
}

// Both are in the mesh, and nothing but the link is missing.
func TestPlanOfALink(t *testing.T) {
	w := newWorld(t, func(o *asmtest.Options) { o.Clusters[1].InMesh = true })
	mesh := w.input(t, "instance: "+instance+"\nclusters: [{id: cluster-1}, {id: cluster-2}]\nworkload: {}")
	got := w.run(t, t.Context(), "-plan", "-mesh", mesh)
	require.Equal(t, 2, got.exit)
	require.Contains(t, got.stdout, "there are changes")
	require.False(t, w.peered(t))
	require.Zero(t, w.run(t, t.Context(), "-apply", "-mesh", mesh).exit)
	require.True(t, w.peered(t))
	require.Zero(t, w.run(t, t.Context(), "-plan", "-mesh", mesh).exit)
	require.Zero(t, w.asm.Adds("cluster-2"))
	require.Empty(t, w.asm.Calls("UpdateMeshMultiClusterNetwork"))
}

// What preflight refuses is a finding, and what is tolerated goes as far as it goes.
func TestForeignSecret(t *testing.T) {
	w := newWorld(t)
	_, err := w.mesh.Member("cluster-2").Create(t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "istio-system", Name: "istio-remote-secret-cluster-1"}, Data: map[string][]byte{"a": []byte("b")},
	})
	require.NoError(t, err)
	got := w.run(t, t.Context(), "-apply")
	require.Equal(t, 2, got.exit, got.all())
	require.Contains(t, got.lastLine(), "check: findings forbid it")
	require.Contains(t, got.stdout, "secret-name-free")

	mesh := w.input(t, "instance: "+instance+"\nclusters: [{id: cluster-1}, {id: cluster-2}]\ntolerate: [secret-name-free]")
	got = w.run(t, t.Context(), "-apply", "-mesh", mesh)
	require.Equal(t, 1, got.exit, got.all())
	require.Regexp(t, "^asm-onboard: peer: ", got.lastLine())
	require.Contains(t, got.all(), "warned  secret-name-free")
}

// A kubeconfig lasts 15 minutes, and adding a cluster may take longer.
func TestKubeconfigsAreRenewed(t *testing.T) {
	w := newWorld(t)
	w.hook = func(c asmtest.Call) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if c.Action == "DescribeMeshMultiClusterNetwork" && w.now == 0 {
			w.now = 11 * time.Minute
		}
	}
	require.Zero(t, w.run(t, t.Context(), "-apply").exit)
	calls := w.asm.Calls("DescribeClusterUserKubeconfig")
	require.Len(t, calls, 4, "two for each cluster: 4 minutes are not enough to start with")
	for _, c := range calls {
		require.Equal(t, "15", c.Query["TemporaryDurationMinutes"])
		require.Equal(t, "false", c.Query["PrivateIpAddress"])
	}
}

// What others have set, and what this program does not know, stays.
func TestNetworksOfOthersStay(t *testing.T) {
	w := newWorld(t, func(o *asmtest.Options) {
		o.Networks = map[string]any{
			"cluster-1": map[string]any{"Network": "old", "EnableGateway": false, "GatewayName": "asm-cross-network-cluster-1", "Later": 1},
			"cluster-9": map[string]any{"Network": "theirs", "EnableGateway": true, "CustomGatewayAddress": "198.51.100.7:15443", "Later": []any{"x"}},
		}
	})
	require.Zero(t, w.run(t, t.Context(), "-apply").exit)
	calls := w.asm.Calls("UpdateMeshMultiClusterNetwork")
	require.Len(t, calls, 1)
	require.JSONEq(t, `{
		"cluster-1": {"Network": "network-1", "EnableGateway": true, "GatewayName": "asm-cross-network-cluster-1", "Later": 1},
		"cluster-2": {"Network": "network-2", "EnableGateway": true},
		"cluster-9": {"Network": "theirs", "EnableGateway": true, "CustomGatewayAddress": "198.51.100.7:15443", "Later": ["x"]}
	}`, calls[0].Body["MultiClusterNetworks"])
}

// A cluster outside of ACK brings its own kubeconfig, which ASM is given; nobody else sees it, not even if ASM sends it back.
func TestOwnKubeconfig(t *testing.T) {
	w := newWorld(t, func(o *asmtest.Options) { o.Clusters[1].Unknown = true })
	endpoint, file, token := w.mesh.Member("cluster-2").Endpoint, filepath.Join(t.TempDir(), "kubeconfig"), rand.Text()
	text := asmtest.Kubeconfig(endpoint.Server, endpoint.CA, token)
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	input, err := json.Marshal(map[string]any{"instance": instance, "clusters": []any{
		map[string]any{"id": "cluster-1"}, map[string]any{"id": "cluster-2", "kubeconfig": file, "discoveryOnly": true},
	}, "workload": map[string]any{}})
	require.NoError(t, err)
	mesh := w.input(t, string(input))
	w.asm.Inject(asmtest.Fault{Action: "AddClusterIntoServiceMesh", Failure: asmtest.Quoting})
	refused := w.run(t, t.Context(), "-apply", "-mesh", mesh)
	require.Equal(t, 1, refused.exit)
	require.Contains(t, refused.lastLine(), "what is this")
	require.NotContains(t, refused.all(), token)

	got := w.run(t, t.Context(), "-apply", "-mesh", mesh)
	require.Zero(t, got.exit, got.all())
	require.Contains(t, got.stdout, "ASM does not list it")
	require.NotContains(t, got.all(), token)
	calls := w.asm.Calls("AddClusterIntoServiceMesh")
	require.Len(t, calls, 2)
	require.Equal(t, text, calls[1].Body["Kubeconfig"])
	require.Equal(t, "true", calls[1].Body["DiscoveryOnly"])
	require.Len(t, w.asm.Calls("DescribeClusterUserKubeconfig"), 2, "of cluster-1, in each run")
}

// What stands in the way of peering, and not of adding.
func TestFindings(t *testing.T) {
	for name, c := range map[string]struct {
		edit  func(*asmtest.Options)
		input string
		exit  int
		says  string
	}{
		"no control plane of its own":  {func(o *asmtest.Options) { o.Planes = []string{"my-context"} }, "", 2, `externalIstiodConfigurations names ["my-context"], none of the wanted clusters`},
		"an instance that starts":      {func(o *asmtest.Options) { o.State = "starting" }, "", 1, `the instance is "starting"`},
		"an instance that is old":      {func(o *asmtest.Options) { o.Version = "v1.22.6.72-gdeadbeef-aliyun" }, "", 0, "ASMMeshConfig needs 1.24"},
		"an instance without version":  {func(o *asmtest.Options) { o.Version = "latest" }, "", 0, `version "latest" cannot be read`},
		"another instance":             {func(o *asmtest.Options) { o.Mesh = "other" }, "", 1, "not found"},
		"a migration":                  {func(o *asmtest.Options) { o.Clusters[1].Flag = 4 }, "clusters: [{id: cluster-1}, {id: cluster-2, ignoreNamespaceCheck: true}]\nworkload: {}", 0, "is added in spite of that"},
		"no workload":                  {nil, "clusters: [{id: cluster-1}, {id: cluster-2}]", 3, "not all of it could be seen"},
		"a typing error":               {nil, "clusters: [{id: cluster-1, netwrok: {}}]", 1, "netwrok"},
		"one cluster":                  {nil, "clusters: [{id: cluster-1}]", 1, "a link needs two"},
		"twice the same":               {nil, "clusters: [{id: cluster-1}, {id: cluster-1}]", 1, "is named twice"},
		"a name that is no ID":         {nil, "clusters: [{id: My cluster}, {id: cluster-1}]", 1, "My cluster"},
		"a network without name":       {nil, "clusters: [{id: cluster-1, network: {enableGateway: true}}, {id: cluster-2}]", 1, "network.name: is empty"},
		"an address that is not used":  {nil, `clusters: [{id: cluster-1, network: {name: a, customGatewayAddress: "b:1"}}, {id: cluster-2}]`, 1, "is not used without enableGateway"},
		"a kubeconfig that is missing": {nil, "clusters: [{id: cluster-1}, {id: cluster-2, kubeconfig: none}]", 1, "access of cluster-2: open none"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(o *asmtest.Options) {
				if c.edit != nil {
					c.edit(o)
				}
			})
			args := []string{"-apply"}
			if c.input != "" {
				args = append(args, "-mesh", w.input(t, "instance: "+instance+"\n"+c.input))
			}
			got := w.run(t, t.Context(), args...)
			require.Equal(t, c.exit, got.exit, got.all())
			require.Contains(t, got.all(), c.says)
		})
	}
}

// A plan looks once, and does not wait for ASM.
func TestPlanDoesNotWait(t *testing.T) {
	w := newWorld(t, func(o *asmtest.Options) { o.Clusters[1].InMesh, o.Clusters[1].Stuck = true, true })
	got := w.run(t, t.Context(), "-plan")
	require.Equal(t, 2, got.exit)
	require.Contains(t, got.stdout, `ASM says that it is "starting"`)
	require.Contains(t, got.stdout, "Secret/istio-system/istio-remote-secret-cluster-1")
	require.Len(t, w.asm.Calls("DescribeClustersInServiceMesh"), 2)
	for _, c := range w.asm.Calls("") {
		require.True(t, strings.HasPrefix(c.Action, "Describe"), c.Action)
	}
}

func TestCommandLine(t *testing.T) {
	w := newWorld(t)
	require.Equal(t, 1, w.run(t, t.Context()).exit)
	require.Equal(t, 1, w.run(t, t.Context(), "-plan", "-apply").exit)
	require.Equal(t, 1, w.run(t, t.Context(), "-plan", "-mesh", "none.yaml").exit)
	require.Equal(t, 0, w.run(t, t.Context(), "-h").exit)
	require.Empty(t, w.asm.Calls(""))
	t.Setenv("DEBUG", "sdk,dara")
	require.True(t, asmapi.Leaks())
	got := w.run(t, t.Context(), "-apply")
	require.Equal(t, 1, got.exit)
	require.Contains(t, got.lastLine(), "unset it")
}
