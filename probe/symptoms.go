package probe

import (
	"bytes"
	"context"
	"errors"
	"net"
	"slices"
	"strings"
)

// symptom is a row of the table. The order counts: the first that fits wins.
type symptom struct {
	fits func(Sighting) bool
	Diagnosis
}

// symptoms are, in this order: checks that could not be made, requests without an answer, and answers that a proxy made.
// Envoy's texts are from source/common/http/codes.cc, source/common/router/router.cc and the RBAC filter; why endpoints
// go missing is in istio/istio pilot/pkg/xds/endpoints/ep_filters.go.
var symptoms = []symptom{
	{badInput, Diagnosis{"bad-input", Failed, "the check was given something that cannot work", "correct the field that the error names"}},
	{isKind(KindForbidden), Diagnosis{
		"exec-forbidden", Unknown, "the caller may not run commands in the workload",
		"grant create and get on pods/exec in its namespace",
	}},
	{isKind(KindNoCurl), Diagnosis{
		"no-curl", Unknown, "the container has no curl that runs",
		"ask from a container that has one, such as Istio's samples sleep and curl",
	}},
	{isKind(KindExec), Diagnosis{
		"exec-failed", Unknown, "the command could not be run in the workload",
		"see that the pod runs and that the container is the app's, then try again",
	}},
	{isCanceled, Diagnosis{"canceled", Unknown, "the caller ended it", "call again"}},

	{isKind(KindDNS), Diagnosis{
		"dns", Failed, "the name has no address where the request left",
		"create the Service in the client's cluster too, in the same namespace: it needs no pods there",
	}},
	{rawPodIP, Diagnosis{
		"raw-pod-ip", Failed, "the client's proxy has pod addresses of the other cluster, and no connection to them comes about",
		"label both istio-systems with topology.istio.io/network, and the east-west gateway's Service with the network of its cluster",
	}},
	{isKind(KindTimeout), Diagnosis{
		"timeout", Failed, "nothing answered in time",
		"read the client's proxy (pilot-agent request GET clusters): pod addresses of the other cluster mean missing network labels, " +
			"the gateway's mean a firewall in front of port 15443",
	}},
	{isKind(KindRefused), Diagnosis{
		"refused", Failed, "nothing listens at that address and port",
		"compare the port with the Service's; where there is no sidecar, see that pods are ready",
	}},
	{isKind(KindTLS), Diagnosis{
		"tls-verify", Failed, "the TLS handshake failed or the certificate is not trusted",
		"give the CA of the server that answers there; workloads need a common root in all clusters",
	}},
	{isKind(KindEmpty), Diagnosis{
		"empty-reply", Failed, "the server closed the connection without a word",
		"a server under STRICT mutual TLS does so to a client without sidecar: see that the client's pod is injected",
	}},
	{isKind(KindReset), Diagnosis{
		"reset", Failed, "the connection was reset",
		"a server under STRICT mutual TLS does so to a client without sidecar: see that the client's pod is injected",
	}},

	{answered(403, "RBAC: access denied"), Diagnosis{
		"rbac-denied", Failed, "an AuthorizationPolicy at the server denies the client",
		"allow the client's SPIFFE ID there; with different trust domains add trustDomainAliases",
	}},
	{answered(503, "CERTIFICATE_VERIFY_FAILED", "UNKNOWN_CA"), Diagnosis{
		"mesh-tls-verify", Failed,
		"the proxies of client and server do not trust each other's certificates",
		"give the istiods of all clusters intermediates of one root (Secret cacerts) and restart the workloads",
	}},
	{allEjected, Diagnosis{
		"ejected", Failed, "the client's proxy has endpoints, and thinks all of them unhealthy",
		"look at the server's errors; outlier detection of a DestinationRule takes endpoints out",
	}},
	{answered(503, "no healthy upstream"), Diagnosis{
		"no-healthy-upstream", Failed, "the client's proxy has no endpoint for the service (flag UH)",
		"see that istiod reads the other cluster; that pods there are ready and injected; " +
			"that no DestinationRule or PeerAuthentication turns mutual TLS off: such endpoints are left out across networks",
	}},
	{answered(503, "connection timeout", "delayed connect error: 110"), Diagnosis{
		"upstream-timeout", Failed,
		"the client's proxy gets no connection to the endpoint",
		"open the way to the other cluster's east-west gateway, port 15443",
	}},
	{answered(503, "delayed connect error: 111", "Connection refused"), Diagnosis{
		"upstream-refused", Failed,
		"nothing listens at the endpoint of the client's proxy",
		"see that the gateway's pods are ready, and that its Service names their port 15443",
	}},
	{answered(503, "reset reason", "upstream connect error"), Diagnosis{
		"gateway-reset", Failed,
		"the connection was cut on the way to the server, most likely at the gateway",
		"see that a Gateway with AUTO_PASSTHROUGH selects the gateway's pods and its hosts take the service, " +
			"and that no load balancer in front of it ends TLS",
	}},
	{answered(504, ""), Diagnosis{"slow-upstream", Failed, "a proxy gave up waiting for the server", "look at the server, or raise the route's timeout"}},
	{answeredBare(404), Diagnosis{
		"no-route", Failed, "the client's proxy has no route for this host and path (flag NR)",
		"look at the VirtualServices of this host; see that the Service is exported to the client's namespace",
	}},
}

func badInput(s Sighting) bool { _, ok := errors.AsType[*FieldError](s.Err); return ok }

func isCanceled(s Sighting) bool { return errors.Is(s.Err, context.Canceled) }

func isKind(k Kind) func(Sighting) bool {
	return func(s Sighting) bool { return s.Err != nil && kindOf(s.Err) == k }
}

// gatewayPort is where east-west gateways listen unless a label says otherwise (istio/istio
// pilot/pkg/serviceregistry/kube/controller/network.go).
const gatewayPort = "15443"

// answered fits an answer of the status whose body has one of the texts.
func answered(status int, texts ...string) func(Sighting) bool {
	return func(s Sighting) bool {
		r := s.response()
		return r.Status == status && slices.ContainsFunc(texts, func(t string) bool { return bytes.Contains(r.Body, []byte(t)) })
	}
}

// answeredBare fits an answer that an Envoy made of its own: it has no body and no service time.
func answeredBare(status int) func(Sighting) bool {
	return func(s Sighting) bool {
		r := s.response()
		return r.Status == status && len(r.Body) == 0 && strings.Contains(r.Header.Get("Server"), "envoy") &&
			r.Header.Get("X-Envoy-Upstream-Service-Time") == ""
	}
}

// response is the answer, also if only the error has it.
func (s Sighting) response() Response {
	if err, ok := errors.AsType[*AnswerError](s.Err); ok && s.Response.Status == 0 {
		return err.Response
	}
	return s.Response
}

// rawPodIP fits a proxy that failed to connect to an address which is no gateway's.
func rawPodIP(s Sighting) bool {
	return slices.ContainsFunc(s.Endpoints, func(e Endpoint) bool {
		_, port, err := net.SplitHostPort(e.Address)
		return err == nil && port != gatewayPort && e.ConnectFailed > 0
	}) && (isKind(KindTimeout)(s) || s.response().Status == 503 || s.response().Status == 504)
}

// allEjected fits a proxy that has endpoints and uses none.
func allEjected(s Sighting) bool {
	return s.response().Status == 503 && len(s.Endpoints) > 0 && !slices.ContainsFunc(s.Endpoints, Endpoint.Healthy)
}
