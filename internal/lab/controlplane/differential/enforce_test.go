package differential_test

import (
	"bytes"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"istio.io/istio/pkg/log"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/sets"
	auditinternal "k8s.io/apiserver/pkg/apis/audit"
	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"
	"k8s.io/apiserver/pkg/audit"
	"k8s.io/apiserver/pkg/audit/policy"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/endpoints/filters"
	"k8s.io/apiserver/pkg/endpoints/filters/impersonation"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/kubernetes/pkg/registry/rbac/validation"
	authorizerrbac "k8s.io/kubernetes/plugin/pkg/auth/authorizer/rbac"
	"k8s.io/kubernetes/plugin/pkg/auth/authorizer/rbac/bootstrappolicy"

	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/rbac/rbactest"
)

// server is the API server's own chain of handlers from the audit to the authorizer, in memory.
type server struct {
	http.Handler
	who user.Info
	log bytes.Buffer
}

// serve lets who in with these objects and the roles that every API server makes.
func serve(t *testing.T, who user.Info, objects ...runtime.Object) *server {
	t.Helper()
	var roles []*rbacv1.Role
	var roleBindings []*rbacv1.RoleBinding
	var clusterRoles []*rbacv1.ClusterRole
	var clusterRoleBindings []*rbacv1.ClusterRoleBinding
	for _, o := range objects {
		switch o := o.(type) {
		case *rbacv1.Role:
			roles = append(roles, o)
		case *rbacv1.RoleBinding:
			roleBindings = append(roleBindings, o)
		case *rbacv1.ClusterRole:
			clusterRoles = append(clusterRoles, o)
		case *rbacv1.ClusterRoleBinding:
			clusterRoleBindings = append(clusterRoleBindings, o)
		}
	}
	for _, role := range bootstrappolicy.ClusterRoles() {
		clusterRoles = append(clusterRoles, &role)
	}
	for _, binding := range bootstrappolicy.ClusterRoleBindings() {
		clusterRoleBindings = append(clusterRoleBindings, &binding)
	}
	_, static := validation.NewTestRuleResolver(roles, roleBindings, clusterRoles, clusterRoleBindings)
	authorizer := authorizerrbac.New(static, static, static, static)

	s := &server{who: who}
	codecs := serializer.NewCodecFactory(scheme.Scheme).WithoutConversion()
	resolver := &request.RequestInfoFactory{APIPrefixes: sets.NewString("api", "apis"), GrouplessAPIPrefixes: sets.NewString("api")}
	longRunning := func(_ *http.Request, info *request.RequestInfo) bool {
		return info.Verb == "watch" || info.Verb == "proxy"
	}
	everything := policy.NewPolicyRuleEvaluator(&auditinternal.Policy{Rules: []auditinternal.PolicyRule{{Level: auditinternal.LevelMetadata}}})
	var h http.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	h = filters.WithAuthorization(h, authorizer, codecs)
	h = impersonation.WithImpersonation(h, authorizer, codecs)
	h = filters.WithAudit(h, s, everything, longRunning)
	authenticated := h
	h = http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		authenticated.ServeHTTP(w, req.WithContext(request.WithUser(req.Context(), s.who)))
	})
	h = filters.WithRequestInfo(h, resolver)
	s.Handler = filters.WithAuditInit(h)
	return s
}

// ProcessEvents implements audit.Sink: it writes what the log backend writes.
func (s *server) ProcessEvents(events ...*auditinternal.Event) bool {
	for _, event := range events {
		line, err := runtime.Encode(audit.Codecs.LegacyCodec(auditv1.SchemeGroupVersion), event)
		if err != nil {
			panic(err)
		}
		s.log.Write(line)
	}
	return true
}

// RoundTrip lets through what the Enforcer let through.
func (s *server) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Request: req}, nil
}

// generatedPolicy binds generated rules to the program, in the cluster and in two namespaces, and others to whom it impersonates.
func generatedPolicy(g generator) []runtime.Object {
	program := rbacv1.Subject{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: "program"}
	other := rbacv1.Subject{Kind: rbacv1.ServiceAccountKind, Namespace: "a", Name: "other"}
	team := rbacv1.Subject{APIGroup: rbacv1.GroupName, Kind: rbacv1.GroupKind, Name: "team"}
	rules := func() []rbacv1.PolicyRule {
		var rules []rbacv1.PolicyRule
		for range 1 + g.IntN(3) {
			rules = append(rules, rbacv1.PolicyRule{
				Verbs: g.some(2, []string{"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection", "proxy"}), APIGroups: g.some(1, []string{"", "apps", "networking.istio.io"}),
				Resources: g.some(2, []string{"pods", "a", "namespaces", "namespaces/status", "pods/log", "x.y", "v1", "pods/namespaces"}),
			})
		}
		if g.IntN(3) == 0 {
			rules[0].ResourceNames = g.some(1, []string{"a", "x", "z", "pods"})
		}
		return append(rules, rbacv1.PolicyRule{Verbs: g.some(1, []string{"get", "post", "head"}), NonResourceURLs: g.some(1, []string{"/healthz", "/API/*", "/", "/apis/networking.istio.io/*"})})
	}
	impersonate := func(group, resource string, names ...string) rbacv1.PolicyRule {
		return rbacv1.PolicyRule{Verbs: []string{"impersonate"}, APIGroups: []string{group}, Resources: []string{resource}, ResourceNames: names}
	}
	as := []rbacv1.PolicyRule{impersonate("", "users", "jane", "system:anonymous"), impersonate("", "groups", "team")}
	if g.IntN(2) == 0 {
		as = append(as, impersonate("authentication.k8s.io", "uids"), impersonate("authentication.k8s.io", "userextras/a/b", "c"))
	}
	var objects []runtime.Object
	bind := func(namespace, name string, subject rbacv1.Subject, rules []rbacv1.PolicyRule) {
		meta := metav1.ObjectMeta{Namespace: namespace, Name: name}
		ref := rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name}
		if namespace == "" {
			objects = append(objects, &rbacv1.ClusterRole{ObjectMeta: meta, Rules: rules},
				&rbacv1.ClusterRoleBinding{ObjectMeta: meta, RoleRef: ref, Subjects: []rbacv1.Subject{subject}})
			return
		}
		ref.Kind = "Role"
		rules = slices.DeleteFunc(rules, func(r rbacv1.PolicyRule) bool { return len(r.NonResourceURLs) > 0 })
		objects = append(objects, &rbacv1.Role{ObjectMeta: meta, Rules: rules},
			&rbacv1.RoleBinding{ObjectMeta: meta, RoleRef: ref, Subjects: []rbacv1.Subject{subject}})
	}
	bind("", "program", program, append(rules(), as...))
	bind("a", "program", program, append(rules(), impersonate("", "serviceaccounts", "other")))
	bind("b", "program", program, rules())
	bind("", "team", team, rules())
	bind("a", "other", other, rules())
	return objects
}

// plainRequest is one that a role of generatedPolicy may allow.
func plainRequest(g generator) (method, target string) {
	target = g.one([]string{"/api/v1", "/api/v1", "/apis/apps/v1", "/apis/networking.istio.io/v1"})
	if g.IntN(2) == 0 {
		target += "/namespaces/" + g.one([]string{"a", "b", "c"})
	}
	target += g.one([]string{"/pods", "/pods", "/a", "/x.y"})
	if g.IntN(2) == 0 {
		target += g.one([]string{"/a", "/x", "/z", "/z/log", "/a/log"})
	} else if g.IntN(3) == 0 {
		target += "?watch=1" + g.one([]string{"", "&fieldSelector=metadata.name%3Da"})
	}
	return g.one([]string{"GET", "GET", "POST", "PUT", "PATCH", "DELETE"}), target
}

// impersonating are the headers of some requests.
func impersonating(r *rand.Rand, header http.Header) {
	if r.IntN(4) > 0 {
		return
	}
	pick := func(from ...string) string { return from[r.IntN(len(from))] }
	header.Set("Impersonate-User", pick("jane", "jane", "system:serviceaccount:a:other", "system:serviceaccount:b:other", "system:anonymous", "system:serviceaccount:a:", "root"))
	if r.IntN(3) == 0 {
		header.Add("Impersonate-Group", pick("team", "team", "others", "system:unauthenticated"))
	}
	if r.IntN(6) == 0 {
		header.Set("Impersonate-Uid", "7")
	}
	if r.IntN(6) == 0 {
		header.Add("Impersonate-Extra-A%2fb", pick("c", "d"))
	}
}

// Each request gets from Enforce the very answer of the API server's own handlers. From their audit log then comes all that
// they let the program do, and nothing more.
func TestEnforceAndFromAuditAgreeWithTheServer(t *testing.T) {
	level := log.KlogScope.GetOutputLevel()
	log.KlogScope.SetOutputLevel(log.NoneLevel)
	defer log.KlogScope.SetOutputLevel(level)
	const policies, requestsEach = 60, 200
	who := &user.DefaultInfo{Name: "program", Groups: []string{user.AllAuthenticated}}
	codes, impersonated, widened := map[int]int{}, 0, 0
	for seed := range uint64(policies) {
		g := newGenerator(seed)
		objects := generatedPolicy(g)
		real := serve(t, who, objects...)
		granted, err := rbac.NewPolicy(objects...)
		require.NoError(t, err)
		enforced := rbactest.EnforcePolicy(silent{}, granted, rbac.Subject{User: who.Name}).Wrap(real)
		allowed := map[rbac.Access]bool{}
		for range requestsEach {
			method, target := plainRequest(g)
			if g.IntN(3) == 0 {
				method, target = aRequest(g.Rand)
			}
			client, err := http.NewRequest(method, "https://127.0.0.1"+target, nil)
			if err != nil {
				continue
			}
			impersonating(g.Rand, client.Header)
			got, err := enforced.RoundTrip(client)
			recorder := httptest.NewRecorder()
			sent := httptest.NewRequest(method, client.URL.RequestURI(), nil)
			sent.Header = client.Header.Clone()
			real.ServeHTTP(recorder, sent)
			codes[recorder.Code]++
			if recorder.Code == http.StatusInternalServerError {
				require.Error(t, err)
				continue
			}
			require.NoError(t, err)
			require.Equal(t, recorder.Code, got.StatusCode, "policy %d: %s %s %v: %s", seed, method, target, client.Header, recorder.Body)
			if got.StatusCode == http.StatusForbidden {
				body, err := io.ReadAll(got.Body)
				require.NoError(t, err)
				require.Equal(t, status(t, recorder.Body.Bytes()), status(t, body))
			}
			if client.Header.Get("Impersonate-User") != "" {
				impersonated++
			} else if got.StatusCode == http.StatusOK {
				a, err := rbactest.AccessOf(client)
				require.NoError(t, err)
				allowed[a] = true
			}
		}
		if fromAudit(t, real.log.String(), granted, allowed) {
			widened++
		}
	}
	t.Logf("answers %v, %d of them impersonated; in %d of %d policies something that needs the names of objects was refused", codes, impersonated, widened, policies)
	require.Greater(t, codes[200], policies*requestsEach/20)
	require.Greater(t, codes[403], policies*requestsEach/5)
}

// fromAudit holds FromAudit against what the server allowed.
func fromAudit(t *testing.T, log string, granted *rbac.Policy, allowed map[rbac.Access]bool) (widened bool) {
	t.Helper()
	for _, names := range []int{0, 1000} {
		seen, err := rbac.FromAudit(strings.NewReader(log), rbac.AuditOptions{User: "program", Names: names})
		require.NoError(t, err)
		least, err := rbac.NewPolicy(seen.Objects("least")...)
		require.NoError(t, err)
		program := rbac.Subject{User: "program"}
		unresolved := map[rbac.Access]bool{}
		for _, u := range seen.Unresolved {
			u.Name = ""
			unresolved[u.Access] = true
		}
		for a := range allowed {
			plain := a
			plain.Name = ""
			require.True(t, least.Allows(program, a).Allowed || unresolved[plain], "%v of %v", a, seen)
		}
		for _, refused := range seen.Refused {
			if least.Allows(program, refused.Access).Allowed {
				widened = true
				require.Zero(t, names, "%v", refused)
			}
		}
		if names == 0 {
			continue
		}
		for _, as := range seen.Allowed {
			if as.Verb == "impersonate" {
				require.True(t, granted.Allows(program, as.Access).Allowed, "%v", as)
			}
		}
	}
	return widened
}

func status(t *testing.T, body []byte) (s metav1.Status) {
	t.Helper()
	require.NoError(t, json.Unmarshal(body, &s), "%s", body)
	return s
}

// silent is a test that does not mind failures.
type silent struct{}

func (silent) Helper()               {}
func (silent) Errorf(string, ...any) {}
func (silent) Fatalf(string, ...any) {}
