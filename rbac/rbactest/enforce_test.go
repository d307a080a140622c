package rbactest_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/rbac/rbactest"
)

// answering is a transport that answers every request, and counts them.
type answering struct {
	mu       sync.Mutex
	requests []string
}

func (a *answering) RoundTrip(req *http.Request) (*http.Response, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.requests = append(a.requests, req.Method+" "+req.URL.Path)
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader("{}")), Request: req}, nil
}

// body tells whether it was closed.
type body struct {
	io.Reader
	closed bool
}

func (b *body) Close() error { b.closed = true; return nil }

func ask(t *testing.T, through http.RoundTripper, method, target string, header ...string) (code int, status metav1.Status) {
	t.Helper()
	sent := &body{Reader: strings.NewReader("{}")}
	req, err := http.NewRequest(method, "https://127.0.0.1:6443"+target, sent)
	require.NoError(t, err)
	for i := 0; i < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	res, err := through.RoundTrip(req)
	require.NoError(t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &status))
	require.Equal(t, res.StatusCode == http.StatusForbidden, sent.closed, "a body that nobody sends is closed")
	return res.StatusCode, status
}

func TestEnforceAnswersAsTheServer(t *testing.T) {
	for name, tc := range map[string]struct {
		method, target string
		message        string
		details        metav1.StatusDetails
		rule           string
	}{
		"list": {
			"GET", "/api/v1/namespaces/a/pods?limit=5",
			`pods is forbidden: User "rbactest" cannot list resource "pods" in API group "" in the namespace "a"`,
			metav1.StatusDetails{Kind: "pods"},
			"- apiGroups:\n  - \"\"\n  resources:\n  - pods\n  verbs:\n  - list",
		},
		"subresource of a group": {
			"PATCH", "/apis/apps/v1/namespaces/a/deployments/x/scale",
			`deployments.apps "x" is forbidden: User "rbactest" cannot patch resource "deployments/scale" in API group "apps" in the namespace "a"`,
			metav1.StatusDetails{Name: "x", Group: "apps", Kind: "deployments"},
			"  resourceNames:\n  - x\n  resources:\n  - deployments/scale",
		},
		"cluster scope": {
			"GET", "/api/v1/nodes?watch=1",
			`nodes is forbidden: User "rbactest" cannot watch resource "nodes" in API group "" at the cluster scope`,
			metav1.StatusDetails{Kind: "nodes"},
			"  - watch",
		},
		"path": {
			"POST", "/metrics/a&b",
			`forbidden: User "rbactest" cannot post path "/metrics/a&amp;b"`,
			metav1.StatusDetails{},
			"- nonResourceURLs:\n  - /metrics/a&b\n  verbs:\n  - post",
		},
	} {
		t.Run(name, func(t *testing.T) {
			tb, server := &fakeTB{}, &answering{}
			e := rbactest.Enforce(tb, []rbacv1.PolicyRule{can("secrets", "get")})
			for range 2 {
				code, status := ask(t, e.Wrap(server), tc.method, tc.target)
				require.Equal(t, http.StatusForbidden, code)
				require.Equal(t, metav1.Status{
					TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: "Failure",
					Reason: metav1.StatusReasonForbidden, Code: 403, Message: tc.message, Details: &tc.details,
				}, status)
				require.True(t, apierrors.IsForbidden(&apierrors.StatusError{ErrStatus: status}))
			}
			require.Empty(t, server.requests)
			require.Empty(t, tb.fatals)
			require.Len(t, tb.errors, 1, "once for each access")
			require.Contains(t, tb.errors[0], tc.rule)
			require.Equal(t, []string{"get secrets"}, unused(e))
		})
	}
}

func unused(e *rbactest.Enforcer) (all []string) {
	for _, u := range e.Unused() {
		all = append(all, u.String())
	}
	return all
}

func TestEnforceLetsThrough(t *testing.T) {
	tb, server := &fakeTB{}, &answering{}
	e := rbactest.Enforce(tb, []rbacv1.PolicyRule{
		can("pods", "get", "list", "watch"),
		{Verbs: []string{"update", "get"}, APIGroups: []string{"apps"}, Resources: []string{"deployments"}, ResourceNames: []string{"a", "b"}},
		{Verbs: []string{"*"}, APIGroups: []string{"batch"}, Resources: []string{"jobs"}},
		{Verbs: []string{"get"}, NonResourceURLs: []string{"/metrics", "/version"}},
	})
	for _, target := range []string{
		"/api/v1/pods", "/api/v1/namespaces/x/pods/y", "/apis/apps/v1/namespaces/x/deployments/b", "/apis/batch/v1/jobs",
		"/apis", "/api/v1", "/version", "/openapi/v3",
	} {
		code, _ := ask(t, e.Wrap(server), "GET", target)
		require.Equal(t, http.StatusOK, code, target)
	}
	code, _ := ask(t, e.Wrap(server), "POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews")
	require.Equal(t, http.StatusOK, code)
	require.Equal(t, &fakeTB{}, tb)
	require.Len(t, server.requests, 9)
	require.Equal(t, []string{
		"watch pods", "update,get deployments.apps named a", "update deployments.apps named b", "get /metrics, /version",
	}, unused(e), "nobody needs a rule for /version")
}

// The client that people have must see what it sees from an API server.
func TestEnforceWithAClient(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"apiVersion":"v1","kind":"PodList","items":[]}`)
	}))
	defer server.Close()
	tb := &fakeTB{}
	enforced := rbactest.Enforce(tb, []rbacv1.PolicyRule{can("pods", "list")})
	config := &rest.Config{Host: server.URL}
	config.Wrap(enforced.Wrap)
	client, err := dynamic.NewForConfig(config)
	require.NoError(t, err)
	pods := client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "pods"}).Namespace("a")
	_, err = pods.List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	require.Empty(t, tb.errors)
	_, err = pods.Watch(t.Context(), metav1.ListOptions{FieldSelector: "metadata.name=x"})
	require.True(t, apierrors.IsForbidden(err), "%v", err)
	require.Len(t, tb.errors, 1)
	require.Contains(t, tb.errors[0], "watch pods named x in namespace a\nadd to the rules of a ClusterRole, or of a Role in namespace a:")
	require.Empty(t, enforced.Unused())
}

func TestEnforcePolicy(t *testing.T) {
	policy := policyOf(t)
	tb, server := &fakeTB{}, &answering{}
	e := rbactest.EnforcePolicy(tb, policy, rbac.ServiceAccount("shop", "cart"))
	through := e.Wrap(server)
	for target, want := range map[string]int{
		"/api/v1/namespaces/shop/secrets/a": 200,
		"/api/v1/namespaces/bank/secrets/a": 403,
		"/api/v1/pods":                      200,
		"/api/v1/namespaces/bank/pods":      200,
		"/version":                          403, // the policy's own system:discovery does not say so
	} {
		code, _ := ask(t, through, "GET", target)
		require.Equal(t, want, code, target)
	}
	require.Len(t, tb.errors, 2)
	require.Equal(t, []string{
		"get /api", "impersonate users named jane", "impersonate groups named team", "impersonate uids.authentication.k8s.io named 7",
		"impersonate userextras.authentication.k8s.io/a/b named c",
		"get secrets in namespace mill", "list configmaps in namespace shop", "impersonate serviceaccounts named web in namespace shop",
	}, unused(e))

	code, _ := ask(t, through, "GET", "/api/v1/namespaces/shop/configmaps", "Impersonate-User", "jane", "Impersonate-Group", "team",
		"Impersonate-Uid", "7", "Impersonate-Extra-A%2fb", "c")
	require.Equal(t, 200, code, "as jane, through the team")
	require.Equal(t, []string{
		"get /api", "get secrets in namespace mill", "list configmaps in namespace shop", "impersonate serviceaccounts named web in namespace shop",
	}, unused(e), "the configmaps were for jane")
	code, status := ask(t, through, "GET", "/api/v1/pods", "Impersonate-User", "system:serviceaccount:shop:web")
	require.Equal(t, 403, code)
	require.Contains(t, status.Message, `User "system:serviceaccount:shop:web" cannot list`)
	require.Len(t, unused(e), 3)
	code, status = ask(t, through, "GET", "/api/v1/pods", "Impersonate-User", "root")
	require.Equal(t, 403, code)
	require.Equal(t, `users "root" is forbidden: User "system:serviceaccount:shop:cart" cannot impersonate resource "users" in API group "" at the cluster scope`, status.Message)
}

func policyOf(t *testing.T) *rbac.Policy {
	t.Helper()
	names := func(rule rbacv1.PolicyRule, names ...string) rbacv1.PolicyRule {
		rule.ResourceNames = names
		return rule
	}
	meta := func(namespace, name string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: namespace, Name: name}
	}
	bound := func(kind, name string) rbacv1.RoleRef {
		return rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: kind, Name: name}
	}
	cart := []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: "shop", Name: "cart"}}
	impersonated := names(can("uids", "impersonate"), "7")
	extra := names(can("userextras/a/b", "impersonate"), "c")
	impersonated.APIGroups, extra.APIGroups = []string{"authentication.k8s.io"}, []string{"authentication.k8s.io"}
	policy, err := rbac.NewPolicy([]runtime.Object{
		&rbacv1.ClusterRole{ObjectMeta: meta("", "reader"), Rules: []rbacv1.PolicyRule{
			can("pods", "list"), names(can("users", "impersonate"), "jane"), names(can("groups", "impersonate"), "team"), impersonated, extra,
		}},
		&rbacv1.ClusterRoleBinding{ObjectMeta: meta("", "reader"), RoleRef: bound("ClusterRole", "reader"), Subjects: cart},
		&rbacv1.ClusterRole{ObjectMeta: meta("", "system:discovery"), Rules: []rbacv1.PolicyRule{{Verbs: []string{"get"}, NonResourceURLs: []string{"/api"}}}},
		&rbacv1.ClusterRole{ObjectMeta: meta("", "system:public-info-viewer")},
		&rbacv1.ClusterRoleBinding{ObjectMeta: meta("", "discovery"), RoleRef: bound("ClusterRole", "system:discovery"), Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "Group", Name: "system:authenticated"}}},
		&rbacv1.Role{ObjectMeta: meta("shop", "cart"), Rules: []rbacv1.PolicyRule{can("secrets", "get"), can("configmaps", "list"), names(can("serviceaccounts", "impersonate"), "web")}},
		&rbacv1.Role{ObjectMeta: meta("mill", "cart"), Rules: []rbacv1.PolicyRule{can("secrets", "get")}},
		&rbacv1.RoleBinding{ObjectMeta: meta("mill", "cart"), RoleRef: bound("Role", "cart"), Subjects: cart},
		&rbacv1.RoleBinding{ObjectMeta: meta("shop", "cart"), RoleRef: bound("Role", "cart"), Subjects: cart},
		&rbacv1.Role{ObjectMeta: meta("shop", "team"), Rules: []rbacv1.PolicyRule{can("configmaps", "list")}},
		&rbacv1.RoleBinding{ObjectMeta: meta("shop", "team"), RoleRef: bound("Role", "team"), Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "Group", Name: "team"}}},
	}...)
	require.NoError(t, err)
	return policy
}

func TestEnforceManyAtOnce(t *testing.T) {
	tb, server := &fakeTB{}, &answering{}
	e := rbactest.Enforce(tb, []rbacv1.PolicyRule{can("pods", "get")})
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			req, _ := http.NewRequest("GET", "https://127.0.0.1"+[]string{"/api/v1/namespaces/a/pods/b", "/api/v1/nodes"}[i%2], nil)
			if res, err := e.Wrap(server).RoundTrip(req); err == nil {
				_ = res.Body.Close()
			}
			e.Unused()
		})
	}
	all.Wait()
	require.Len(t, server.requests, 10)
	require.Len(t, tb.errors, 1)
	require.Empty(t, e.Unused())
}

// cleaning is a test that can end.
type cleaning struct {
	fakeTB
	cleanup func()
}

func (c *cleaning) Cleanup(f func()) { c.cleanup = f }

func TestEnforceAfterTheTest(t *testing.T) {
	tb := &cleaning{}
	through := rbactest.Enforce(tb, nil).Wrap(&answering{})
	tb.cleanup()
	code, _ := ask(t, through, "GET", "/api/v1/pods")
	require.Equal(t, 403, code)
	require.Empty(t, tb.errors, "a goroutine that outlives the test would panic")
}

func TestEnforceRefusesToBegin(t *testing.T) {
	for name, begin := range map[string]func(rbactest.TB){
		"rules that are not stored": func(tb rbactest.TB) { rbactest.Enforce(tb, []rbacv1.PolicyRule{{Verbs: []string{"get"}}}) },
		"no policy":                 func(tb rbactest.TB) { rbactest.EnforcePolicy(tb, nil, rbac.ServiceAccount("a", "b")) },
		"nobody":                    func(tb rbactest.TB) { rbactest.EnforcePolicy(tb, policyOf(t), rbac.Subject{}) },
	} {
		tb := &fakeTB{}
		begin(tb)
		require.NotEmpty(t, tb.fatals, name)
	}
}

func TestEnforcePassesOn(t *testing.T) {
	tb, server := &fakeTB{}, &answering{}
	through := rbactest.Enforce(tb, nil).Wrap(server)
	wrapper, ok := through.(utilnet.RoundTripperWrapper)
	require.True(t, ok)
	require.Equal(t, http.RoundTripper(server), wrapper.WrappedRoundTripper())
	wrapper, _ = rbactest.Enforce(tb, nil).Wrap(nil).(utilnet.RoundTripperWrapper)
	require.Equal(t, http.DefaultTransport, wrapper.WrappedRoundTripper())

	for _, header := range []string{"", "Impersonate-Group"} {
		sent := &body{Reader: strings.NewReader("{}")}
		req, err := http.NewRequest("GET", "https://127.0.0.1/api/v1/watch", sent)
		require.NoError(t, err)
		if header != "" {
			req.URL.Path = "/api/v1/pods"
			req.Header.Set(header, "x")
		}
		res, err := through.RoundTrip(req)
		if res != nil {
			require.NoError(t, errors.Join(res.Body.Close()))
		}
		require.Error(t, err)
		require.True(t, sent.closed)
	}
	require.Empty(t, server.requests)
}
