package rbactest_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/rbac/rbactest"
)

// The whole comparison with the API server's resolver is in internal/lab/controlplane/differential.
func TestAccessOf(t *testing.T) {
	for request, want := range map[string]rbac.Access{
		"GET /api/v1/pods":                                                {Verb: "list", Resource: "pods"},
		"HEAD /api/v1/namespaces/a/pods/b":                                {Verb: "get", Resource: "pods", Namespace: "a", Name: "b"},
		"GET /api/v1/namespaces/a/pods?watch":                             {Verb: "watch", Resource: "pods", Namespace: "a"},
		"GET /api/v1/pods?watch=0":                                        {Verb: "list", Resource: "pods"},
		"GET /api/v1/pods?watch=1&fieldSelector=metadata.name%3Dx":        {Verb: "watch", Resource: "pods", Name: "x"},
		"GET /api/v1/pods?fieldSelector=metadata.name%3Dx&limit=y":        {Verb: "list", Resource: "pods"},
		"GET /api/v1/pods?fieldSelector=metadata.name%3Da%2Fb":            {Verb: "list", Resource: "pods"},
		"GET /api/v1/pods?fieldSelector=metadata.name%3Dx&labelSelector=": {Verb: "list", Resource: "pods", Name: "x"},
		"GET /api/v1/namespaces/a":                                        {Verb: "get", Resource: "namespaces", Namespace: "a", Name: "a"},
		"PUT /api/v1/namespaces/a/finalize":                               {Verb: "update", Resource: "namespaces", Subresource: "finalize", Namespace: "a", Name: "a"},
		"POST /api/v1/namespaces":                                         {Verb: "create", Resource: "namespaces"},
		"DELETE /apis/apps/v1/namespaces/a/deployments":                   {Verb: "deletecollection", Group: "apps", Resource: "deployments", Namespace: "a"},
		"DELETE /apis/apps/v1/namespaces/a/deployments/b":                 {Verb: "delete", Group: "apps", Resource: "deployments", Namespace: "a", Name: "b"},
		"PATCH /apis/apps/v1/namespaces/a/deployments/b/scale/c":          {Verb: "patch", Group: "apps", Resource: "deployments", Subresource: "scale", Namespace: "a", Name: "b"},
		"GET /api/v1/watch/namespaces/a/pods":                             {Verb: "watch", Resource: "pods", Namespace: "a"},
		"GET /api/v1/proxy/nodes/a/b/c":                                   {Verb: "proxy", Resource: "nodes", Name: "a"},
		"OPTIONS /api/v1/pods":                                            {Resource: "pods"},
		"GET /apis/apps/v1":                                               {Verb: "get", Path: "/apis/apps/v1"},
		"GET /healthz?verbose":                                            {Verb: "get", Path: "/healthz"},
		"GET /api/v1/":                                                    {Verb: "get", Path: "/api/v1/"},
		"GET ":                                                            {Verb: "get", Path: "/"},
		"GET /k8s/clusters/c/api/v1/pods":                                 {Verb: "get", Path: "/k8s/clusters/c/api/v1/pods"},
		" /version":                                                       {Verb: "get", Path: "/version"},
	} {
		var method, target string
		for i, r := range request {
			if r == ' ' {
				method, target = request[:i], request[i+1:]
				break
			}
		}
		req, err := http.NewRequest(method, "https://127.0.0.1:6443"+target, nil)
		require.NoError(t, err)
		req.Method = method
		got, err := rbactest.AccessOf(req)
		require.NoError(t, err)
		require.Equal(t, want, got, request)
	}
	for _, u := range []*url.URL{{Path: "/api/v1/watch"}, {Path: "/apis/apps/v1/proxy/"}, {Scheme: "https", Opaque: "a b"}} {
		_, err := rbactest.AccessOf(&http.Request{Method: "GET", URL: u})
		require.Error(t, err, u)
	}
}
