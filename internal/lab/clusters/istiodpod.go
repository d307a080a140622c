//go:build linux

package clusters

import (
	"context"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Ports of istiod as Istio's charts name them (manifests/charts/istio-control/istio-discovery/templates/service.yaml).
const (
	portXDSPlain = 15010
	portXDS      = 15012
	portMonitor  = 15014
	portHTTP     = 8080
)

// istiodImage and the tag after it only tell a version, the way SDKs and people read it from a Pod: nothing pulls it.
const istiodImage = "docker.io/istio/pilot:"

func (i *Istiod) image() string { return istiodImage + i.revision.istio.Tag }

// isIstiod tells the Pods of istiods from those that the data plane runs.
func isIstiod(pod *corev1.Pod) bool {
	return strings.HasPrefix(pod.Spec.Containers[0].Image, istiodImage)
}

// labels are those of Istio's chart. The Service of the default revision selects by "istio: pilot".
func (i *Istiod) labels() map[string]string {
	all := map[string]string{"app": "istiod", "istio": "pilot", "istio.io/rev": i.revision.name, "sidecar.istio.io/inject": "false"}
	if i.revision.name != defaultRevision {
		all["istio"] = "istiod"
	}
	return all
}

// register makes the Pod of a replica, bound to the node of the lab. A hosted control plane has none.
func (i *Istiod) register(ctx context.Context) error {
	c := i.Cluster
	if c.options.Hosted {
		return nil
	}
	pod := corev1.Pod{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{
			Name: i.Name, Namespace: istioSystem,
			Labels:      i.labels(),
			Annotations: map[string]string{"prometheus.io/port": "15014", "prometheus.io/scrape": "true"},
		},
		Spec: corev1.PodSpec{
			NodeName: c.nodeName(), ServiceAccountName: "istiod", AutomountServiceAccountToken: new(bool),
			Containers: []corev1.Container{{
				Name: "discovery", Image: i.image(), Args: []string{"discovery", "--monitoringAddr=:15014"},
				Env: []corev1.EnvVar{
					{Name: "REVISION", Value: i.revision.name},
					{Name: "CLUSTER_ID", Value: c.ID},
					{Name: "POD_NAMESPACE", Value: istioSystem},
					{Name: "POD_NAME", Value: i.Name},
				},
				Ports: []corev1.ContainerPort{
					{Name: "http-debug", ContainerPort: portHTTP},
					{Name: "grpc-xds", ContainerPort: portXDSPlain},
					{Name: "tls-xds", ContainerPort: portXDS},
					{Name: "http-monitoring", ContainerPort: portMonitor},
				},
			}},
		},
	}
	for _, key := range slices.Sorted(maps.Keys(c.options.IstiodEnv)) {
		env := &pod.Spec.Containers[0].Env
		*env = append(*env, corev1.EnvVar{Name: key, Value: c.options.IstiodEnv[key]})
	}
	c.agent.add(istioSystem, i.Name, i.box)
	return c.api.apply(ctx, "/api/v1/namespaces/"+istioSystem+"/pods/"+i.Name, pod)
}

// report writes the Pod's status, as a kubelet does. The process has no restarts of its own: not ready means stopped.
func (i *Istiod) report(ctx context.Context, ready bool) error {
	if i.Cluster.options.Hosted {
		return nil
	}
	status := corev1.ConditionFalse
	if ready {
		status = corev1.ConditionTrue
	}
	now := metav1.Now()
	conditions := []corev1.PodCondition{}
	for _, kind := range []corev1.PodConditionType{corev1.PodScheduled, corev1.PodInitialized, corev1.ContainersReady, corev1.PodReady} {
		c := corev1.PodCondition{Type: kind, Status: status, LastTransitionTime: now}
		if kind == corev1.PodScheduled || kind == corev1.PodInitialized {
			c.Status = corev1.ConditionTrue
		}
		conditions = append(conditions, c)
	}
	container := corev1.ContainerStatus{Name: "discovery", Image: i.image(), ImageID: i.image(), Ready: ready, Started: &ready}
	if ready {
		container.State.Running = &corev1.ContainerStateRunning{StartedAt: now}
	} else {
		container.State.Waiting = &corev1.ContainerStateWaiting{Reason: "Stopped"}
	}
	ip := i.box.Addr.String()
	patch := map[string]any{"status": corev1.PodStatus{
		Phase: corev1.PodRunning, Conditions: conditions, ContainerStatuses: []corev1.ContainerStatus{container},
		HostIP: i.Cluster.net.Node().Addr().String(), PodIP: ip, PodIPs: []corev1.PodIP{{IP: ip}}, StartTime: &now,
	}}
	return i.Cluster.api.merge(ctx, "/api/v1/namespaces/"+istioSystem+"/pods/"+i.Name+"/status", patch)
}
