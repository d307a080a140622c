package kube_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"

	"github.com/meshpeer/meshpeer/internal/kube"
)

// TestObjectsThatNameTheirKind need no entry in the table, and unstructured ones no Go type.
func TestObjectsThatNameTheirKind(t *testing.T) {
	var paths []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		paths = append(paths, r.URL.RequestURI())
		w.Header().Set("Content-Type", "application/json")
		kind := map[bool]string{true: "EndpointSliceList", false: "NetworkPolicy"}[len(paths) == 1]
		_, _ = w.Write([]byte(`{"apiVersion":"x/v1","kind":"` + kind + `","metadata":{"name":"a"},"spec":{"b":1},"items":[{"apiVersion":"x/v1","kind":"Any","metadata":{"name":"a"}}]}`))
	}))
	defer s.Close()
	objects, err := kube.NewObjects(&rest.Config{Host: s.URL}, "")
	require.NoError(t, err)

	slice := &discoveryv1.EndpointSlice{TypeMeta: metav1.TypeMeta{APIVersion: "discovery.k8s.io/v1", Kind: "EndpointSlice"}}
	found, err := objects.List(t.Context(), slice, "a=b")
	require.NoError(t, err)
	require.Equal(t, "a", found[0].(*discoveryv1.EndpointSlice).Name)

	like := &unstructured.Unstructured{}
	like.SetAPIVersion("x/v1")
	like.SetKind("NetworkPolicy")
	like.SetName("a")
	got, err := objects.Get(t.Context(), like)
	require.NoError(t, err)
	require.Equal(t, map[string]any{"b": int64(1)}, got.(*unstructured.Unstructured).Object["spec"])
	for kind, plural := range map[string]string{"Gateway": "gateways", "IstioGateway": "istiogateways", "ASMMeshConfig": "asmmeshconfigs", "Service": "services", "AuthorizationPolicy": "authorizationpolicies"} {
		like.SetKind(kind)
		require.Equal(t, plural, kube.Resource(like))
	}
	require.Equal(t, []string{"/apis/discovery.k8s.io/v1/endpointslices?labelSelector=a%3Db&limit=500", "/apis/x/v1/networkpolicies/a"}, paths)
}

func TestPaths(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/version" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		w.Header()["Date"] = nil
		_, _ = w.Write([]byte("{}"))
	}))
	defer s.Close()
	paths, err := kube.NewPaths(&rest.Config{Host: s.URL})
	require.NoError(t, err)
	body, date, err := paths.Get(t.Context(), "/version")
	require.NoError(t, err)
	require.Equal(t, "{}", string(body))
	require.True(t, date.IsZero())
	_, _, err = paths.Get(t.Context(), "/livez")
	require.ErrorContains(t, err, "kube: GET /livez: HTTP 403")
	s.Close()
	_, _, err = paths.Get(t.Context(), "/version")
	require.Error(t, err)
	_, err = kube.NewPaths(&rest.Config{Host: "a b"})
	require.Error(t, err)
}

// TestCached: reads ask for what the API server has in memory, a list's next pages for the same state.
func TestCached(t *testing.T) {
	var queries []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		queries = append(queries, r.URL.RawQuery)
		w.Header().Set("Content-Type", "application/json")
		more := map[bool]string{true: `"continue":"next"`}[len(queries)%2 == 1]
		if strings.HasSuffix(r.URL.Path, "/pods/a") {
			_, _ = w.Write([]byte(`{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"}}`))
			return
		}
		_, _ = w.Write([]byte(`{"apiVersion":"v1","kind":"PodList","metadata":{` + more + `},"items":[{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"}}]}`))
	}))
	defer s.Close()
	objects, err := kube.NewObjects(&rest.Config{Host: s.URL}, "")
	require.NoError(t, err)
	for _, o := range []kube.Objects{objects.Cached(), objects} {
		found, err := o.List(t.Context(), &corev1.Pod{}, "")
		require.NoError(t, err)
		require.Len(t, found, 2)
	}
	require.Equal(t, []string{"limit=500&resourceVersion=0", "continue=next&limit=500", "limit=500", "continue=next&limit=500"}, queries)
	queries = nil
	for _, o := range []kube.Objects{objects.Cached(), objects} {
		found, err := o.Get(t.Context(), &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "n", Name: "a"}})
		require.NoError(t, err)
		require.Equal(t, "a", found.GetName())
	}
	require.Equal(t, []string{"resourceVersion=0", ""}, queries)
}

// TestWatch: what becomes of a Secret, as Secrets; a failure ends it.
func TestWatch(t *testing.T) {
	var asked string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.RequestURI()
		w.Header().Set("Content-Type", "application/json")
		if strings.Contains(asked, "forbidden") {
			w.WriteHeader(http.StatusForbidden)
			_, _ = w.Write([]byte(`{"apiVersion":"v1","kind":"Status","status":"Failure","reason":"Forbidden","code":403}`))
			return
		}
		_, _ = w.Write([]byte(`{"type":"MODIFIED","object":{"apiVersion":"v1","kind":"Secret","metadata":{"name":"a"},"data":{"token":"YQ=="}}}` + "\n" +
			`{"type":"ERROR","object":{"apiVersion":"v1","kind":"Status","status":"Failure","reason":"Expired","code":410}}` + "\n"))
	}))
	defer s.Close()
	objects, err := kube.NewObjects(&rest.Config{Host: s.URL}, "")
	require.NoError(t, err)
	like := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "n"}}
	stream, err := kube.Watch(t.Context(), objects, like, metav1.ListOptions{FieldSelector: "metadata.name=a", ResourceVersion: "7"})
	require.NoError(t, err)
	defer stream.Stop()
	event := <-stream.ResultChan()
	require.Equal(t, watch.Modified, event.Type)
	require.Equal(t, "a", string(event.Object.(*corev1.Secret).Data["token"]))
	require.Equal(t, watch.Error, (<-stream.ResultChan()).Type)
	require.Equal(t, "/api/v1/namespaces/n/secrets?fieldSelector=metadata.name%3Da&resourceVersion=7&watch=true", asked)

	like.Namespace = "forbidden"
	_, err = objects.Watch(t.Context(), like, metav1.ListOptions{})
	require.True(t, apierrors.IsForbidden(err), "%v", err)
	_, err = kube.Watch(t.Context(), struct{}{}, like, metav1.ListOptions{})
	require.ErrorContains(t, err, "cannot watch")
}

// TestAnswersOfNoAPIServer: what is no object or list of the kind that was asked for is not taken for an empty one.
func TestAnswersOfNoAPIServer(t *testing.T) {
	var body string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(body))
	}))
	defer s.Close()
	objects, err := kube.NewObjects(kube.Configure(&rest.Config{Host: s.URL}, "test", rest.NoWarnings{}), "")
	require.NoError(t, err)
	named := metav1.ObjectMeta{Namespace: "n", Name: "a"}
	custom := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "x/v1", "kind": "Gateway", "metadata": map[string]any{"name": "a"}}}
	for _, body = range []string{
		"", "null", "{}", "[]", `"x"`, "<html>", `{"items":null}`, `{"items":[]}`, `{"kind":"Status","apiVersion":"v1","status":"Failure"}`,
		`{"kind":"Pod","metadata":{"name":"a"}}`, `{"kind":"PodList","items":[{"metadata":{"name":"a"}}]}`, `{"kind":"SecretList","items":[null]}`,
		`{"kind":"GatewayList","items":[null]}`, `{"kind":"SecretList","items":{}}`, `{"kind":"Secret","data":{"a":"not base64, and perhaps a secret"}}`,
	} {
		for name, ask := range map[string]func() error{
			"get":         func() error { _, err := objects.Get(t.Context(), &corev1.Secret{ObjectMeta: named}); return err },
			"create":      func() error { _, err := objects.Create(t.Context(), &corev1.Secret{ObjectMeta: named}); return err },
			"update":      func() error { _, err := objects.Update(t.Context(), &corev1.Secret{ObjectMeta: named}); return err },
			"list":        func() error { _, err := objects.List(t.Context(), &corev1.Secret{ObjectMeta: named}, ""); return err },
			"get custom":  func() error { _, err := objects.Get(t.Context(), custom); return err },
			"list custom": func() error { _, err := objects.List(t.Context(), custom, ""); return err },
			"create token": func() error {
				_, err := objects.Accounts("n").CreateToken(t.Context(), "a", &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
				return err
			},
		} {
			err := ask()
			require.Error(t, err, "%s: %s", name, body)
			require.NotContains(t, err.Error(), "perhaps a secret", name)
		}
	}
}

// TestNamesInPaths: a name is one segment of a path.
func TestNamesInPaths(t *testing.T) {
	objects, err := kube.NewObjects(&rest.Config{Host: "http://localhost:1"}, "")
	require.NoError(t, err)
	for _, name := range []string{"", ".", "..", "a/b", "a%2fb"} {
		named := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "n", Name: name}}
		_, err := objects.Get(t.Context(), named)
		require.ErrorContains(t, err, "the name", name)
		_, err = objects.Update(t.Context(), named)
		require.ErrorContains(t, err, "the name", name)
		require.ErrorContains(t, objects.Delete(t.Context(), named), "the name", name)
		_, err = objects.Accounts("n").CreateToken(t.Context(), name, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
		require.ErrorContains(t, err, "the name", name)
		if name != "" {
			_, err = objects.List(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: name}}, "")
			require.ErrorContains(t, err, "the name", name)
		}
	}
}
