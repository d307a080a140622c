package kube_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/meshpeer/meshpeer/internal/kube"
)

func TestMetadata(t *testing.T) {
	var asked []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path)
		if r.Header.Get("Accept") != "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1" || r.URL.Query().Get("limit") != "500" {
			t.Errorf("asked for whole objects: %s", r.URL)
		}
		if first := r.URL.Query().Get("continue") == ""; first != (r.URL.Query().Get("resourceVersion") == "0") {
			t.Errorf("not what the API server has in memory, or another state than that of the first page: %s", r.URL)
		}
		switch {
		case r.URL.Query().Get("labelSelector") == "forbidden":
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","code":403,"message":"no"}`)
		case r.URL.Query().Get("labelSelector") == "proxy":
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, `<html>`)
		case r.URL.Query().Get("labelSelector") == "cut":
			_, _ = io.WriteString(w, `{"items":[`)
		case r.URL.Query().Get("labelSelector") == "nothing":
			_, _ = io.WriteString(w, `{}`)
		case r.URL.Query().Get("continue") == "":
			_, _ = io.WriteString(w, `{"kind":"PartialObjectMetadataList","metadata":{"continue":"more"},"items":[{"metadata":{"name":"a","labels":{"l":"1"}}}]}`)
		default:
			_, _ = io.WriteString(w, `{"kind":"PartialObjectMetadataList","items":[{"metadata":{"name":"b"}}]}`)
		}
	}))
	defer s.Close()
	paths, err := kube.NewPaths(&rest.Config{Host: s.URL})
	require.NoError(t, err)
	like := &metav1.PartialObjectMetadata{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"}, ObjectMeta: metav1.ObjectMeta{Namespace: "n"}}

	found, err := paths.Metadata(t.Context(), like, "", true)
	require.NoError(t, err)
	require.Equal(t, []string{"/api/v1/namespaces/n/secrets", "/api/v1/namespaces/n/secrets"}, asked)
	require.Len(t, found, 2)
	require.Equal(t, "a", found[0].GetName())
	require.Equal(t, map[string]string{"l": "1"}, found[0].GetLabels())
	require.Equal(t, "Secret", found[1].GetObjectKind().GroupVersionKind().Kind)

	for _, selector := range []string{"forbidden", "proxy"} {
		_, err = paths.Metadata(t.Context(), like, selector, true)
		require.True(t, apierrors.IsForbidden(err), "%v", err)
	}
	for _, selector := range []string{"cut", "nothing"} {
		_, err = paths.Metadata(t.Context(), like, selector, true)
		require.Error(t, err, "no empty list")
	}
	like = &metav1.PartialObjectMetadata{TypeMeta: metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"}}
	_, err = paths.Metadata(t.Context(), like, "", true)
	require.NoError(t, err)
	require.Equal(t, "/apis/apps/v1/deployments", asked[len(asked)-1])
}
