package preflight_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	networkingapi "istio.io/api/networking/v1alpha3"
	networkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/client-go/rest"

	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/probe"
	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/secrets"
)

// kubeAPI answers a little of what an API server does, and fails the test at anything that would store.
func kubeAPI(t *testing.T) *rest.Config {
	t.Helper()
	body := map[string]string{
		"/version": `{"gitVersion":"v1.36.3"}`,
		"/apis/networking.istio.io/v1beta1/gateways": `{"apiVersion":"networking.istio.io/v1beta1","kind":"GatewayList","items":[
			{"apiVersion":"networking.istio.io/v1beta1","kind":"Gateway","metadata":{"namespace":"istio-system","name":"cross-network-gateway"},
			 "spec":{"selector":{"istio":"eastwestgateway"},"aFieldOfTomorrow":1,"servers":[{"port":{"number":15443,"name":"tls","protocol":"TLS"},"tls":{"mode":"AUTO_PASSTHROUGH"},"hosts":["*.local"]}]}}]}`,
		"/apis/istio.alibabacloud.com/v1beta1/asmmeshconfigs/default": `{"apiVersion":"istio.alibabacloud.com/v1beta1","kind":"ASMMeshConfig","metadata":{"name":"default"},"spec":{"externalIstiodConfigurations":{"cluster-2":{}}}}`,
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.Method == http.MethodPost && r.URL.Path == "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews" {
			var review authorizationv1.SelfSubjectAccessReview
			sent, _ := io.ReadAll(r.Body)
			_ = json.Unmarshal(sent, &review)
			review.Status.Allowed = review.Spec.NonResourceAttributes != nil || review.Spec.ResourceAttributes.Resource == "pods"
			_ = json.NewEncoder(w).Encode(review)
			return
		}
		if r.Method == http.MethodPost && r.URL.Path == "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews" {
			var review authorizationv1.SelfSubjectRulesReview
			sent, _ := io.ReadAll(r.Body)
			_ = json.Unmarshal(sent, &review)
			review.Status.ResourceRules = []authorizationv1.ResourceRule{{Verbs: []string{"list"}, APIGroups: []string{""}, Resources: []string{"pods"}}}
			if strings.Contains(review.Spec.Namespace, ".") { // no namespace
				review.Status.ResourceRules[0].Resources[0] = "nodes"
			}
			_ = json.NewEncoder(w).Encode(review)
			return
		}
		if r.Method != http.MethodGet {
			t.Errorf("%s %s", r.Method, r.URL.Path)
		}
		if text, found := body[r.URL.Path]; found {
			_, _ = io.WriteString(w, text)
			return
		}
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404}`)
	}))
	t.Cleanup(s.Close)
	return &rest.Config{Host: s.URL}
}

func TestConnectReads(t *testing.T) {
	side, err := preflight.Connect("cluster-1", kubeAPI(t))
	require.NoError(t, err)
	require.Equal(t, "cluster-1", side.ID)

	gateway := &networkingv1.Gateway{TypeMeta: meta("networking.istio.io/v1beta1", "Gateway")}
	found, err := side.Reader.List(t.Context(), gateway, "")
	require.NoError(t, err)
	require.Len(t, found, 1)
	require.Equal(t, networkingapi.ServerTLSSettings_AUTO_PASSTHROUGH, found[0].(*networkingv1.Gateway).Spec.Servers[0].Tls.Mode)

	answer, err := side.Ask(t.Context(), "/version")
	require.NoError(t, err)
	require.Contains(t, string(answer.Body), "v1.36.3")
	require.False(t, answer.Date.IsZero())
	_, err = side.Ask(t.Context(), "/none")
	require.ErrorContains(t, err, "404")

	for namespace, resource := range map[string]string{"": "nodes", "istio-system": "pods"} {
		rules, incomplete, err := side.Rules(t.Context(), namespace)
		require.NoError(t, err)
		require.False(t, incomplete)
		require.Equal(t, []rbacv1.PolicyRule{{Verbs: []string{"list"}, APIGroups: []string{""}, Resources: []string{resource}}}, rules)
	}

	for a, want := range map[rbac.Access]bool{{Verb: "list", Resource: "pods"}: true, {Verb: "list", Resource: "secrets"}: false, {Verb: "get", Path: "/version"}: true} {
		allowed, err := side.May(t.Context(), a)
		require.NoError(t, err)
		require.Equal(t, want, allowed, "%+v", a)
	}
}

// TestRunWritesNothing: kubeAPI fails the test at a write.
func TestRunWritesNothing(t *testing.T) {
	side, err := preflight.Connect("cluster-2", kubeAPI(t))
	require.NoError(t, err)
	findings := run(t, preflight.Input{
		From: side, To: side, Config: side.Reader, Endpoint: secrets.Endpoint{},
		Workload: &preflight.Workload{Namespace: "demo", Service: "httpbin"},
	})
	require.Equal(t, probe.Passed, findings["asm-remote-control-plane"][0].Status, "%+v", findings["asm-remote-control-plane"])
	require.Equal(t, probe.Failed, findings["service-in-both"][0].Status)
	require.Equal(t, probe.Failed, findings["caller-rights"][0].Status)
}

func TestConnectBadConfig(t *testing.T) {
	_, err := preflight.Connect("east", nil)
	require.ErrorContains(t, err, `preflight: Connect "east"`)
	_, err = preflight.Connect("east", &rest.Config{Host: "https://a.example.com", TLSClientConfig: rest.TLSClientConfig{Insecure: true, CAData: []byte("x")}})
	require.ErrorContains(t, err, `preflight: Connect "east"`)
	side, err := preflight.Connect("east", &rest.Config{Host: "http://127.0.0.1:1"})
	require.NoError(t, err)
	_, err = side.May(t.Context(), rbac.Access{Verb: "get", Resource: "pods"})
	require.Error(t, err)
}
