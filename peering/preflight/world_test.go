package preflight_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"testing"
	"time"

	networkingapi "istio.io/api/networking/v1alpha3"
	networkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/secrets"
)

var now = time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)

// world is two clusters under ASM, ready to be peered.
type world struct {
	in               preflight.Input
	from, to, config *memory
}

// dialLoopback reaches the servers of the test and resolves no name.
func dialLoopback(ctx context.Context, network, address string) (net.Conn, error) {
	if to, err := netip.ParseAddrPort(address); err != nil || !to.Addr().IsLoopback() {
		return nil, &net.OpError{Op: "dial", Net: network, Err: errors.New("no route to " + address)}
	}
	return new(net.Dialer).DialContext(ctx, network, address)
}

func newWorld(t *testing.T, endpoint secrets.Endpoint, root string) *world {
	t.Helper()
	w := &world{from: cluster("cluster-2", "network2", root), to: cluster("cluster-1", "network1", root), config: &memory{fails: map[string]error{}}}
	w.from.add(
		istiod("istiod-1", "cluster-2"),
		&appsv1.Deployment{TypeMeta: meta("apps/v1", "Deployment"), ObjectMeta: named("demo", "sleep"), Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "sleep"}},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "sleep"}}},
		}},
		injected("sleep-1", "cluster-2", "network2", "sleep"),
	)
	w.to.add(injected("httpbin-1", "cluster-1", "network1", "httpbin"), endpoints("demo", "httpbin"))
	w.to.add(gateway()...)
	w.config.add(
		&networkingv1.Gateway{TypeMeta: meta("networking.istio.io/v1beta1", "Gateway"), ObjectMeta: named("istio-system", "cross-network-gateway"), Spec: networkingapi.Gateway{
			Selector: map[string]string{"istio": "eastwestgateway"},
			Servers: []*networkingapi.Server{{
				Port: &networkingapi.Port{Number: 15443, Name: "tls", Protocol: "TLS"}, Hosts: []string{"*.local"},
				Tls: &networkingapi.ServerTLSSettings{Mode: networkingapi.ServerTLSSettings_AUTO_PASSTHROUGH},
			}},
		}},
		asm("ASMMeshConfig", "", "default", "externalIstiodConfigurations", map[string]any{"cluster-2": map[string]any{"replicas": int64(2)}}),
		asm("IstioGateway", "istio-system", "east-west", "clusterIds", []any{"cluster-1"}),
	)
	w.in = preflight.Input{
		From: side("cluster-2", w.from), To: side("cluster-1", w.to), Config: w.config,
		Endpoint: endpoint, OwnLabels: map[string]string{"meshpeer.io/from": "cluster-2"},
		Rules:    []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"list"}}},
		Workload: &preflight.Workload{Namespace: "demo", Service: "httpbin"},
		Now:      func() time.Time { return now },
		Dial:     dialLoopback,
	}
	return w
}

func side(id string, m *memory) preflight.Side {
	return preflight.Side{
		ID: id, Reader: m,
		May: func(context.Context, rbac.Access) (bool, error) { return true, nil },
		Ask: func(_ context.Context, path string) (preflight.Answer, error) {
			body := `{"gitVersion":"v1.33.1"}`
			if path == "/api/v1" {
				body = `{"resources":[{"name":"serviceaccounts/token"}]}`
			}
			return preflight.Answer{Body: []byte(body), Date: now}, nil
		},
	}
}

func cluster(id, network, root string) *memory {
	m := &memory{fails: map[string]error{}}
	m.add(
		namespace("kube-system", id, nil),
		namespace("istio-system", id, map[string]string{"topology.istio.io/network": network}),
		namespace("demo", id, map[string]string{"istio-injection": "enabled"}),
		&corev1.ConfigMap{TypeMeta: meta("v1", "ConfigMap"), ObjectMeta: named("istio-system", "istio"), Data: map[string]string{"mesh": "trustDomain: td\n"}},
		&corev1.ConfigMap{TypeMeta: meta("v1", "ConfigMap"), ObjectMeta: named("demo", "istio-ca-root-cert"), Data: map[string]string{"root-cert.pem": root}},
		&corev1.Service{TypeMeta: meta("v1", "Service"), ObjectMeta: named("demo", "httpbin"), Spec: corev1.ServiceSpec{
			Selector: map[string]string{"app": "httpbin"}, Ports: []corev1.ServicePort{{Name: "http", Port: 8000}},
		}},
	)
	return m
}

func gateway() []preflight.Object {
	svc := &corev1.Service{TypeMeta: meta("v1", "Service"), ObjectMeta: named("istio-system", "eastwest"), Spec: corev1.ServiceSpec{
		Type:     corev1.ServiceTypeLoadBalancer,
		Selector: map[string]string{"istio": "eastwestgateway"}, Ports: []corev1.ServicePort{{Name: "tls", Port: 15443}},
	}}
	svc.Labels = map[string]string{"topology.istio.io/network": "network1"}
	svc.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: "203.0.113.7"}}
	pod := injected("eastwest-1", "cluster-1", "network1", "eastwest")
	pod.Namespace = "istio-system"
	pod.Labels["istio"] = "eastwestgateway"
	return []preflight.Object{svc, pod, endpoints("istio-system", "eastwest")}
}

func meta(apiVersion, kind string) metav1.TypeMeta {
	return metav1.TypeMeta{APIVersion: apiVersion, Kind: kind}
}

func named(namespace, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: name}
}

func namespace(name, cluster string, labels map[string]string) *corev1.Namespace {
	n := &corev1.Namespace{TypeMeta: meta("v1", "Namespace"), ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}
	n.UID = types.UID(cluster + "-" + name)
	return n
}

func ready(pod *corev1.Pod, containers ...corev1.Container) *corev1.Pod {
	pod.TypeMeta = meta("v1", "Pod")
	pod.Spec.Containers = containers
	pod.Status.Phase = corev1.PodRunning
	pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
	for _, c := range containers {
		pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, corev1.ContainerStatus{Name: c.Name, Ready: true})
	}
	return pod
}

func istiod(name, cluster string) *corev1.Pod {
	pod := &corev1.Pod{ObjectMeta: named("istio-system", name)}
	pod.Labels = map[string]string{"app": "istiod"}
	return ready(pod, corev1.Container{Name: "discovery", Image: "docker.io/istio/pilot:1.30.4-distroless", Env: []corev1.EnvVar{{Name: "CLUSTER_ID", Value: cluster}}})
}

func injected(name, cluster, network, app string) *corev1.Pod {
	pod := &corev1.Pod{ObjectMeta: named("demo", name)}
	pod.Labels = map[string]string{"app": app, "security.istio.io/tlsMode": "istio"}
	pod.Annotations = map[string]string{"sidecar.istio.io/status": "{}"}
	return ready(pod, corev1.Container{Name: "istio-proxy", Env: []corev1.EnvVar{
		{Name: "ISTIO_META_CLUSTER_ID", Value: cluster},
		{Name: "ISTIO_META_NETWORK", Value: network},
		{Name: "ISTIO_META_MESH_ID", Value: "mesh1"},
		{Name: "TRUST_DOMAIN", Value: "td"},
	}})
}

func endpoints(namespace, service string) *discoveryv1.EndpointSlice {
	s := &discoveryv1.EndpointSlice{TypeMeta: meta("discovery.k8s.io/v1", "EndpointSlice"), ObjectMeta: named(namespace, service+"-1"), Endpoints: []discoveryv1.Endpoint{{}}}
	s.Labels = map[string]string{discoveryv1.LabelServiceName: service}
	return s
}

func asm(kind, namespace, name, field string, value any) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "istio.alibabacloud.com/v1beta1", "kind": kind,
		"metadata": map[string]any{"namespace": namespace, "name": name}, "spec": map[string]any{field: value},
	}}
}

// root makes a certificate that is valid until the given time.
func root(until time.Time) string {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{Organization: []string{fmt.Sprint("mesh until ", until.Year())}},
		NotBefore: now.AddDate(-9, 0, 0), NotAfter: until, IsCA: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}
