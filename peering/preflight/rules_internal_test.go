package preflight

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	networkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// The rules that worlds of whole clusters reach in one way only, each by itself.

func TestAbsentIsAlsoAKindThatIsNotServed(t *testing.T) {
	require.True(t, absent(&meta.NoKindMatchError{GroupKind: schema.GroupKind{Kind: "Gateway"}}))
}

func TestSidecarByContainerOrByStatus(t *testing.T) {
	plain := &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app"}}}}
	container := &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app"}, {Name: "istio-proxy"}}}}
	status := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{sidecarStatus: "{}"}}}
	require.False(t, hasSidecar(plain))
	require.True(t, hasSidecar(container))
	require.True(t, hasSidecar(status))

	redirected := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{ambientRedirection: "enabled"}}}
	require.True(t, isAmbient(redirected, &corev1.Namespace{}))
	require.False(t, isAmbient(plain, &corev1.Namespace{}))
	require.True(t, isAmbient(plain, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{labelDataplane: "ambient"}}}))
}

func TestExportTo(t *testing.T) {
	for _, tt := range []struct {
		to   []string
		want bool
	}{{nil, true}, {[]string{"*"}, true}, {[]string{"a"}, true}, {[]string{"b"}, false}, {[]string{"."}, true}, {[]string{"b", "."}, true}} {
		require.Equal(t, tt.want, exported(tt.to, "a", "a"), "%v", tt.to)
	}
	require.False(t, exported([]string{"."}, "b", "a"), "only for the owner's own namespace")
}

func TestGatewayServerOfItsOwnNamespace(t *testing.T) {
	f := &facts{Input: Input{Workload: &Workload{Namespace: "demo", Service: "httpbin", DomainSuffix: "cluster.local"}}}
	in := func(namespace string) *networkingv1.Gateway {
		return &networkingv1.Gateway{ObjectMeta: metav1.ObjectMeta{Namespace: namespace}}
	}
	require.True(t, f.exposes(in("demo"), []string{"./*"}))
	require.False(t, f.exposes(in("istio-system"), []string{"./*"}))
	require.True(t, f.exposes(in("istio-system"), []string{"demo/*"}))
	require.False(t, f.exposes(in("istio-system"), []string{"other/*"}))
	require.True(t, f.exposes(in("istio-system"), []string{"*.local"}))
}

func TestAddressesOfNoOtherHost(t *testing.T) {
	all := func(netip.Addr) bool { return false }
	for _, address := range []string{"0.0.0.0", "::", "127.0.0.1", "::1", "169.254.1.1", "fe80::1", "::ffff:127.0.0.1"} {
		found, problem, _ := reachable(source{gateways: []NetworkGateway{{Addr: address, Port: 15443}}}, true, all)
		require.Empty(t, found, address)
		require.Contains(t, problem, "own host or link", address)
	}
	found, problem, _ := reachable(source{gateways: []NetworkGateway{{Addr: "192.0.2.1", Port: 15443}}}, true, all)
	require.Equal(t, []string{"192.0.2.1"}, found)
	require.Empty(t, problem)
}

func TestHBONEIsNoPortForSidecars(t *testing.T) {
	for _, g := range []NetworkGateway{{Port: 15008}, {Port: 15008, HBONEPort: 15008}, {Port: 31008, HBONEPort: 31008}, {HBONEPort: 15008}} {
		_, problem, _ := source{gateways: []NetworkGateway{g}}.portFor(sidecarClient)
		require.NotEmpty(t, problem, "%+v", g)
	}
	port, problem, _ := source{gateways: []NetworkGateway{{Port: 15443, HBONEPort: 15008}}}.portFor(sidecarClient)
	require.EqualValues(t, 15443, port)
	require.Empty(t, problem)
}
