package source_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/meshpeer/meshpeer/examples/controller/api/v1alpha1"
	"github.com/meshpeer/meshpeer/examples/controller/source"
)

func byProfiles(provider string) v1alpha1.Members {
	return v1alpha1.Members{ClusterProfiles: &v1alpha1.ProfileMembers{Selector: metav1.LabelSelector{MatchLabels: map[string]string{
		"x-k8s.io/cluster-manager": "fleet",
	}}, Provider: provider}}
}

// profile with a status, as text of YAML.
func profile(t *testing.T, name, status string) *unstructured.Unstructured {
	t.Helper()
	p := &unstructured.Unstructured{}
	require.NoError(t, yaml.Unmarshal([]byte("{spec: {clusterManager: {name: fleet}}, status: "+status+"}"), &p.Object))
	p.SetGroupVersionKind(source.ClusterProfile)
	p.SetNamespace("mesh")
	p.SetName(name)
	p.SetLabels(map[string]string{"x-k8s.io/cluster-manager": "fleet"})
	return p
}

func TestProfiles(t *testing.T) {
	ill := profile(t, "west", `{conditions: [{type: ControlPlaneHealthy, status: "False"}], accessProviders: [{name: public, cluster: {server: "https://west.example"}}]}`)
	ill.SetAnnotations(map[string]string{source.AnnotationHosted: "true"})
	token := map[string][]byte{"token": []byte(shownToNobody + "\n")}
	c := reader(t, ill, secret("west", nil, token), secret("east", nil, token), secret("old", nil, token), secret("plain", nil, nil), secret("skip", nil, token),
		profile(t, "east", `{accessProviders: [
			{name: public, cluster: {server: "https://east.example", certificate-authority-data: Y2E=, tls-server-name: kubernetes, proxy-url: "http://proxy.example"}},
			{name: private, cluster: {server: "https://10.0.0.1"}}], credentialProviders: [{name: public, cluster: {server: "https://older.example"}}]}`),
		profile(t, "old", `{credentialProviders: [{name: public, cluster: {server: "https://old.example"}}]}`),
		profile(t, "new", `{}`),
		profile(t, "none", `{accessProviders: [{name: public, cluster: {server: "https://none.example"}}]}`),
		profile(t, "plain", `{accessProviders: [{name: public, cluster: {server: "https://plain.example"}}]}`),
		profile(t, "skip", `{accessProviders: [{name: public, cluster: {server: "https://skip.example", insecure-skip-tls-verify: true}}]}`))
	got, err := members(t, c, "", byProfiles(""))
	require.NoError(t, err)
	require.Equal(t, []string{
		"east https://east.example",
		"new: ClusterProfile mesh/new: its status has no accessProviders yet: its cluster manager writes them",
		`none: ClusterProfile mesh/none: the Secret of its name, with a token for it: secrets "none" not found`,
		"old https://old.example",
		"plain: ClusterProfile mesh/plain: key token is missing in Secret mesh/plain",
		told(got)[5],
		"west https://west.example", // ill is not gone
	}, told(got))
	require.Contains(t, told(got)[5], "skip: ClusterProfile mesh/skip: access provider public: the kubeconfig uses insecure-skip-tls-verify")
	east := got[0].Config
	require.Equal(t, shownToNobody, east.BearerToken)
	require.Equal(t, []byte("ca"), east.CAData)
	require.Equal(t, "kubernetes", east.ServerName)
	proxy, err := east.Proxy(nil)
	require.NoError(t, err)
	require.Equal(t, "http://proxy.example", proxy.String())
	require.True(t, got[6].Options.Hosted)

	got, err = members(t, c, "", byProfiles("private"))
	require.NoError(t, err)
	require.Equal(t, "east https://10.0.0.1", told(got)[0])
	require.ErrorContains(t, got[3].Err, `no access provider "private", but public`)
}
