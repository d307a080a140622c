package rbac_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	authorizationv1 "k8s.io/api/authorization/v1"

	"github.com/meshpeer/meshpeer/rbac"
)

func TestAccessString(t *testing.T) {
	for want, a := range map[string]rbac.Access{
		"list nodes": {Verb: "list", Resource: "nodes"},
		"get deployments.apps/scale named b in namespace a": {Verb: "get", Group: "apps", Resource: "deployments", Subresource: "scale", Namespace: "a", Name: "b"},
		"update deployments.apps/scale":                     {Verb: "update", Group: "apps", Resource: "deployments/scale"},
		"get /healthz":                                      {Verb: "get", Path: "/healthz"},
	} {
		require.Equal(t, want, a.String())
	}
}

// What no request to an API server can be: field, fault and the spelling that was meant.
func TestImpossibleAccesses(t *testing.T) {
	for name, tc := range map[string]struct {
		a     rbac.Access
		field string
		text  string
	}{
		"empty":                  {rbac.Access{}, "Access", "is empty"},
		"singular":               {rbac.Access{Verb: "get", Resource: "secret"}, "Access.Resource", `write "secrets"`},
		"irregular singular":     {rbac.Access{Verb: "get", Group: "networking.k8s.io", Resource: "ingress"}, "Access.Resource", `write "ingresses"`},
		"singular in y":          {rbac.Access{Verb: "get", Group: "networking.k8s.io", Resource: "networkpolicy"}, "Access.Resource", `write "networkpolicies"`},
		"singular of a class":    {rbac.Access{Verb: "get", Group: "storage.k8s.io", Resource: "storageclass"}, "Access.Resource", `write "storageclasses"`},
		"capital plural":         {rbac.Access{Verb: "get", Resource: "Secrets"}, "Access.Resource", `write "secrets"`},
		"kind":                   {rbac.Access{Verb: "get", Resource: "Pod"}, "Access.Resource", `write "pods"`},
		"camel":                  {rbac.Access{Verb: "get", Resource: "configMaps"}, "Access.Resource", `write "configmaps"`},
		"short name":             {rbac.Access{Verb: "get", Resource: "cm"}, "Access.Resource", `write "configmaps"`},
		"typo":                   {rbac.Access{Verb: "get", Resource: "servceaccounts"}, "Access.Resource", `write "serviceaccounts"`},
		"of another group":       {rbac.Access{Verb: "get", Resource: "deployments"}, "Access.Resource", `Resource "deployments" and Group "apps"`},
		"of two groups":          {rbac.Access{Verb: "get", Resource: "gateways"}, "Access.Resource", `Group "gateway.networking.k8s.io", or Resource "gateways" and Group "networking.istio.io"`},
		"of no group":            {rbac.Access{Verb: "get", Resource: "widgets"}, "Access.Resource", "kubectl api-resources"},
		"no resource":            {rbac.Access{Verb: "get"}, "Access.Resource", "is empty"},
		"with its group":         {rbac.Access{Verb: "get", Resource: "deployments.apps"}, "Access.Resource", `Resource "deployments" and Group "apps"`},
		"with its group twice":   {rbac.Access{Verb: "get", Group: "apps", Resource: "deployments.apps"}, "Access.Resource", `write "deployments"`},
		"path as resource":       {rbac.Access{Verb: "get", Resource: "healthz"}, "Access.Resource", `write Path "/healthz"`},
		"Istio kind":             {rbac.Access{Verb: "get", Group: "networking.istio.io", Resource: "VirtualService"}, "Access.Resource", `write "virtualservices"`},
		"Istio singular":         {rbac.Access{Verb: "get", Group: "networking.istio.io", Resource: "serviceentry"}, "Access.Resource", `write "serviceentries"`},
		"Gateway API singular":   {rbac.Access{Verb: "get", Group: "gateway.networking.k8s.io", Resource: "httproute"}, "Access.Resource", `write "httproutes"`},
		"capitals elsewhere":     {rbac.Access{Verb: "get", Group: "example.com", Resource: "Widgets"}, "Access.Resource", `write "widgets"`},
		"no plural elsewhere":    {rbac.Access{Verb: "get", Group: "example.com", Resource: "wid_gets"}, "Access.Resource", "kubectl api-resources"},
		"capital verb":           {rbac.Access{Verb: "GET", Resource: "secrets"}, "Access.Verb", `write "get"`},
		"title verb":             {rbac.Access{Verb: "List", Resource: "secrets"}, "Access.Verb", `write "list"`},
		"no verb":                {rbac.Access{Resource: "secrets"}, "Access.Verb", "is empty"},
		"misnomer":               {rbac.Access{Verb: "read", Resource: "secrets"}, "Access.Verb", `write "get"`},
		"misnomer elsewhere":     {rbac.Access{Verb: "write", Group: "example.com", Resource: "widgets"}, "Access.Verb", `write "update"`},
		"HTTP method":            {rbac.Access{Verb: "post", Resource: "secrets"}, "Access.Verb", `write "create"`},
		"verb with a blank":      {rbac.Access{Verb: " get", Resource: "secrets"}, "Access.Verb", `write "get"`},
		"only a blank":           {rbac.Access{Verb: "get", Resource: "secrets", Namespace: " "}, "Access.Namespace", "remove it"},
		"verb typo":              {rbac.Access{Verb: "wacth", Resource: "secrets"}, "Access.Verb", `write "watch"`},
		"several verbs":          {rbac.Access{Verb: "all", Resource: "secrets"}, "Access.Verb", "one access for each verb"},
		"no verb of Kubernetes":  {rbac.Access{Verb: "frobnicate", Resource: "secrets"}, "Access.Verb", "deletecollection"},
		"bad custom verb":        {rbac.Access{Verb: "do_it", Group: "example.com", Resource: "widgets"}, "Access.Verb", "deletecollection"},
		"verb of others":         {rbac.Access{Verb: "escalate", Resource: "secrets"}, "Access.Verb", "clusterroles.rbac.authorization.k8s.io"},
		"never served":           {rbac.Access{Verb: "list", Resource: "users"}, "Access.Verb", "impersonate"},
		"group and version":      {rbac.Access{Verb: "get", Group: "apps/v1", Resource: "deployments"}, "Access.Group", `write "apps"`},
		"version and group":      {rbac.Access{Verb: "get", Group: "v1beta1.apps", Resource: "deployments"}, "Access.Group", `write "apps"`},
		"core":                   {rbac.Access{Verb: "get", Group: "core", Resource: "pods"}, "Access.Group", "leave Group empty"},
		"version":                {rbac.Access{Verb: "get", Group: "v1", Resource: "pods"}, "Access.Group", "leave Group empty"},
		"capital group":          {rbac.Access{Verb: "get", Group: "Apps", Resource: "deployments"}, "Access.Group", `write "apps"`},
		"half a group":           {rbac.Access{Verb: "get", Group: "networking", Resource: "ingresses"}, "Access.Group", `write "networking.k8s.io"`},
		"half another":           {rbac.Access{Verb: "get", Group: "rbac", Resource: "clusterroles"}, "Access.Group", `write "rbac.authorization.k8s.io"`},
		"group typo":             {rbac.Access{Verb: "get", Group: "discover.k8s.io", Resource: "endpointslices"}, "Access.Group", `write "discovery.k8s.io"`},
		"no group":               {rbac.Access{Verb: "get", Group: "widgets", Resource: "widgets"}, "Access.Group", "without its version"},
		"no domain":              {rbac.Access{Verb: "get", Group: "a_b.c", Resource: "widgets"}, "Access.Group", "form of a domain name"},
		"subresource typo":       {rbac.Access{Verb: "get", Resource: "pods", Subresource: "logs"}, "Access.Subresource", `write "log"`},
		"typo in resource":       {rbac.Access{Verb: "get", Resource: "pods/logs"}, "Access.Subresource", `write "log"`},
		"capital subresource":    {rbac.Access{Verb: "get", Resource: "pods", Subresource: "Log"}, "Access.Subresource", `write "log"`},
		"name as subresource":    {rbac.Access{Verb: "get", Resource: "pods", Subresource: "sleep-1"}, "Access.Subresource", "name of an object goes into Name"},
		"no subresources":        {rbac.Access{Verb: "get", Resource: "secrets", Subresource: "mine"}, "Access.Subresource", "which has none"},
		"deep subresource":       {rbac.Access{Verb: "get", Resource: "pods", Subresource: "proxy/metrics"}, "Access.Subresource", `write "proxy"`},
		"subresource twice":      {rbac.Access{Verb: "get", Resource: "pods/log", Subresource: "log"}, "Access.Resource", "one place"},
		"star verb":              {rbac.Access{Verb: "*", Resource: "pods"}, "Access.Verb", "star"},
		"star group":             {rbac.Access{Verb: "get", Group: "*", Resource: "pods"}, "Access.Group", "star"},
		"star resource":          {rbac.Access{Verb: "get", Resource: "*"}, "Access.Resource", "star"},
		"star subresource":       {rbac.Access{Verb: "get", Resource: "pods/*"}, "Access.Resource", "star"},
		"star name":              {rbac.Access{Verb: "get", Resource: "pods", Name: "*"}, "Access.Name", "star"},
		"star path":              {rbac.Access{Verb: "get", Path: "/metrics/*"}, "Access.Path", "star"},
		"created name":           {rbac.Access{Verb: "create", Resource: "pods", Name: "a"}, "Access.Name", "leave Name empty"},
		"collection with a name": {rbac.Access{Verb: "deletecollection", Resource: "pods", Name: "a"}, "Access.Name", "leave Name empty"},
		"name with a slash":      {rbac.Access{Verb: "get", Resource: "pods", Name: "a/b"}, "Access.Name", "may not contain '/'"},
		"name with a line":       {rbac.Access{Verb: "get", Resource: "pods", Name: "a\nb"}, "Access.Name", "control character"},
		"bad namespace":          {rbac.Access{Verb: "get", Resource: "pods", Namespace: "A"}, "Access.Namespace", "RFC 1123 label"},
		"namespace of a node":    {rbac.Access{Verb: "get", Resource: "nodes", Namespace: "a"}, "Access.Namespace", "leave Namespace empty"},
		"namespace of another":   {rbac.Access{Verb: "get", Resource: "namespaces", Namespace: "a", Name: "b"}, "Access.Namespace", "leave Namespace empty"},
		"path and resource":      {rbac.Access{Verb: "get", Path: "/healthz", Resource: "pods"}, "Access.Resource", "drop one of them"},
		"path and name":          {rbac.Access{Verb: "get", Path: "/healthz", Name: "pods"}, "Access.Name", "drop one of them"},
		"path and namespace":     {rbac.Access{Verb: "get", Path: "/healthz", Namespace: "pods"}, "Access.Namespace", "drop one of them"},
		"path and group":         {rbac.Access{Verb: "get", Path: "/healthz", Group: "apps"}, "Access.Group", "drop one of them"},
		"path without slash":     {rbac.Access{Verb: "get", Path: "healthz"}, "Access.Path", `write "/healthz"`},
		"path with a query":      {rbac.Access{Verb: "get", Path: "/healthz?x=1"}, "Access.Path", `write "/healthz"`},
		"path with a fragment":   {rbac.Access{Verb: "get", Path: "/healthz#x"}, "Access.Path", `write "/healthz"`},
		"escaped path":           {rbac.Access{Verb: "get", Path: "/a%2Fb"}, "Access.Path", "unescaped"},
		"path of a resource":     {rbac.Access{Verb: "get", Path: "/api/v1/nodes"}, "Access.Path", "use Group and Resource"},
		"path of another":        {rbac.Access{Verb: "get", Path: "/apis/apps/v1/deployments"}, "Access.Path", "use Group and Resource"},
		"API verb for a path":    {rbac.Access{Verb: "list", Path: "/healthz"}, "Access.Verb", `write "get"`},
		"capital method":         {rbac.Access{Verb: "GET", Path: "/healthz"}, "Access.Verb", `write "get"`},
		"verb in the plural":     {rbac.Access{Verb: "watches", Group: "networking.istio.io", Resource: "gateways"}, "Access.Verb", `write "watch"`},
		"verb as a noun":         {rbac.Access{Verb: "listing", Group: "example.com", Resource: "widgets"}, "Access.Verb", `write "list"`},
		"two verbs":              {rbac.Access{Verb: "list-watch", Resource: "secrets"}, "Access.Verb", "one access for each verb"},
		"two verbs, a colon":     {rbac.Access{Verb: "get:list", Group: "example.com", Resource: "widgets"}, "Access.Verb", "one access for each verb"},
		"all verbs":              {rbac.Access{Verb: "get-all", Resource: "secrets"}, "Access.Verb", "one access for each verb"},
		"read only":              {rbac.Access{Verb: "read-only", Resource: "secrets"}, "Access.Verb", "one access for each verb"},
		"core as a domain":       {rbac.Access{Verb: "get", Group: "core.k8s.io", Resource: "secrets"}, "Access.Group", `Resource "secrets" and Group ""`},
		"domain alone":           {rbac.Access{Verb: "get", Group: "k8s.io", Resource: "secrets"}, "Access.Group", `Group ""`},
		"domain too much":        {rbac.Access{Verb: "get", Group: "apps.k8s.io", Resource: "deployments"}, "Access.Group", `Group "apps"`},
		"domain too short":       {rbac.Access{Verb: "get", Group: "rbac.k8s.io", Resource: "clusterroles"}, "Access.Group", `Group "rbac.authorization.k8s.io"`},
		"another domain":         {rbac.Access{Verb: "get", Group: "batch.kubernetes.io", Resource: "jobs"}, "Access.Group", `Group "batch"`},
		"Istio's domain alone":   {rbac.Access{Verb: "get", Group: "istio.io", Resource: "virtualservices"}, "Access.Group", `Group "networking.istio.io"`},
		"another Istio group":    {rbac.Access{Verb: "get", Group: "security.istio.io", Resource: "virtualservices"}, "Access.Resource", `Group "networking.istio.io"`},
		"Gateway API, cut short": {rbac.Access{Verb: "get", Group: "gateway.k8s.io", Resource: "httproutes"}, "Access.Group", `Group "gateway.networking.k8s.io"`},
		"metrics, singular":      {rbac.Access{Verb: "get", Group: "metrics.k8s.io", Resource: "pod"}, "Access.Resource", `write "pods"`},
		"Istio subresource typo": {rbac.Access{Verb: "get", Group: "networking.istio.io", Resource: "virtualservices/stauts"}, "Access.Subresource", `write "status"`},
		"two slashes":            {rbac.Access{Verb: "get", Path: "//metrics"}, "Access.Path", `write "/metrics"`},
		"dots in a path":         {rbac.Access{Verb: "get", Path: "/a/../metrics"}, "Access.Path", `write "/metrics"`},
		"a blank in a name":      {rbac.Access{Verb: "get", Resource: "secrets", Name: "a b"}, "Access.Name", "has a blank"},
		"a line in a user":       {rbac.Access{Verb: "impersonate", Resource: "users", Name: "a\nb"}, "Access.Name", "control character"},
		"not UTF-8":              {rbac.Access{Verb: "get", Resource: "\xff"}, "Access.Resource", "UTF-8"},
	} {
		t.Run(name, func(t *testing.T) {
			err := tc.a.Validate()
			var fault *rbac.FieldError
			require.ErrorAs(t, err, &fault)
			require.Equal(t, tc.field, fault.Field)
			require.ErrorContains(t, err, tc.text)
		})
	}
}

func TestEveryFaultIsNamed(t *testing.T) {
	err := rbac.Access{Verb: "GET", Group: "apps/v1", Resource: "deployments", Name: "a/b"}.Validate()
	require.EqualError(t, err, strings.Join([]string{
		`Access.Group "apps/v1": has a version, which RBAC does not look at; write "apps"`,
		`Access.Verb "GET": is not a verb of the API; write "get"`,
		`Access.Name "a/b": is not the name of an object; may not contain '/'`,
	}, "\n"))
}

func TestPossibleAccesses(t *testing.T) {
	for _, a := range []rbac.Access{
		{Verb: "get", Resource: "endpoints"},
		{Verb: "get", Resource: "pods/log"},
		{Verb: "list", Resource: "configmaps", Namespace: "istio-system", Name: "istio"},
		{Verb: "watch", Resource: "nodes"},
		{Verb: "get", Resource: "namespaces", Namespace: "a", Name: "a"},
		{Verb: "get", Resource: "nodes", Subresource: "metrics"},
		{Verb: "create", Resource: "serviceaccounts", Subresource: "token", Namespace: "istio-system", Name: "reader"},
		{Verb: "update", Group: "apps", Resource: "deployments", Subresource: "finalizers"},
		{Verb: "impersonate", Resource: "users", Name: "alice@example.com"},
		{Verb: "impersonate", Resource: "groups", Name: "oidc:/team/a"},
		{Verb: "impersonate", Group: "authentication.k8s.io", Resource: "userextras", Subresource: "scopes"},
		{Verb: "impersonate-on:user-info:list", Resource: "pods"},
		{Verb: "escalate", Group: "rbac.authorization.k8s.io", Resource: "clusterroles"},
		{Verb: "bind", Group: "rbac.authorization.k8s.io", Resource: "roles", Name: "reader"},
		{Verb: "approve", Group: "certificates.k8s.io", Resource: "signers", Name: "example.com/*"},
		{Verb: "create", Group: "certificates.k8s.io", Resource: "certificatesigningrequests/selfnodeclient"},
		{Verb: "create", Resource: "endpoints/restricted"},
		{Verb: "request-serviceaccounts-token-audience", Resource: "https://sts.example.com", Name: "reader"},
		{Verb: "use", Group: "security.openshift.io", Resource: "securitycontextconstraints", Name: "privileged"},
		{Verb: "list", Group: "example.com", Resource: "sheep"},
		{Verb: "get", Group: "metrics.k8s.io", Resource: "nodes"},
		{Verb: "get", Group: "networking.x-k8s.io", Resource: "gatewayclasses"},
		{Verb: "get", Group: "scheduling.x-k8s.io", Resource: "podgroups"},
		{Verb: "get", Group: "autoscaling.k8s.io", Resource: "verticalpodautoscalers"},
		{Verb: "get", Group: "snapshot.storage.k8s.io", Resource: "volumesnapshots"},
		{Verb: "get", Group: "gateway.networking.k8s.io", Resource: "listenersets"},
		{Verb: "get", Group: "apps.openshift.io", Resource: "deploymentconfigs", Subresource: "scale"},
		{Verb: "get", Group: "policy.networking.k8s.io", Resource: "adminnetworkpolicies"},
		{Verb: "get", Group: "gateway.networking.k8s.io", Resource: "backendlbpolicies"},
		{Verb: "get", Group: "custom.metrics.k8s.io", Resource: "pods/http_requests", Name: "*", Namespace: "a"},
		{Verb: "list", Group: "external.metrics.k8s.io", Resource: "s0-rabbitmq-Queue_length", Namespace: "a"},
		{Verb: "get", Group: "migration.k8s.io", Resource: "storageversionmigrations"},
		{Verb: "get", Group: "scheduling.incubator.k8s.io", Resource: "podgroups"},
		{Verb: "get", Group: "user.openshift.io", Resource: "users", Name: "~"},
		{Verb: "impersonate", Resource: "groups", Name: "Domain Admins"},
		{Verb: "impersonate", Group: "authentication.k8s.io", Resource: "userextras/example.com/project", Name: "some project"},
		{Verb: "get", Resource: "services/proxy", Namespace: "a", Name: "https:web:443"},
		{Verb: "get", Path: "/logs/"},
		{Verb: "run", Group: "example.com", Resource: "widgets", Subresource: "any"},
		{Verb: "list", Group: "networking.istio.io", Resource: "newthings"},
		{Verb: "get", Path: "/"},
		{Verb: "get", Path: "/apis/apps/v1"},
		{Verb: "get", Path: "/api/v1"},
		{Verb: "post", Path: "/hook"},
	} {
		require.NoError(t, a.Validate(), a)
		again, err := rbac.ParseAccess(a.String())
		require.NoError(t, err)
		require.Equal(t, a.String(), again.String())
	}
}

// Whatever a profile grants can be asked for.
func TestRenderedRulesAreAccesses(t *testing.T) {
	for _, profile := range []rbac.Profile{rbac.ASM, rbac.Upstream, rbac.RemoteControlPlane, rbac.Minimal} {
		for _, r := range explain(t, rbac.Options{Profile: profile}) {
			for _, group := range r.APIGroups {
				for _, resource := range r.Resources {
					if resource == "*" {
						continue
					}
					for _, verb := range r.Verbs {
						require.NoError(t, rbac.Access{Verb: verb, Group: group, Resource: resource, Namespace: r.Namespace}.Validate())
					}
				}
			}
		}
	}
}

func TestParseAccess(t *testing.T) {
	for text, want := range map[string]rbac.Access{
		"get pods/log -n x":        {Verb: "get", Resource: "pods", Subresource: "log", Namespace: "x"},
		" list\tdeployments.apps ": {Verb: "list", Group: "apps", Resource: "deployments"},
		"get /healthz":             {Verb: "get", Path: "/healthz"},
		"create serviceaccounts/token named reader -n istio-system":    {Verb: "create", Resource: "serviceaccounts", Subresource: "token", Name: "reader", Namespace: "istio-system"},
		"create serviceaccounts/token reader --namespace=istio-system": {Verb: "create", Resource: "serviceaccounts", Subresource: "token", Name: "reader", Namespace: "istio-system"},
		"-n x get pods --subresource log":                              {Verb: "get", Resource: "pods", Subresource: "log", Namespace: "x"},
		"get -nx pods web --subresource=log":                           {Verb: "get", Resource: "pods", Subresource: "log", Namespace: "x", Name: "web"},
		"get deployments.apps/scale named in in namespace namespace":   {Verb: "get", Group: "apps", Resource: "deployments", Subresource: "scale", Namespace: "namespace", Name: "in"},
		"list gateways.gateway.networking.k8s.io -A":                   {Verb: "list", Group: "gateway.networking.k8s.io", Resource: "gateways"},
		`impersonate groups "Domain Admins"`:                           {Verb: "impersonate", Resource: "groups", Name: "Domain Admins"},
		`impersonate users named 'Jane Doe'`:                           {Verb: "impersonate", Resource: "users", Name: "Jane Doe"},
		"get pods named named":                                         {Verb: "get", Resource: "pods", Name: "named"},
	} {
		got, err := rbac.ParseAccess(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for text, want := range map[string]string{
		"":                             "lacks a verb",
		"get":                          "lacks a verb or what it acts on",
		"get pods a b":                 "too many words",
		"get pods -n":                  "lacks a value for the namespace",
		"get pods -n a -n b":           "the namespace twice",
		"get pods a named b":           "the object twice",
		"get pods/":                    "ends in a slash",
		"get pods.":                    "ends its resource in a dot",
		"get pods/log --subresource a": "the subresource twice",
		"get pods --as alice":          "unknown flag --as",
		"get secret":                   `write "secrets"`,
		"get deploy":                   `Resource "deployments" and Group "apps"`,
		"get pods/web-1":               "the name of an object goes into Name",
		"get deployments.v1.apps":      `write "apps"`,
		"get /healthz -n x":            "is set beside Path",
		"list /healthz":                `write "get"`,
		"'*' '*'":                      "star",
	} {
		_, err := rbac.ParseAccess(text)
		var fault *rbac.FieldError
		require.ErrorAs(t, err, &fault, text)
		require.ErrorContains(t, err, want, text)
	}
}

func TestAccessReviews(t *testing.T) {
	a := rbac.Access{Verb: "get", Group: "apps", Resource: "deployments/scale", Namespace: "a", Name: "b"}
	attributes := a.ResourceAttributes()
	require.Equal(t, &authorizationv1.ResourceAttributes{Verb: "get", Group: "apps", Resource: "deployments", Subresource: "scale", Namespace: "a", Name: "b"}, attributes)
	require.Nil(t, a.NonResourceAttributes())
	require.Equal(t, rbac.Access{Verb: "get", Group: "apps", Resource: "deployments", Subresource: "scale", Namespace: "a", Name: "b"}, rbac.FromResourceAttributes(attributes))

	a = rbac.Access{Verb: "get", Path: "/healthz"}
	require.Nil(t, a.ResourceAttributes())
	require.Equal(t, a, rbac.FromNonResourceAttributes(a.NonResourceAttributes()))

	for _, none := range []rbac.Access{rbac.FromResourceAttributes(nil), rbac.FromNonResourceAttributes(nil)} {
		require.Error(t, none.Validate())
	}
}

func FuzzParseAccess(f *testing.F) {
	for _, text := range []string{
		"get pods/log -n x", "list deployments.apps", "get /healthz", "create serviceaccounts/token named reader -n istio-system", "approve signers.certificates.k8s.io named a/b",
		"impersonate userextras.authentication.k8s.io/scopes", "get widgets.example.com/part named in in namespace a", "request-serviceaccounts-token-audience https://a.example named b",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := rbac.ParseAccess(text)
		if err != nil {
			var fault *rbac.FieldError
			require.True(t, errors.As(err, &fault))
			require.Zero(t, a)
			return
		}
		require.NoError(t, a.Validate())
		again, err := rbac.ParseAccess(a.String())
		require.NoError(t, err, "%q", a.String())
		require.Equal(t, a, again)
	})
}
