//go:build linux

package node

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestEnvironment(t *testing.T) {
	spec := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: "httpbin-1", Namespace: "default", Labels: map[string]string{"b": "2", "a": "1"},
		},
		Spec: corev1.PodSpec{ServiceAccountName: "httpbin", NodeName: "node", Containers: []corev1.Container{{
			Name: "c",
			Env: []corev1.EnvVar{
				{Name: "POD", ValueFrom: field("metadata.name")},
				{Name: "LABELS", ValueFrom: field("metadata.labels")},
				{Name: "LABEL", ValueFrom: field("metadata.labels['b']")},
				{Name: "ACCOUNT", ValueFrom: field("spec.serviceAccountName")},
				{Name: "CPU", ValueFrom: limit("limits.cpu", "1")},
				{Name: "MEMORY", ValueFrom: limit("limits.memory", "1Mi")},
				{Name: "DOMAIN", Value: "$(POD).svc $$(POD) $(NOBODY) 5$"},
			},
			Resources: corev1.ResourceRequirements{Limits: corev1.ResourceList{"cpu": resource.MustParse("1500m")}},
		}}},
	}
	a := &Agent{config: Config{Bin: "/bin-of-node"}}
	c := a.newPod(spec).main[0]
	got := map[string]string{}
	for _, e := range c.environment() {
		got[e.Name] = e.Value
	}
	require.Contains(t, got["PATH"], "/bin-of-node:")
	delete(got, "PATH")
	require.Equal(t, map[string]string{
		"HOSTNAME": "httpbin-1", "HOME": c.root,
		"POD": "httpbin-1", "LABELS": "a=\"1\"\nb=\"2\"", "LABEL": "2", "ACCOUNT": "httpbin",
		"CPU": "2", "MEMORY": "2048", "DOMAIN": "httpbin-1.svc $(POD) $(NOBODY) 5$",
	}, got)
}

func field(path string) *corev1.EnvVarSource {
	return &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: path}}
}

func limit(name, divisor string) *corev1.EnvVarSource {
	return &corev1.EnvVarSource{ResourceFieldRef: &corev1.ResourceFieldSelector{
		Resource: name, Divisor: resource.MustParse(divisor),
	}}
}

func TestLastLines(t *testing.T) {
	for n, want := range map[int]string{0: "", 1: "c\n", 2: "b\nc\n", 3: "a\nb\nc\n", 9: "a\nb\nc\n"} {
		require.Equal(t, want, string(lastLines([]byte("a\nb\nc\n"), n)))
	}
	require.Equal(t, "c", string(lastLines([]byte("a\nb\nc"), 1)))
	require.Empty(t, lastLines(nil, 1))
}

func TestImage(t *testing.T) {
	a := &Agent{config: Config{Images: []Image{
		{Name: "proxyv2", Entry: []string{"init"}, Match: func(args []string) bool { return len(args) > 0 }},
		{Name: "proxyv2", Entry: []string{"agent"}},
	}}}
	for _, c := range []struct {
		image string
		args  []string
		want  string
	}{
		{"docker.io/istio/proxyv2:1.31.0", []string{"istio-iptables"}, "init"},
		{"registry:5000/proxyv2@sha256:00", nil, "agent"},
		{"proxyv2", nil, "agent"},
		{"docker.io/istio/pilot:1.31.0", nil, ""},
	} {
		t.Run(c.image, func(t *testing.T) {
			spec := &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{Image: c.image, Args: c.args}}}}
			image, err := a.newPod(spec).main[0].image()
			if c.want == "" {
				require.ErrorIs(t, err, errImage)
				require.ErrorContains(t, err, c.image)
				return
			}
			require.NoError(t, err)
			require.Equal(t, []string{c.want}, image.Entry)
		})
	}
}
