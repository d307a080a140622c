package preflight_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/version"

	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/probe"
	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/secrets"
)

// answers replaces what a side answers to a path.
func answers(s *preflight.Side, path, body string, date time.Time) {
	before := s.Ask
	s.Ask = func(ctx context.Context, asked string) (preflight.Answer, error) {
		if asked == path {
			return preflight.Answer{Body: []byte(body), Date: date}, nil
		}
		return before(ctx, asked)
	}
}

func kubernetes(v string) string {
	body, _ := json.Marshal(version.Info{GitVersion: v})
	return string(body)
}

// allow makes the caller one who may do what ok says.
func allow(s *preflight.Side, ok func(rbac.Access) bool) {
	s.May = func(_ context.Context, a rbac.Access) (bool, error) { return a.Verb != "*" && ok(a), nil }
}

// inCluster has an Endpoint at an address that Service default/kubernetes of From, of To, or of both has.
func inCluster(server string, from, to bool) func(*world) {
	return func(w *world) {
		w.in.Endpoint = secrets.Endpoint{Server: server}
		w.in.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("refused") }
		svc := &corev1.Service{TypeMeta: meta("v1", "Service"), ObjectMeta: named("default", "kubernetes")}
		svc.Spec.ClusterIP, svc.Spec.ClusterIPs = "10.96.0.1", []string{"10.96.0.1", "fd00::1"}
		if from {
			w.from.add(svc)
		}
		if to {
			w.to.add(svc)
		}
	}
}

func serverCases() []one {
	refused := errors.New("refused")
	return []one{
		{"server-url", "loopback", func(w *world) { w.in.Endpoint = secrets.Endpoint{Server: "https://127.0.0.1:6443"} }, probe.Failed, "local host"},
		{"server-url", "plain http", func(w *world) { w.in.Endpoint = secrets.Endpoint{Server: "http://api.example.com"} }, probe.Failed, "not https"},
		{"server-url", "private", func(w *world) {
			w.in.Endpoint = secrets.Endpoint{Server: "https://10.1.2.3:6443"}
			w.in.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, refused }
		}, probe.Warned, "10.1.2.3 is a private address"},
		{"server-url", "path", func(w *world) { w.in.Endpoint.Server += "/k8s/clusters/c-m-1" }, probe.Warned, "the CA and the authentication are those of the proxy"},
		{"server-url", "link-local", func(w *world) {
			w.in.Endpoint = secrets.Endpoint{Server: "https://169.254.1.1"}
			w.in.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, refused }
		}, probe.Warned, "link-local"},
		{"server-url", "From's own", func(w *world) { w.in.Endpoint.Server = "https://kubernetes.default.svc" }, probe.Failed, "API server of its own cluster"},
		{"server-url", "address of From's own API server", inCluster("https://10.96.0.1:443", true, true), probe.Failed, "its istiod would read its own cluster"},
		{"server-url", "IPv6 address of From's own API server", inCluster("https://[fd00::1]", true, false), probe.Failed, "fd00::1 is the address of Service default/kubernetes of cluster-2"},
		{"server-url", "mapped address of From's own API server", inCluster("https://[::ffff:10.96.0.1]", true, false), probe.Failed, "its istiod would read its own cluster"},
		{"server-url", "address of To's API server inside of To", inCluster("https://10.96.0.1:443", false, true), probe.Warned, "which pods of that cluster reach"},
		{"server-url", "address inside of From, through a proxy", func(w *world) {
			inCluster("https://10.96.0.1:443", true, true)(w)
			w.in.Endpoint.ProxyURL = "http://proxy.example:3128"
		}, probe.Warned, "10.96.0.1 is a private address"},
		{"server-url", "hosted From", func(w *world) {
			inCluster("https://10.96.0.1:443", true, false)(w)
			w.in.From.Hosted = true
		}, probe.Warned, "10.96.0.1 is a private address"},
		{"server-url", "Service kubernetes forbidden", func(w *world) {
			inCluster("https://10.96.0.1:443", true, true)(w)
			w.from.forbid("Service")
		}, probe.Unknown, "forbidden"},
		{"server-url", "IPv6 without brackets", func(w *world) { w.in.Endpoint.Server = "https://2001:db8::1:6443" }, probe.Failed, "without brackets"},
		{"server-url", "underscore", func(w *world) { w.in.Endpoint.Server = "https://api_east.example" }, probe.Passed, "api_east.example"},
		{"server-url", "credentials of a proxy", func(w *world) {
			w.in.Endpoint.ProxyURL, w.in.Endpoint.ProxyAuth = "http://proxy.example:3128", secrets.NewProxyAuth("user", "hidden")
			w.in.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, refused }
		}, probe.Warned, "http://REDACTED@proxy.example:3128"},
		{"server-url", "none", func(w *world) { w.in.Endpoint.Server = "" }, probe.Unknown, "no endpoint"},

		{"server-certificate", "other name", func(w *world) { w.in.Endpoint.TLSServerName = "other.test" }, probe.Failed, `does not verify as "other.test"`},
		{"server-certificate", "system roots", func(w *world) { w.in.Endpoint.CA = nil }, probe.Failed, "is issued by"},
		{"server-certificate", "path", func(w *world) { w.in.Endpoint.Server += "/k8s/clusters/c-m-1" }, probe.Passed, "it verifies"},
		{"server-certificate", "not verified", func(w *world) { w.in.Endpoint.CA, w.in.Endpoint.InsecureSkipTLSVerify = nil, true }, probe.Warned, "whoever answers"},
		{"server-certificate", "unreachable", func(w *world) {
			w.in.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, refused }
		}, probe.Unknown, "does not answer"},
		{"server-certificate", "unreachable without CA", func(w *world) {
			w.in.Endpoint.CA = nil
			w.in.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, refused }
		}, probe.Unknown, "does not answer"},
		{"server-certificate", "no URL", func(w *world) { w.in.Endpoint.Server = "http://x" }, probe.Skipped, "not usable"},
		{"server-certificate", "none", func(w *world) { w.in.Endpoint.Server = "" }, probe.Unknown, "no endpoint"},

		{"caller-rights", "nothing allowed", func(w *world) {
			w.in.Bound = true
			allow(&w.in.To, func(rbac.Access) bool { return false })
		}, probe.Failed, "get,list,create,update,delete secrets in istio-system; create serviceaccounts/token in istio-system"},
		{"caller-rights", "two are missing", func(w *world) {
			allow(&w.in.From, func(a rbac.Access) bool { return a.Subresource != "portforward" })
		}, probe.Failed, "may not get,create pods/portforward in istio-system"},
		{"caller-rights", "may not escalate", func(w *world) {
			allow(&w.in.To, func(a rbac.Access) bool { return a.Verb != "escalate" && a.Resource != "pods" })
		}, probe.Failed, "escalate clusterroles.rbac.authorization.k8s.io"},
		{"caller-rights", "holds the role", func(w *world) {
			allow(&w.in.To, func(a rbac.Access) bool { return a.Verb != "escalate" && a.Verb != "bind" })
		}, probe.Passed, "cluster-1"},
		{"caller-rights", "may not make the Role", func(w *world) {
			withRole(w)
			allow(&w.in.To, func(a rbac.Access) bool { return a.Resource != "roles" && a.Resource != "configmaps" })
		}, probe.Failed, "may not get,create,update,delete,escalate,bind roles.rbac.authorization.k8s.io in mesh"},
		{"caller-rights", "may not bind the Role", func(w *world) {
			withRole(w)
			allow(&w.in.To, func(a rbac.Access) bool { return a.Resource != "rolebindings" })
		}, probe.Failed, "may not get,create,update,delete rolebindings.rbac.authorization.k8s.io in mesh"},
		{"caller-rights", "does not hold the Role", func(w *world) {
			withRole(w)
			allow(&w.in.To, func(a rbac.Access) bool {
				return a.Verb != "escalate" && (a.Resource != "configmaps" || a.Namespace != "mesh" || a.Name != "istio")
			})
		}, probe.Failed, "may not escalate clusterroles.rbac.authorization.k8s.io; escalate roles.rbac.authorization.k8s.io in mesh"},
		{"caller-rights", "holds the Role", func(w *world) {
			withRole(w)
			allow(&w.in.To, func(a rbac.Access) bool {
				return a.Verb != "escalate" && a.Verb != "bind" && (a.Resource != "configmaps" || a.Namespace == "mesh" && a.Name == "istio")
			})
		}, probe.Passed, "cluster-1"},
		{"caller-rights", "no Role, no right", func(w *world) {
			allow(&w.in.To, func(a rbac.Access) bool { return a.Resource != "roles" && a.Resource != "rolebindings" })
		}, probe.Passed, "cluster-1"},
		{"caller-rights", "existing account", func(w *world) {
			w.in.Rules = nil
			allow(&w.in.To, func(a rbac.Access) bool { return a.Group == "" && (a.Resource == "secrets" || a.Verb == "get") })
		}, probe.Passed, "cluster-1"},
		{"caller-rights", "hosted", func(w *world) {
			w.in.From.Hosted = true
			allow(&w.in.From, func(a rbac.Access) bool { return a.Name == "kube-system" })
		}, probe.Passed, "cluster-2"},
		{"caller-rights", "review fails", func(w *world) {
			w.in.To.May = func(_ context.Context, a rbac.Access) (bool, error) {
				if a.Verb == "delete" {
					return false, refused
				}
				return a.Verb != "*", nil
			}
		}, probe.Unknown, "refused"},
		{"caller-rights", "no reviews", func(w *world) { w.in.To.May = nil }, probe.Unknown, "Input.To.May is not given"},
		{"probe-rights", "no exec", func(w *world) { allow(&w.in.From, func(a rbac.Access) bool { return a.Subresource != "exec" }) }, probe.Warned, "pods/exec in demo"},
		{"probe-rights", "no reviews", func(w *world) { w.in.From.May = nil }, probe.Unknown, "Input.From.May is not given"},

		{"token-request-served", "not served", func(w *world) { w.in.Bound = true; answers(&w.in.To, "/api/v1", `{"resources":[]}`, now) }, probe.Warned, "is not served"},
		{"token-request-served", "no list", func(w *world) { w.in.Bound = true; answers(&w.in.To, "/api/v1", `<html>`, now) }, probe.Unknown, "does not answer with a list"},
		{"token-request-served", "served", func(w *world) { w.in.Bound = true }, probe.Passed, "is served"},
		{"token-request-served", "a token Secret", func(w *world) { answers(&w.in.To, "/api/v1", `<html>`, now) }, probe.Skipped, "no token is asked for by TokenRequest"},
		{"token-request-served", "nobody to ask", func(w *world) { w.in.Bound = true; w.in.To.Ask = nil }, probe.Unknown, "Input.To.Ask is not given"},

		{"clock-skew", "minutes", func(w *world) { answers(&w.in.To, "/version", "{}", now.Add(2*time.Minute)) }, probe.Failed, "differ by 2m0s"},
		{"clock-skew", "half a minute", func(w *world) { answers(&w.in.To, "/version", "{}", now.Add(-45*time.Second)) }, probe.Warned, "differ by 45s"},
		{"clock-skew", "local", func(w *world) { w.in.Now = func() time.Time { return now.Add(time.Hour) } }, probe.Warned, "the local clock differ by 1h0m0s"},
		{"clock-skew", "no date", func(w *world) { answers(&w.in.From, "/version", "{}", time.Time{}) }, probe.Unknown, "sends no Date"},
		{"clock-skew", "nobody to ask", func(w *world) { w.in.To.Ask = nil }, probe.Unknown, "Input.To.Ask"},

		{"kubernetes-version", "too old", func(w *world) { answers(&w.in.To, "/version", kubernetes("v1.31.9"), now) }, probe.Warned, "older than Istio 1.30.4 supports"},
		{"kubernetes-version", "vendor's suffix", func(w *world) { answers(&w.in.To, "/version", kubernetes("v1.32.1-aliyun.1"), now) }, probe.Passed, "v1.32.1-aliyun.1"},
		{"kubernetes-version", "old Istio", func(w *world) { w.in.IstioVersion = "1.18.0" }, probe.Unknown, "not known here"},
		{"kubernetes-version", "no Istio version", func(w *world) { w.in.IstioVersion = "dev" }, probe.Unknown, `"dev"`},
		{"kubernetes-version", "no answer", func(w *world) { answers(&w.in.To, "/version", "{", now) }, probe.Unknown, "does not answer with a version"},
		{"kubernetes-version", "built without one", func(w *world) {
			answers(&w.in.To, "/version", kubernetes("v0.0.0-master+$Format:%H$"), now)
		}, probe.Unknown, `"v0.0.0-master+$Format:%H$", which is not a release`},
		{"kubernetes-version", "nobody to ask", func(w *world) { w.in.To.Ask = nil }, probe.Unknown, "Input.To.Ask"},
		{"kubernetes-version", "forbidden", func(w *world) { w.from.forbid("Pod") }, probe.Unknown, "forbidden"},

		{"istio-crds", "not served", func(w *world) { w.config.fails["DestinationRule"] = notFound("DestinationRule") }, probe.Warned, "are not served"},
		{"istio-crds", "security not readable", func(w *world) { w.config.forbid("PeerAuthentication") }, probe.Unknown, "forbidden"},
		{"istio-crds", "not given", func(w *world) { w.in.Config = nil }, probe.Unknown, "Input.Config is not given"},
		{"istio-crds", "the cluster's own", func(w *world) { w.in.Config, w.in.Flavour = nil, preflight.Upstream }, probe.Passed, "cluster-2"},
		{"istiod-reads-secrets", "not logged in", func(w *world) { w.from.fails["Pod"] = unauthorized }, probe.Unknown, "token expired"},
		{"istiod-reads-secrets", "wrong answer", func(w *world) { w.in.From.Reader = liar{w.from} }, probe.Unknown, "answered with *v1.Node"},
		{"distinct-clusters", "wrong answer", func(w *world) { w.in.From.Reader = liar{w.from} }, probe.Unknown, "answered with *v1.Node"},
	}
}

// liar answers with objects of another kind.
type liar struct{ *memory }

func (liar) Get(context.Context, preflight.Object) (preflight.Object, error) {
	return &corev1.Node{}, nil
}

func (liar) List(context.Context, preflight.Object, string) ([]preflight.Object, error) {
	return []preflight.Object{&corev1.Node{}}, nil
}

// withRole has a Role made beside the ClusterRole, as profile Minimal asks for.
func withRole(w *world) {
	w.in.RoleNamespace = "mesh"
	w.in.RoleRules = []rbacv1.PolicyRule{{Verbs: []string{"list", "watch"}, APIGroups: []string{""}, Resources: []string{"configmaps"}, ResourceNames: []string{"istio"}}}
}
