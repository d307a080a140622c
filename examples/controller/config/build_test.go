package config_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"

	"github.com/meshpeer/meshpeer/rbac"
)

// build is what `kustomize build` prints.
func build(t *testing.T, dir string) []byte {
	t.Helper()
	found, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), dir)
	require.NoError(t, err, dir)
	text, err := found.AsYaml()
	require.NoError(t, err)
	require.NotEmpty(t, text)
	return text
}

// objects are those of builds, by kind/namespace/name, each read as strictly as an API server does.
func objects(t *testing.T, dirs ...string) map[string]any {
	t.Helper()
	all := map[string]any{}
	for _, dir := range dirs {
		for doc := range bytes.SplitSeq(build(t, dir), []byte("\n---\n")) {
			var meta metav1.PartialObjectMetadata
			require.NoError(t, yaml.Unmarshal(doc, &meta))
			o := map[string]any{
				"Namespace": &corev1.Namespace{}, "ServiceAccount": &corev1.ServiceAccount{}, "Service": &corev1.Service{}, "ConfigMap": &corev1.ConfigMap{},
				"Deployment": &appsv1.Deployment{}, "PodDisruptionBudget": &policyv1.PodDisruptionBudget{},
				"Role": &rbacv1.Role{}, "RoleBinding": &rbacv1.RoleBinding{}, "ClusterRole": &rbacv1.ClusterRole{}, "ClusterRoleBinding": &rbacv1.ClusterRoleBinding{},
				"CustomResourceDefinition": &apiextensionsv1.CustomResourceDefinition{},
				"ServiceMonitor":           &map[string]any{}, "PrometheusRule": &map[string]any{},
			}[meta.Kind]
			require.NotNil(t, o, "%s: nobody looks at kind %s", dir, meta.Kind)
			require.NoError(t, yaml.UnmarshalStrict(doc, o), "%s %s", meta.Kind, meta.Name)
			all[strings.Join([]string{meta.Kind, meta.Namespace, meta.Name}, "/")] = o
		}
	}
	return all
}

// policy is what builds grant.
func policy(t *testing.T, dirs ...string) *rbac.Policy {
	t.Helper()
	return policyWithout(t, "", dirs...)
}

// policyWithout leaves objects of a name out.
func policyWithout(t *testing.T, name string, dirs ...string) *rbac.Policy {
	t.Helper()
	var all bytes.Buffer
	for _, dir := range dirs {
		for doc := range bytes.SplitSeq(build(t, dir), []byte("\n---\n")) {
			var meta metav1.PartialObjectMetadata
			require.NoError(t, yaml.Unmarshal(doc, &meta))
			if name == "" || meta.Name != name {
				all.Write(doc)
				all.WriteString("\n---\n")
			}
		}
	}
	p, err := rbac.Load(&all)
	require.NoError(t, err)
	require.Empty(t, p.Dangling())
	return p
}

// roots are the folders that people build.
var roots = []string{"default", "observe", "member/write", "member/observe", "member/probe", "member/preflight", "testdata/monitored"}

// TestTree builds every root, and finds every file in one of them.
func TestTree(t *testing.T) {
	used := map[string]bool{}
	var follow func(dir string)
	follow = func(dir string) {
		used[filepath.Join(dir, "kustomization.yaml")] = true
		var k struct {
			Resources, Components []string
			ConfigMapGenerator    []struct{ Files []string }
		}
		text, err := os.ReadFile(filepath.Join(dir, "kustomization.yaml"))
		require.NoError(t, err)
		require.NoError(t, yaml.Unmarshal(text, &k))
		for _, name := range append(k.Resources, k.Components...) {
			path := filepath.Join(dir, name)
			if info, err := os.Stat(path); err == nil && info.IsDir() {
				follow(path)
			}
			used[path] = true
		}
		for _, g := range k.ConfigMapGenerator {
			for _, file := range g.Files {
				_, name, _ := strings.Cut(file, "=")
				used[filepath.Join(dir, name)] = true
			}
		}
	}
	for _, root := range roots {
		require.NotEmpty(t, objects(t, root))
		follow(root)
	}
	require.NoError(t, filepath.WalkDir(".", func(path string, entry os.DirEntry, err error) error {
		if ext := filepath.Ext(path); err == nil && !entry.IsDir() && (ext == ".yaml" || ext == ".json") {
			require.True(t, used[path], "%s is in no root", path)
		}
		return err
	}))
}

func TestDeployment(t *testing.T) {
	all := objects(t, "testdata/monitored")
	d := all["Deployment/meshpeer-system/meshpeer-controller"].(*appsv1.Deployment)
	require.EqualValues(t, 2, *d.Spec.Replicas)
	pod := d.Spec.Template.Spec
	c := pod.Containers[0]
	require.Equal(t, "registry.example/mesh/controller:v1", c.Image)
	require.True(t, *pod.SecurityContext.RunAsNonRoot)
	require.Equal(t, corev1.SeccompProfileTypeRuntimeDefault, pod.SecurityContext.SeccompProfile.Type)
	require.False(t, *c.SecurityContext.AllowPrivilegeEscalation)
	require.True(t, *c.SecurityContext.ReadOnlyRootFilesystem)
	require.Equal(t, []corev1.Capability{"ALL"}, c.SecurityContext.Capabilities.Drop)
	require.Greater(t, *pod.TerminationGracePeriodSeconds, int64(60), "30 s of undoing, then releases of 10 s each")
	require.Equal(t, d.Spec.Selector, all["PodDisruptionBudget/meshpeer-system/meshpeer-controller"].(*policyv1.PodDisruptionBudget).Spec.Selector)
	service := all["Service/meshpeer-system/meshpeer-controller-metrics"].(*corev1.Service)
	require.Equal(t, d.Spec.Selector.MatchLabels, service.Spec.Selector)
	require.Equal(t, c.Ports[0].Name, service.Spec.Ports[0].TargetPort.StrVal)
	require.Equal(t, all["ServiceAccount/meshpeer-system/meshpeer-controller"].(*corev1.ServiceAccount).Name, pod.ServiceAccountName)

	observer := objects(t, "observe")["Deployment/meshpeer-system/meshpeer-controller"].(*appsv1.Deployment)
	require.Equal(t, append(c.Args, "-observe"), observer.Spec.Template.Spec.Containers[0].Args)
}
