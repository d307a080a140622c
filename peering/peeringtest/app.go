package peeringtest

import (
	"fmt"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/peering"
)

// App is a Deployment with a Service of the same name. Its container app answers as go-httpbin does, and has curl.
type App struct {
	Namespace string // "" is default
	Name      string
	Port      int32 // of the Service; 0 is no Service
	Replicas  int32 // scaled later by an update of the Deployment
	Plain     bool  // without sidecar
}

// Run deploys the app in a member. Pods and EndpointSlice follow the Deployment at once; clients in this member and in those
// whose istiods read it reach them by the name of the Service.
func (m *Member) Run(a App) {
	if a.Namespace == "" {
		a.Namespace = metav1.NamespaceDefault
	}
	labels := map[string]string{"app": a.Name}
	pod := corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{
		ServiceAccountName: a.Name, Containers: []corev1.Container{{Name: "app"}},
	}}
	if !a.Plain { // the sidecar stands first, as holdApplicationUntilProxyStarts has it
		pod.Labels = map[string]string{"app": a.Name, "security.istio.io/tlsMode": "istio"}
		pod.Annotations = map[string]string{"kubectl.kubernetes.io/default-container": "app"}
		pod.Spec.Containers = []corev1.Container{{Name: sidecar}, {Name: "app"}}
	}
	m.Server.mu.Lock()
	defer m.Server.mu.Unlock()
	if a.Port != 0 {
		m.Server.store.put(&corev1.Service{
			TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
			ObjectMeta: metav1.ObjectMeta{Namespace: a.Namespace, Name: a.Name, UID: newUID()},
			Spec:       corev1.ServiceSpec{Selector: labels, Ports: []corev1.ServicePort{{Name: "http", Port: a.Port}}},
		})
	}
	d := &appsv1.Deployment{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"},
		ObjectMeta: metav1.ObjectMeta{Namespace: a.Namespace, Name: a.Name, UID: newUID()},
		Spec:       appsv1.DeploymentSpec{Replicas: &a.Replicas, Selector: &metav1.LabelSelector{MatchLabels: labels}, Template: pod},
	}
	m.Server.store.put(d)
	m.Server.replicate(d)
}

const sidecar = "istio-proxy"

// replicate is what controllers and kubelet do about a Deployment.
func (s *Server) replicate(o peering.Object) {
	d, ok := o.(*appsv1.Deployment)
	if !ok {
		return
	}
	var pods []*corev1.Pod
	prefix := d.Name + "-" + s.id + "-"
	for _, o := range s.store.in(group{"Pod", byNamespace, d.Namespace, ""}) {
		if strings.HasPrefix(o.GetName(), prefix) {
			s.store.drop(key(o))
		}
	}
	for i := range *d.Spec.Replicas {
		s.addresses++
		ip := podAddress(s.number, s.addresses)
		p := &corev1.Pod{ObjectMeta: *d.Spec.Template.ObjectMeta.DeepCopy(), Spec: *d.Spec.Template.Spec.DeepCopy(), Status: corev1.PodStatus{
			Phase: corev1.PodRunning, PodIP: ip, PodIPs: []corev1.PodIP{{IP: ip}},
			Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(s.now())}},
		}}
		p.Namespace, p.Name, p.UID = d.Namespace, fmt.Sprintf("%s%d", prefix, i+1), newUID()
		s.store.put(p)
		pods = append(pods, p)
	}
	s.publish(d, pods)
}

// publish makes the EndpointSlice of the Service that has the name of the Deployment.
func (s *Server) publish(d *appsv1.Deployment, pods []*corev1.Pod) {
	ready := true
	slice := &discoveryv1.EndpointSlice{
		TypeMeta: metav1.TypeMeta{APIVersion: "discovery.k8s.io/v1", Kind: "EndpointSlice"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: d.Namespace, Name: d.Name + "-slice", UID: newUID(), Labels: map[string]string{discoveryv1.LabelServiceName: d.Name},
		},
	}
	for _, p := range pods {
		slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{
			Addresses: []string{p.Status.PodIP}, Conditions: discoveryv1.EndpointConditions{Ready: &ready},
			TargetRef: &corev1.ObjectReference{Kind: "Pod", Namespace: p.Namespace, Name: p.Name},
		})
	}
	s.store.put(slice)
}
