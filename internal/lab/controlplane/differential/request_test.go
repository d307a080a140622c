package differential_test

import (
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"istio.io/istio/pkg/log"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apiserver/pkg/endpoints/request"

	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/rbac/rbactest"
)

// Each request is what the API server's own resolver makes of it, as its authorizers see it.
func TestAccessOfAgreesWithRequestInfo(t *testing.T) {
	const requests = 100_000
	level := log.KlogScope.GetOutputLevel()
	log.KlogScope.SetOutputLevel(log.NoneLevel) // the resolver logs each request that it cannot read
	defer log.KlogScope.SetOutputLevel(level)
	resolver := &request.RequestInfoFactory{APIPrefixes: sets.NewString("api", "apis"), GrouplessAPIPrefixes: sets.NewString("api")}
	verbs, resources, named, refused := map[string]int{}, 0, 0, 0
	for seed := range uint64(requests) {
		r := rand.New(rand.NewPCG(seed, 7))
		method, target := aRequest(r)
		client, err := http.NewRequest(method, "https://kubernetes.default.svc"+target, nil)
		if err != nil {
			continue // no client can send it
		}
		server := httptest.NewRequest(method, client.URL.RequestURI(), nil)
		want, wantErr := resolver.NewRequestInfo(server)
		got, err := rbactest.AccessOf(client)
		require.Equal(t, wantErr != nil, err != nil, "%s %s: %v, %v", method, target, wantErr, err)
		if err != nil {
			refused++
			continue
		}
		expected := rbac.Access{Verb: want.Verb, Path: want.Path}
		if want.IsResourceRequest {
			resources++
			expected = rbac.Access{
				Verb: want.Verb, Group: want.APIGroup, Resource: want.Resource, Subresource: want.Subresource,
				Namespace: want.Namespace, Name: want.Name,
			}
			verbs[want.Verb]++
			if (want.Verb == "list" || want.Verb == "watch") && want.Name != "" {
				named++
			}
		}
		require.Equal(t, expected, got, "%s %s", method, target)
	}
	t.Logf("%d for resources, %d lists and watches of one name, %d refused, verbs %v", resources, named, refused, verbs)
	require.Greater(t, resources, requests/3)
	require.Greater(t, named, requests/100)
	require.Greater(t, refused, 100)
	for _, verb := range []string{"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection", "proxy", ""} {
		require.Greater(t, verbs[verb], requests/500, verb)
	}
}

// aRequest is a method and a target, most of which an API server serves.
func aRequest(r *rand.Rand) (method, target string) {
	pick := func(from ...string) string { return from[r.IntN(len(from))] }
	method = pick("GET", "GET", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "DELETE", "OPTIONS", "get", "CONNECT", "*", "")
	segment := func() string {
		return pick("namespaces", "namespaces", "pods", "a", "watch", "proxy", "status", "finalize", "log", "", "x.y", "*", "%2F", "a%20b", "é", "..", "v1", "apis", "api")
	}
	parts := []string{}
	switch r.IntN(8) {
	case 0, 1, 2:
		parts = append(parts, "api", pick("v1", "v1", ""))
	case 3, 4, 5:
		parts = append(parts, "apis", pick("apps", "", "networking.istio.io"), "v1")
	case 6:
		parts = append(parts, pick("healthz", "version", "openapi", "API", "apis", "api", ""))
	}
	if r.IntN(4) == 0 {
		parts = append(parts, pick("watch", "proxy"))
	}
	if r.IntN(3) == 0 {
		parts = append(parts, "namespaces", pick("a", "b", "", "*"))
	}
	for range r.IntN(5) {
		parts = append(parts, segment())
	}
	target = pick("/", "/", "/", "//", "") + strings.Join(parts, "/") + pick("", "", "/", "//")
	if !strings.HasPrefix(target, "/") {
		target = "/" + target
	}
	if r.IntN(2) == 0 {
		target += "?" + aQuery(r)
	}
	return method, target
}

// aQuery is the parameters of a list, some of which cannot be read.
func aQuery(r *rand.Rand) string {
	pick := func(from ...string) string { return from[r.IntN(len(from))] }
	values := url.Values{}
	for range r.IntN(4) {
		switch r.IntN(8) {
		case 0, 1:
			values.Add("watch", pick("", "true", "1", "false", "0", "FALSE", "no", "yes"))
		case 2, 3, 4:
			values.Add("fieldSelector", pick("metadata.name=x", "metadata.name==x", "metadata.name!=x", "metadata.name=", "metadata.name=a/b", "metadata.name=..",
				"metadata.name=x,metadata.namespace=y", "metadata.name=x,metadata.name=y", "spec.nodeName=x", "x", "=", "metadata.name=a\\,b", "metadata.name in (x)", "metadata.name=*", " metadata.name=x"))
		case 5:
			values.Add("labelSelector", pick("a=b", "a in (b,c)", "!a", "a=", "a==b,c", "a in", "=", "é=1", "*", "a="+strings.Repeat("x", 64)))
		case 6:
			values.Add(pick("limit", "timeoutSeconds"), pick("5", "", "x", "-1", "99999999999999999999", "1.5"))
		default:
			values.Add(pick("resourceVersion", "continue", "sendInitialEvents", "allowWatchBookmarks", "resourceVersionMatch", "pretty", "dryRun", "shardSelector", "Watch", "FieldSelector"), pick("", "x", "true", "0", "NotOlderThan"))
		}
	}
	return values.Encode() + pick("", "", "", "&watch", "&fieldSelector=metadata.name%3Dz", "&%zz", ";watch=1", "&watch=%")
}
