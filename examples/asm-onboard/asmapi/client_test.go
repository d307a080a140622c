package asmapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aliyun/credentials-go/credentials"
	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/examples/asm-onboard/asmapi"
	"github.com/meshpeer/meshpeer/examples/asm-onboard/asmtest"
)

func connect(t *testing.T, asm *asmtest.Server, edit ...func(*asmapi.Options)) *asmapi.Client {
	t.Helper()
	o := asmapi.Options{Endpoint: asm.Endpoint(), ContainerEndpoint: asm.Endpoint(), Protocol: "http", Credential: asm.Credential(), Attempts: 3, Pause: time.Millisecond}
	for _, e := range edit {
		e(&o)
	}
	client, err := asmapi.New(o)
	require.NoError(t, err)
	return client
}

func stand(t *testing.T, o asmtest.Options) *asmtest.Server {
	o.Mesh = "mesh"
	asm := asmtest.New(o)
	t.Cleanup(asm.Close)
	return asm
}

// All pages, whatever their number.
func TestPages(t *testing.T) {
	for _, n := range []int{0, 1, 50, 51, 120} {
		o := asmtest.Options{}
		for i := range n {
			o.Clusters = append(o.Clusters, asmtest.Cluster{ID: fmt.Sprint("c", i), Flag: i % 5})
		}
		asm := stand(t, o)
		all, err := connect(t, asm).DescribeServiceMeshClusters(t.Context(), "mesh")
		require.NoError(t, err)
		require.Len(t, all, n)
		for i, c := range all {
			require.Equal(t, fmt.Sprint("c", i), c.ClusterID)
			require.Equal(t, i%5, c.ForbiddenFlag)
		}
		require.Len(t, asm.Calls(""), max(1, (n+49)/50))
	}
}

// What a failure is called, and how often it is sent.
func TestKinds(t *testing.T) {
	for _, c := range []struct {
		failure asmtest.Failure
		kind    asmapi.Kind
		reads   int // requests of a call that may be sent again
		adds    int
	}{
		{asmtest.Throttling, asmapi.Throttled, 3, 3},
		{asmtest.RejectedThrottle, asmapi.Throttled, 3, 3},
		{asmtest.Unavailable, asmapi.Unavailable, 3, 1},
		{asmtest.UnavailableLate, asmapi.Unavailable, 3, 1},
		{asmtest.Broken, asmapi.Unavailable, 3, 1},
		{asmtest.Forbidden, asmapi.Denied, 1, 1},
		{asmtest.NoSuchMesh, asmapi.NotFound, 1, 1},
		{asmtest.LostRequest, asmapi.NoReply, 3, 1},
		{asmtest.LostReply, asmapi.NoReply, 3, 1},
		{asmtest.NoJSON, asmapi.NoReply, 3, 1},
		{asmtest.Quoting, asmapi.Refused, 1, 1},
	} {
		t.Run(string(c.failure), func(t *testing.T) {
			asm := stand(t, asmtest.Options{Clusters: []asmtest.Cluster{{ID: "c1"}}})
			asm.Inject(asmtest.Fault{Failure: c.failure, Times: asmtest.Always})
			again := 0
			client := connect(t, asm, func(o *asmapi.Options) { o.Observe = func(asmapi.Again) { again++ } })
			_, err := client.DescribeClustersInServiceMesh(t.Context(), "mesh")
			require.Equal(t, c.kind, asmapi.KindOf(err), "%v", err)
			require.Len(t, asm.Calls("DescribeClustersInServiceMesh"), c.reads)
			require.Equal(t, c.reads-1, again)
			require.NotEmpty(t, err.(*asmapi.Error).Hint())

			err = client.AddClusterIntoServiceMesh(t.Context(), asmapi.AddCluster{Mesh: "mesh", Cluster: "c1"})
			require.Equal(t, c.kind, asmapi.KindOf(err), "%v", err)
			require.Len(t, asm.Calls("AddClusterIntoServiceMesh"), c.adds)
			require.Contains(t, err.Error(), "AddClusterIntoServiceMesh: "+string(c.kind))
		})
	}
}

// What answers 200 and is not ASM has told nothing: no action takes it for an empty list or for done.
func TestNotASM(t *testing.T) {
	for _, body := range []string{`{}`, `null`, `[]`, `{"RequestId":7}`, `{"clusters":[]}`, ``} {
		other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }))
		t.Cleanup(other.Close)
		endpoint := strings.TrimPrefix(other.URL, "http://")
		asm := stand(t, asmtest.Options{})
		client := connect(t, asm, func(o *asmapi.Options) { o.Endpoint, o.ContainerEndpoint, o.Attempts = endpoint, endpoint, 1 })
		ctx := t.Context()
		for name, call := range map[string]func() error{
			"detail":     func() error { _, err := client.DescribeServiceMeshDetail(ctx, "m"); return err },
			"candidates": func() error { _, err := client.DescribeServiceMeshClusters(ctx, "m"); return err },
			"members":    func() error { _, err := client.DescribeClustersInServiceMesh(ctx, "m"); return err },
			"add":        func() error { return client.AddClusterIntoServiceMesh(ctx, asmapi.AddCluster{Mesh: "m", Cluster: "c"}) },
			"networks":   func() error { _, err := client.DescribeMeshMultiClusterNetwork(ctx, "m"); return err },
			"set":        func() error { return client.UpdateMeshMultiClusterNetwork(ctx, "m", nil) },
			"instance":   func() error { _, err := client.DescribeServiceMeshKubeconfig(ctx, "m", false); return err },
			"cluster":    func() error { _, err := client.DescribeClusterUserKubeconfig(ctx, "c", false, time.Hour); return err },
		} {
			require.Equal(t, asmapi.NoReply, asmapi.KindOf(call()), "%s of %s", name, body)
		}
	}
}

// A call ends with its context, also between two attempts.
func TestContext(t *testing.T) {
	asm := stand(t, asmtest.Options{})
	asm.Inject(asmtest.Fault{Failure: asmtest.Throttling, Times: asmtest.Always})
	ctx, stop := context.WithCancel(t.Context())
	client := connect(t, asm, func(o *asmapi.Options) {
		o.Pause = time.Hour
		o.Observe = func(asmapi.Again) { stop() }
	})
	_, err := client.DescribeServiceMeshDetail(ctx, "mesh")
	require.ErrorIs(t, err, context.Canceled)
	require.Len(t, asm.Calls(""), 1)
	_, err = client.DescribeServiceMeshDetail(ctx, "mesh")
	require.ErrorIs(t, err, context.Canceled)
	require.Len(t, asm.Calls(""), 1)
}

// broken is a credential whose provider quotes a secret.
type broken struct{ credentials.Credential }

func (broken) GetCredential() (*credentials.CredentialModel, error) {
	return nil, errors.New("line 3 of config: secret=hunter2hunter2hunter2")
}

func TestNoCredential(t *testing.T) {
	asm := stand(t, asmtest.Options{})
	client := connect(t, asm, func(o *asmapi.Options) { o.Credential = broken{} })
	_, err := client.DescribeServiceMeshDetail(t.Context(), "mesh")
	require.Equal(t, asmapi.NotAsked, asmapi.KindOf(err))
	require.NotContains(t, fmt.Sprintf("%+v %#v", err, err), "hunter2")
	require.Contains(t, err.(*asmapi.Error).Hint(), "ALIBABA_CLOUD_ACCESS_KEY_ID")
	require.Empty(t, asm.Calls(""))
}

func TestOptions(t *testing.T) {
	_, err := asmapi.New(asmapi.Options{})
	require.ErrorContains(t, err, "Options.Region")
	for _, o := range []asmapi.Options{
		{Region: "cn-hangzhou", Protocol: "http"},
		{Region: "cn-hangzhou", Protocol: "http", Endpoint: "127.0.0.1:1"},
		{Protocol: "http", Endpoint: "127.0.0.1:1", ContainerEndpoint: "localhost.example"},
	} {
		_, err := asmapi.New(o)
		require.ErrorContains(t, err, "use https", "%+v", o)
	}
}

// A kubeconfig prints as REDACTED, in whatever it is.
func TestKubeconfigIsSecret(t *testing.T) {
	secret := strings.Repeat("s3cr3t", 5)
	k := asmapi.NewKubeconfig(asmtest.Kubeconfig("https://192.0.2.1:6443", nil, secret), time.Time{})
	inside := struct {
		A asmapi.AddCluster
		k asmapi.Kubeconfig
	}{asmapi.AddCluster{Kubeconfig: k}, k}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "k", k, "in", inside)
	text, err := json.Marshal(inside)
	require.NoError(t, err)
	for _, printed := range []string{fmt.Sprintf("%v %+v %#v %s", k, k, k, k), fmt.Sprintf("%v %+v %#v", inside, inside, inside), string(text), log.String()} {
		require.NotContains(t, printed, secret)
		require.NotContains(t, printed, "192.0.2.1")
	}
	config, err := k.REST()
	require.NoError(t, err)
	require.Equal(t, secret, config.BearerToken)
}

// What comes from elsewhere runs no command here and reads no file.
func TestKubeconfigStaysInItself(t *testing.T) {
	const form = `{apiVersion: v1, kind: Config, current-context: x, contexts: [{name: x, context: {cluster: c, user: u}}],
		clusters: [{name: c, cluster: {server: "https://192.0.2.1:6443" %s}}], users: [{name: u, user: {%s}}]}`
	for user, want := range map[string]string{
		"exec: {apiVersion: client.authentication.k8s.io/v1, command: touch, interactiveMode: Never}": "a command",
		"auth-provider: {name: gcp}":                               "an auth provider",
		"tokenFile: /etc/passwd":                                   "the name of a file",
		"client-certificate: /etc/passwd, client-key: /etc/passwd": "the name of a file",
	} {
		_, err := asmapi.NewKubeconfig(fmt.Sprintf(form, "", user), time.Time{}).REST()
		require.ErrorContains(t, err, want)
	}
	_, err := asmapi.NewKubeconfig(fmt.Sprintf(form, ", certificate-authority: /etc/passwd", "token: x"), time.Time{}).REST()
	require.ErrorContains(t, err, "the name of a file")
	for _, text := range []string{"", "hunter2: [", "{apiVersion: v1, kind: Config}", "hunter2"} {
		_, err := asmapi.NewKubeconfig(text, time.Time{}).REST()
		require.Error(t, err)
		require.NotContains(t, err.Error(), "hunter2")
	}
}

// A server that sends back what it was sent gives nothing away.
func TestClean(t *testing.T) {
	kubeconfig := asmtest.Kubeconfig("https://192.0.2.1:6443", []byte("PEM"), "0123456789abcdef0123456789abcdef")
	said := asmapi.Clean("bad\x1b[31m certificate\n"+kubeconfig+" of c1", kubeconfig)
	require.NotContains(t, said, "0123456789abcdef")
	require.NotContains(t, said, "\x1b")
	require.NotContains(t, said, "\n")
	require.Equal(t, "token REDACTED ends", asmapi.Clean("token "+strings.Repeat("A1", 30)+" ends"))
	require.Equal(t, "of ccb37ff104caf419fbf48fb38e6f3a001", asmapi.Clean("of ccb37ff104caf419fbf48fb38e6f3a001"))
	require.LessOrEqual(t, len(asmapi.Clean(strings.Repeat("a b ", 1000))), 310)
}
