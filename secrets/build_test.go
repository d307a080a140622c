package secrets_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/meshpeer/meshpeer/internal/golden"
	"github.com/meshpeer/meshpeer/secrets"
)

// remote is a good one, with a placeholder for a token.
func remote(t testing.TB) secrets.Remote {
	return secrets.Remote{
		Cluster:  "east",
		Endpoint: secrets.Endpoint{Server: "https://api.east.example.com:6443", CA: testCA(t)},
		Token:    secrets.NewToken("token", time.Time{}),
	}
}

func TestBuildGolden(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*secrets.Remote, *secrets.Options)
	}{
		{"plain", func(*secrets.Remote, *secrets.Options) {}},
		{"uid-as-id", func(r *secrets.Remote, _ *secrets.Options) { r.Cluster = "54643f96-eca0-11e9-bb97-42010a80000a" }},
		{"upper-case-id", func(r *secrets.Remote, _ *secrets.Options) { r.Cluster = "East_1" }},
		{"number-as-id", func(r *secrets.Remote, _ *secrets.Options) { r.Cluster = "0123" }},
		{"server-name-and-proxy", func(r *secrets.Remote, _ *secrets.Options) {
			r.Endpoint.Server = "https://10.0.0.1"
			r.Endpoint.TLSServerName = "kubernetes.default.svc"
			r.Endpoint.ProxyURL = "http://proxy.example.com:3128"
		}},
		{"insecure", func(r *secrets.Remote, _ *secrets.Options) {
			r.Endpoint.CA, r.Endpoint.InsecureSkipTLSVerify = nil, true
		}},
		{"options", func(_ *secrets.Remote, o *secrets.Options) {
			o.Namespace, o.Name = "istio-canary", "mine"
			o.Labels = map[string]string{"team": "mesh", secrets.LabelMultiCluster: "true"}
			o.Annotations = map[string]string{"example.com/Note": "free text"}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, o := remote(t), secrets.Options{}
			c.change(&r, &o)
			secret, err := secrets.Build(r, o)
			require.NoError(t, err)
			// Readable: the kubeconfig as text, which the API server would store as data.
			readable := secret.DeepCopy()
			readable.Data, readable.StringData = nil, map[string]string{}
			for key, value := range secret.Data {
				readable.StringData[key] = string(value)
			}
			got, err := yaml.Marshal(readable)
			require.NoError(t, err)
			golden.Equal(t, "build/"+c.name+".yaml", got)

			require.Empty(t, errorsOf(secrets.Lint(secret)))
			back, err := secrets.Parse(secret)
			require.NoError(t, err)
			require.Len(t, back, 1)
			requireSame(t, r, back[0])
		})
	}
}

func TestBuildIsDeterministic(t *testing.T) {
	first, err := secrets.Build(remote(t), secrets.Options{Labels: map[string]string{"a": "1", "b": "2"}})
	require.NoError(t, err)
	for range 20 {
		again, err := secrets.Build(remote(t), secrets.Options{Labels: map[string]string{"b": "2", "a": "1"}})
		require.NoError(t, err)
		require.Equal(t, first, again)
	}
}

func TestBuildKeepsItsHandsOffTheOptions(t *testing.T) {
	o := secrets.Options{Labels: map[string]string{"a": "1"}, Annotations: map[string]string{}}
	_, err := secrets.Build(remote(t), o)
	require.NoError(t, err)
	require.Equal(t, map[string]string{"a": "1"}, o.Labels)
	require.Empty(t, o.Annotations)
}

func TestBuildRefuses(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*secrets.Remote, *secrets.Options)
		want   string
	}{
		{"no ID", func(r *secrets.Remote, _ *secrets.Options) { r.Cluster = "" }, "Remote.Cluster: is not a cluster ID"},
		{"ID from a shell", func(r *secrets.Remote, _ *secrets.Options) { r.Cluster = "1 ID" }, `Remote.Cluster "1 ID": is not a cluster ID`},
		{"ID ?-invalid-name", func(r *secrets.Remote, _ *secrets.Options) { r.Cluster = "?-invalid-name" }, "is not a cluster ID"},
		{"ID ..", func(r *secrets.Remote, _ *secrets.Options) { r.Cluster = ".." }, "is not a cluster ID"},
		{"ID too long", func(r *secrets.Remote, _ *secrets.Options) { r.Cluster = strings.Repeat("a", 254) }, "is not a cluster ID"},
		{"no server", func(r *secrets.Remote, _ *secrets.Options) { r.Endpoint.Server = "" }, "Endpoint.Server: is empty"},
		{"no token", func(r *secrets.Remote, _ *secrets.Options) { r.Token = secrets.Token{} }, "Remote.Token: is empty"},
		{"token with a line end", func(r *secrets.Remote, _ *secrets.Options) { r.Token = secrets.NewToken("secret\n", time.Time{}) }, "Remote.Token: holds a space"},
		{"token not ASCII", func(r *secrets.Remote, _ *secrets.Options) { r.Token = secrets.NewToken("sécret", time.Time{}) }, "Remote.Token: holds a space"},
		{"other credential", func(r *secrets.Remote, _ *secrets.Options) { r.Credential = "basic auth" }, `Remote.Credential "basic auth": is not a bearer token alone`},
		{"CA file", func(r *secrets.Remote, _ *secrets.Options) { r.CAFile = "/ca.crt" }, `Remote.CAFile "/ca.crt": names a file`},
		{"namespace", func(_ *secrets.Remote, o *secrets.Options) { o.Namespace = "a.b" }, `Options.Namespace "a.b": is not a valid name`},
		{"name", func(_ *secrets.Remote, o *secrets.Options) { o.Name = "East" }, `Options.Name "East": is not a valid name`},
		{"label", func(_ *secrets.Remote, o *secrets.Options) { o.Labels = map[string]string{"a b": "", "c": "-"} }, `Options.Labels[c] "-": is not a valid label`},
		{"annotation", func(_ *secrets.Remote, o *secrets.Options) { o.Annotations = map[string]string{"a b": ""} }, `Options.Annotations[a b]: is not a valid annotation key`},
		{"last applied", func(_ *secrets.Remote, o *secrets.Options) {
			o.Annotations = map[string]string{corev1.LastAppliedConfigAnnotation: "secret"}
		}, `belongs to kubectl apply`},
		{"label of istiod", func(_ *secrets.Remote, o *secrets.Options) {
			o.Labels = map[string]string{secrets.LabelMultiCluster: "false"}
		}, `Options.Labels[istio/multiCluster] "false": differs`},
		{"annotation of istioctl", func(_ *secrets.Remote, o *secrets.Options) {
			o.Annotations = map[string]string{secrets.AnnotationCluster: "west"}
		}, `Options.Annotations[networking.istio.io/cluster] "west": differs`},
		{"too large", func(r *secrets.Remote, _ *secrets.Options) {
			r.Endpoint.CA = bytes.Repeat(r.Endpoint.CA, 2000)
		}, `bytes, of at most 1048576`},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, o := remote(t), secrets.Options{}
			c.change(&r, &o)
			secret, err := secrets.Build(r, o)
			require.Nil(t, secret)
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), "secret\n")
			var field *secrets.FieldError
			require.ErrorAs(t, err, &field)
			require.NotEmpty(t, field.Remedy)
		})
	}
}

// requireSame compares what a kubeconfig can carry of a Remote.
func requireSame(t testing.TB, want, got secrets.Remote) {
	t.Helper()
	require.Equal(t, want.Cluster, got.Cluster)
	require.True(t, want.Endpoint.Equal(got.Endpoint), "%v is not %v", want.Endpoint, got.Endpoint)
	require.True(t, want.Token.Equal(got.Token))
	require.Equal(t, want.Credential, got.Credential)
	require.Equal(t, want.CAFile, got.CAFile)
}

func errorsOf(problems []secrets.Problem) []secrets.Problem {
	var errs []secrets.Problem
	for _, p := range problems {
		if p.Severity == secrets.SeverityError {
			errs = append(errs, p)
		}
	}
	return errs
}
