package istio_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/internal/istio"
)

func pod(name string, labels map[string]string, containers ...corev1.Container) *corev1.Pod {
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}, Spec: corev1.PodSpec{Containers: containers}}
}

func TestFind(t *testing.T) {
	gone := pod("gone", map[string]string{"app": "istiod"})
	gone.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)}
	ended := pod("ended", map[string]string{"app": "istiod"})
	ended.Status.Phase = corev1.PodFailed
	likeGone := pod("like", map[string]string{"app": "istiod-canary"})
	likeGone.DeletionTimestamp = gone.DeletionTimestamp
	f := istio.Find([]*corev1.Pod{
		pod("a", map[string]string{"app": "istiod"}), gone, ended, likeGone,
		pod("canary", map[string]string{"app": "istiod-canary"}),
		pod("pilot", map[string]string{"x": "y"}, corev1.Container{Name: "main", Image: "r:5000/asm/pilot:v1"}),
		pod("other", map[string]string{"app": "kiali"}, corev1.Container{Name: "kiali", Image: "kiali"}),
	}, "")
	require.Equal(t, []string{"a"}, names(f.Running))
	require.Equal(t, []string{"gone", "ended"}, names(f.Gone))
	require.Equal(t, []string{"canary", "pilot"}, names(f.Like))
}

func names(pods []*corev1.Pod) (all []string) {
	for _, p := range pods {
		all = append(all, p.Name)
	}
	return all
}

func TestVersionAndRevision(t *testing.T) {
	for image, want := range map[string]string{
		"docker.io/istio/pilot:1.31.0": "1.31.0", "reg:5000/pilot:1.29.1@sha256:0": "1.29.1", "reg:5000/pilot": "", "pilot:1.27.3-distroless": "1.27.3-distroless",
	} {
		require.Equal(t, want, istio.Version(pod("p", nil, corev1.Container{Name: "discovery", Image: image})), image)
	}
	require.Empty(t, istio.Version(pod("p", nil)))
	told := corev1.Container{Name: "discovery", Env: []corev1.EnvVar{{Name: "REVISION", Value: "canary"}}}
	require.Equal(t, "canary", istio.Revision(pod("p", map[string]string{"istio.io/rev": "default"}, told)))
	require.Equal(t, "stable", istio.Revision(pod("p", map[string]string{"istio.io/rev": "stable"})))
	require.Empty(t, istio.Revision(pod("p", map[string]string{"istio.io/rev": "default"})))
	require.Equal(t, "istio", istio.MeshConfig(""))
	require.Equal(t, "istio-canary", istio.MeshConfig("canary"))
}

func TestMissingIsPrintable(t *testing.T) {
	hostile := pod("x\nforged\x1b[2J", map[string]string{"app": "istiod\t\x1b"})
	seen, remedy := istio.Find([]*corev1.Pod{hostile}, "").Missing("istio-system")
	require.NotContains(t, seen+remedy, "\x1b")
	require.NotContains(t, seen+remedy, "\n")
}

func TestValidate(t *testing.T) {
	for _, good := range []string{"", "app=istiod", "istio.io/rev in (a,b)", "!x"} {
		require.NoError(t, istio.Validate("F", good))
	}
	for _, bad := range []string{" ", "a=b=c", "in ("} {
		require.ErrorContains(t, istio.Validate("F", bad), "F", "%q", bad)
	}
}
