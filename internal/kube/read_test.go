package kube_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/meshpeer/meshpeer/internal/kube"
)

// TestObjectsThatNameTheirKind need no entry in the table, and unstructured ones no Go type.
func TestObjectsThatNameTheirKind(t *testing.T) {
	var paths []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		paths = append(paths, r.URL.RequestURI())
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"apiVersion":"x/v1","kind":"Any","metadata":{"name":"a"},"spec":{"b":1},"items":[{"apiVersion":"x/v1","kind":"Any","metadata":{"name":"a"}}]}`))
	}))
	defer s.Close()
	client, err := dynamic.NewForConfig(&rest.Config{Host: s.URL})
	require.NoError(t, err)
	objects := kube.NewObjects(client, "")

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

// TestCachedLists ask for the first page of what the API server has in memory, and for the next pages of the same.
func TestCachedLists(t *testing.T) {
	var queries []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		queries = append(queries, r.URL.RawQuery)
		w.Header().Set("Content-Type", "application/json")
		more := map[bool]string{true: `"continue":"next"`}[len(queries)%2 == 1]
		_, _ = w.Write([]byte(`{"apiVersion":"v1","kind":"PodList","metadata":{` + more + `},"items":[{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"}}]}`))
	}))
	defer s.Close()
	client, err := dynamic.NewForConfig(&rest.Config{Host: s.URL})
	require.NoError(t, err)
	objects := kube.NewObjects(client, "")
	for _, o := range []kube.Objects{objects.Cached(), objects} {
		found, err := o.List(t.Context(), &corev1.Pod{}, "")
		require.NoError(t, err)
		require.Len(t, found, 2)
	}
	require.Equal(t, []string{"limit=500&resourceVersion=0", "continue=next&limit=500", "limit=500", "continue=next&limit=500"}, queries)
}
