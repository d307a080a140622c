package source_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/yaml"

	"github.com/meshpeer/meshpeer/examples/controller/api/v1alpha1"
	"github.com/meshpeer/meshpeer/examples/controller/mesh"
	"github.com/meshpeer/meshpeer/examples/controller/source"
)

func newScheme(t *testing.T) *runtime.Scheme {
	t.Helper()
	scheme := runtime.NewScheme()
	require.NoError(t, corev1.AddToScheme(scheme))
	require.NoError(t, v1alpha1.AddToScheme(scheme))
	scheme.AddKnownTypeWithName(source.ClusterProfile, &unstructured.Unstructured{})
	scheme.AddKnownTypeWithName(source.ClusterProfile.GroupVersion().WithKind("ClusterProfileList"), &unstructured.UnstructuredList{})
	return scheme
}

func reader(t *testing.T, objects ...client.Object) client.WithWatch {
	t.Helper()
	return fake.NewClientBuilder().WithScheme(newScheme(t)).WithObjects(objects...).Build()
}

const shownToNobody = "shown-to-nobody"

// kubeconfig of a server, with more lines for its cluster and its user.
func kubeconfig(server, cluster, user string) []byte {
	return fmt.Appendf(nil, `{apiVersion: v1, kind: Config, current-context: a, contexts: [{name: a, context: {cluster: c, user: u}}],
 clusters: [{name: c, cluster: {server: %q, %s}}], users: [{name: u, user: {token: %s, %s}}]}`, server, cluster, shownToNobody, user)
}

func secret(name string, labels map[string]string, data map[string][]byte) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "mesh", Name: name, Labels: labels}, Data: data}
}

func members(t *testing.T, c client.Reader, dir string, spec v1alpha1.Members) ([]mesh.Member, error) {
	t.Helper()
	s, err := source.For(c, dir, &v1alpha1.Mesh{ObjectMeta: metav1.ObjectMeta{Namespace: "mesh", Name: "shop"}, Spec: v1alpha1.MeshSpec{Members: spec}})
	require.NoError(t, err)
	return s.Members(t.Context())
}

// told is what members are, for comparisons: their IDs, servers and errors.
func told(members []mesh.Member) (all []string) {
	for _, m := range members {
		text := m.ID.String()
		if m.Config != nil {
			text += " " + m.Config.Host
		}
		if m.Err != nil {
			text += ": " + m.Err.Error()
		}
		all = append(all, text)
	}
	return all
}

var (
	ours      = map[string]string{"mesh": "shop"}
	bySecrets = v1alpha1.Members{Secrets: &v1alpha1.SecretMembers{Selector: metav1.LabelSelector{MatchLabels: ours}}}
)

func capi(cluster string) map[string]string {
	return map[string]string{"cluster.x-k8s.io/cluster-name": cluster, "mesh": "shop"}
}

func TestSecrets(t *testing.T) {
	west := secret("some-secret", ours, map[string][]byte{"kubeconfig": kubeconfig("https://west.example", "", "")})
	west.Annotations = map[string]string{
		source.AnnotationID: "West", source.AnnotationNamespace: "istio-west", source.AnnotationSelector: "istio.io/rev=canary",
		source.AnnotationHosted: "true", source.AnnotationEndpoint: "server: https://west.public.example:6443",
	}
	elsewhere := secret("elsewhere", ours, nil)
	elsewhere.Namespace = "other"
	got, err := members(t, reader(t,
		secret("prod-kubeconfig", capi("prod"), map[string][]byte{"value": kubeconfig("https://prod.example", "", "")}),
		secret("prod-ca", capi("prod"), nil), secret("prod-user-kubeconfig", capi("prod"), nil), // Cluster API's too
		secret("north-kubeconfig", ours, map[string][]byte{"value": kubeconfig("https://north.example", "", "")}),
		secret("not-selected", nil, nil), elsewhere, west), "", bySecrets)
	require.NoError(t, err)
	require.Equal(t, []string{"West https://west.example", "north https://north.example", "prod https://prod.example"}, told(got))
	require.Equal(t, shownToNobody, got[2].Config.BearerToken)
	require.Equal(t, "istio-west", got[0].Options.Namespace)
	require.Equal(t, "istio.io/rev=canary", got[0].Options.IstiodSelector)
	require.True(t, got[0].Options.Hosted)
	require.Equal(t, "https://west.public.example:6443", got[0].Options.Endpoint.Server)
}

// TestBrokenMember: one that cannot be described is a member still, and hinders no other.
func TestBrokenMember(t *testing.T) {
	fine := secret("fine", ours, map[string][]byte{"kubeconfig": kubeconfig("https://fine.example", "", "")})
	for want, broken := range map[string]*corev1.Secret{
		"key kubeconfig is missing":             secret("broken", ours, map[string][]byte{"config": nil}),
		"it is no kubeconfig":                   secret("broken", ours, map[string][]byte{"kubeconfig": []byte(shownToNobody)}),
		"current-context names none":            secret("broken", ours, map[string][]byte{"kubeconfig": []byte("{apiVersion: v1, kind: Config}")}),
		"uses exec":                             secret("broken", ours, map[string][]byte{"kubeconfig": kubeconfig("https://a.example", "", "exec: {apiVersion: client.authentication.k8s.io/v1, command: sh}")}),
		"uses tokenFile":                        secret("broken", ours, map[string][]byte{"kubeconfig": kubeconfig("https://a.example", "", "tokenFile: /var/run/secrets/kubernetes.io/serviceaccount/token")}),
		"uses client-key,":                      secret("broken", ours, map[string][]byte{"kubeconfig": kubeconfig("https://a.example", "", "client-key: /etc/key")}),
		"uses client-certificate,":              secret("broken", ours, map[string][]byte{"kubeconfig": kubeconfig("https://a.example", "", "client-certificate: /etc/crt")}),
		"uses certificate-authority,":           secret("broken", ours, map[string][]byte{"kubeconfig": kubeconfig("https://a.example", "certificate-authority: /etc/ca", "")}),
		"uses insecure-skip-tls-verify":         secret("broken", ours, map[string][]byte{"kubeconfig": kubeconfig("https://a.example", "insecure-skip-tls-verify: true", "")}),
		"uses auth-provider":                    secret("broken", ours, map[string][]byte{"kubeconfig": kubeconfig("https://a.example", "", "auth-provider: {name: gcp}")}),
		"no https URL":                          secret("broken", ours, map[string][]byte{"kubeconfig": kubeconfig("http://a.example", "", "")}),
		"hosted is neither true":                annotated(source.AnnotationHosted, "yes"),
		"endpoint is no YAML":                   annotated(source.AnnotationEndpoint, "server: "+shownToNobody+": x"),
		"endpoint holds a password":             annotated(source.AnnotationEndpoint, "{server: https://a.example, proxyURL: http://u:"+shownToNobody+"@proxy.example}"),
		"meshpeer.io/endpoint: Endpoint.Server": annotated(source.AnnotationEndpoint, "server: http://a.example"),
	} {
		t.Run(want, func(t *testing.T) {
			got, err := members(t, reader(t, fine, broken), "", bySecrets)
			require.NoError(t, err)
			require.Len(t, got, 2)
			require.ErrorContains(t, got[0].Err, want)
			require.ErrorContains(t, got[0].Err, "mesh/broken")
			require.NotContains(t, got[0].Err.Error(), shownToNobody)
			require.Nil(t, got[0].Config)
			require.Equal(t, "fine https://fine.example", told(got)[1])
		})
	}
}

func annotated(key, value string) *corev1.Secret {
	s := secret("broken", ours, map[string][]byte{"kubeconfig": kubeconfig("https://a.example", "", "")})
	s.Annotations = map[string]string{key: value}
	return s
}

// Of two that claim one ID neither is believed.
func TestTwice(t *testing.T) {
	a := secret("a", ours, map[string][]byte{"kubeconfig": kubeconfig("https://a.example", "", "")})
	b := secret("b", ours, map[string][]byte{"kubeconfig": kubeconfig("https://b.example", "", "")})
	b.Annotations = map[string]string{source.AnnotationID: "a"}
	got, err := members(t, reader(t, a, b), "", bySecrets)
	require.NoError(t, err)
	require.Len(t, got, 1)
	require.ErrorContains(t, got[0].Err, "by Secret mesh/a and by Secret mesh/b")
	require.Nil(t, got[0].Config)
}

// TestListUnknown: what makes the list unknown is an error, never a shorter list.
func TestListUnknown(t *testing.T) {
	refused := errors.New("refused")
	c := interceptor.NewClient(reader(t), interceptor.Funcs{
		List: func(context.Context, client.WithWatch, client.ObjectList, ...client.ListOption) error { return refused },
	})
	_, err := members(t, c, "", bySecrets)
	require.ErrorIs(t, err, refused)
	_, err = members(t, c, "", byProfiles(""))
	require.ErrorIs(t, err, refused)
	named := secret("a", ours, nil)
	named.Annotations = map[string]string{source.AnnotationID: "not an ID"}
	_, err = members(t, reader(t, named), "", bySecrets)
	require.ErrorContains(t, err, source.AnnotationID)
	_, err = members(t, reader(t), "", byConfigMap)
	require.ErrorContains(t, err, "mesh/members")
	_, err = members(t, reader(t), t.TempDir(), byFile)
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestRefusedSpecs(t *testing.T) {
	for want, in := range map[string]struct {
		dir  string
		spec v1alpha1.Members
	}{
		"names no source":        {},
		"would select everythin": {spec: v1alpha1.Members{Secrets: &v1alpha1.SecretMembers{}}},
		"clusterProfiles.select": {spec: v1alpha1.Members{ClusterProfiles: &v1alpha1.ProfileMembers{}}},
		"without -members-dir":   {spec: byFile},
		"is not the name of a f": {dir: "x", spec: v1alpha1.Members{File: &v1alpha1.LocalName{Name: "../../etc/passwd"}}},
	} {
		t.Run(want, func(t *testing.T) {
			_, err := source.For(reader(t), in.dir, &v1alpha1.Mesh{Spec: v1alpha1.MeshSpec{Members: in.spec}})
			require.ErrorContains(t, err, want)
		})
	}
}

var (
	byFile      = v1alpha1.Members{File: &v1alpha1.LocalName{Name: "members.yaml"}}
	byConfigMap = v1alpha1.Members{ConfigMap: &v1alpha1.LocalName{Name: "members"}}
)

func TestFile(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, data []byte) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), data, 0o600))
	}
	fleet, err := os.ReadFile("../../fleet/inventory.yaml")
	require.NoError(t, err)
	write("members.yaml", fleet)
	_, err = members(t, reader(t), dir, byFile)
	require.ErrorContains(t, err, "spec.credential.lifetime", "the Mesh says how long a credential lives")

	_, clusters, found := strings.Cut(string(fleet), "\nclusters:")
	require.True(t, found)
	write("members.yaml", []byte("clusters:"+clusters+"- {id: cluster-3, context: a, kubeconfig: ../kubeconfig}\n- {id: cluster-4, context: none}\n"))
	write("kubeconfig", []byte(strings.ReplaceAll(string(kubeconfig("https://a.example", "", "exec: {apiVersion: client.authentication.k8s.io/v1, command: sh, interactiveMode: Never}")), "name: a,", "name: asm-managed,")))
	got, err := members(t, reader(t), dir, byFile)
	require.NoError(t, err)
	require.Len(t, got, 4)
	require.Equal(t, "cluster-1 https://a.example", told(got)[0])
	require.NotNil(t, got[0].Config.ExecProvider, "whoever fills the directory may run what he likes")
	require.True(t, got[0].Options.Hosted)
	require.Equal(t, "https://public.cluster-1.example:6443", got[0].Options.Endpoint.Server)
	require.ErrorContains(t, got[1].Err, "asm-remote")
	require.ErrorContains(t, got[2].Err, "not the name of a file")
	require.ErrorContains(t, got[3].Err, "none")
}

func TestConfigMap(t *testing.T) {
	in := map[string]any{"clusters": []map[string]any{
		{"id": "east", "secret": "east", "namespace": "istio-east", "endpoints": map[string]any{"west": map[string]any{"server": "https://east.peered.example"}}},
		{"id": "west", "secret": "none"},
		{"id": "north", "context": "asm"},
		{"id": "south", "secret": "east", "endpoint": map[string]any{"server": "https://a.example", "proxyURL": "http://u:p@p.example"}},
	}}
	text, err := yaml.Marshal(in)
	require.NoError(t, err)
	cm := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "mesh", Name: "members"}, Data: map[string]string{"members.yaml": string(text)}}
	got, err := members(t, reader(t, cm, secret("east", nil, map[string][]byte{"kubeconfig": kubeconfig("https://east.example", "", "")})), "", byConfigMap)
	require.NoError(t, err)
	require.Len(t, got, 4)
	require.Equal(t, "east https://east.example", told(got)[0])
	require.Equal(t, "istio-east", got[0].Options.Namespace)
	require.Equal(t, "https://east.peered.example", got[0].Endpoints[got[3].ID].Server)
	require.ErrorContains(t, got[1].Err, "names a Secret")
	require.ErrorContains(t, got[2].Err, "password")
	require.ErrorContains(t, got[3].Err, "not found")
	delete(cm.Data, "members.yaml")
	_, err = members(t, reader(t, cm), "", byConfigMap)
	require.ErrorContains(t, err, "members.yaml")
}
