//go:build linux

package service

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"
)

// table is one with a Service of each kind and their endpoints.
func table(t *testing.T) *Table {
	t.Helper()
	all := &Table{services: cache.NewStore(cache.MetaNamespaceKeyFunc), slices: cache.NewStore(cache.MetaNamespaceKeyFunc)}
	add := func(name, ip string, status corev1.LoadBalancerIngress, ready ...bool) {
		meta := metav1.ObjectMeta{Name: name, Namespace: "default"}
		s := &corev1.Service{ObjectMeta: meta, Spec: corev1.ServiceSpec{ClusterIP: ip, Ports: []corev1.ServicePort{{Name: "http", Port: 80}}}}
		if status.IP != "" {
			s.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{status}
		}
		require.NoError(t, all.services.Add(s))
		port, http := int32(8080), "http"
		slice := &discoveryv1.EndpointSlice{ObjectMeta: meta, Ports: []discoveryv1.EndpointPort{{Name: &http, Port: &port}}}
		slice.Labels = map[string]string{discoveryv1.LabelServiceName: name}
		for i := range ready {
			slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{
				Addresses:  []string{netip.AddrFrom4([4]byte{10, 1, 0, byte(i + 1)}).String()},
				Conditions: discoveryv1.EndpointConditions{Ready: &ready[i]},
			})
		}
		require.NoError(t, all.slices.Add(slice))
	}
	add("web", "10.101.0.1", corev1.LoadBalancerIngress{IP: "10.0.1.1"}, false, true)
	add("empty", "10.101.0.2", corev1.LoadBalancerIngress{}, false)
	add("headless", corev1.ClusterIPNone, corev1.LoadBalancerIngress{}, true, false, true)
	return all
}

func TestAnswer(t *testing.T) {
	all := table(t)
	for _, c := range []struct {
		name string
		kind dnsmessage.Type
		code dnsmessage.RCode
		want []string
	}{
		{"web.default.svc.cluster.local.", dnsmessage.TypeA, 0, []string{"10.101.0.1"}},
		{"Web.Default.svc.cluster.local.", dnsmessage.TypeA, 0, []string{"10.101.0.1"}},
		{"web.default.svc.cluster.local.", dnsmessage.TypeAAAA, 0, nil},
		{"headless.default.svc.cluster.local.", dnsmessage.TypeA, 0, []string{"10.1.0.1", "10.1.0.3"}},
		{"web.", dnsmessage.TypeA, dnsmessage.RCodeNameError, nil},
		{"web.other.svc.cluster.local.", dnsmessage.TypeA, dnsmessage.RCodeNameError, nil},
		{"example.com.", dnsmessage.TypeA, dnsmessage.RCodeNameError, nil},
	} {
		t.Run(c.name+c.kind.String(), func(t *testing.T) {
			question := dnsmessage.Message{
				Header:    dnsmessage.Header{ID: 7, RecursionDesired: true},
				Questions: []dnsmessage.Question{{Name: dnsmessage.MustNewName(c.name), Type: c.kind, Class: dnsmessage.ClassINET}},
			}
			packed, err := question.Pack()
			require.NoError(t, err)
			reply, err := all.answer(packed)
			require.NoError(t, err)
			var m dnsmessage.Message
			require.NoError(t, m.Unpack(reply))
			require.Equal(t, uint16(7), m.ID)
			require.True(t, m.Response)
			require.Equal(t, c.code, m.RCode)
			var got []string
			for _, a := range m.Answers {
				got = append(got, netip.AddrFrom4(a.Body.(*dnsmessage.AResource).A).String())
			}
			require.Equal(t, c.want, got)
		})
	}
	_, err := all.answer([]byte("no question"))
	require.Error(t, err)
}

func TestWanted(t *testing.T) {
	end := []netip.AddrPort{netip.MustParseAddrPort("10.1.0.2:8080")}
	require.Equal(t, map[string][]netip.AddrPort{"10.101.0.1:80": end, "10.0.1.1:80": end}, table(t).wanted())
}
