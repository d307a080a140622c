package probe

// symptom is a row of the table. The order counts: the first that fits wins.
type symptom struct {
	fits func(Sighting) bool
	Diagnosis
}

const injectClient = "a server under STRICT mutual TLS does so to a client without sidecar: see that the client's pod is injected"

// symptoms are, in this order: checks that could not be made, requests without an answer, and answers that a proxy made.
// Envoy's texts are from source/common/http/codes.cc, source/common/router/router.cc, source/common/http/utility.cc
// (resetReasonToString), the fault and the RBAC filter; what its flags mean is in its documentation, access log,
// RESPONSE_FLAGS. Why endpoints go missing is in istio/istio pilot/pkg/xds/endpoints/ep_filters.go.
var symptoms = []symptom{
	{badInput, Diagnosis{
		"bad-input", "an error that names a field", Failed,
		"the check was given something that cannot work", "correct the field that the error names",
	}},
	{isKind(KindForbidden), Diagnosis{
		"exec-forbidden", "403 from pods/exec", Unknown, "the caller may not run commands in the workload",
		"grant create and get on pods/exec in its namespace",
	}},
	{isKind(KindNoCurl), Diagnosis{
		"no-curl", "exit code 126 or 127 of the command: there is no curl", Unknown, "the container has no curl that runs",
		"ask from a container that has one, such as Istio's samples sleep and curl",
	}},
	{isKind(KindExec), Diagnosis{
		"exec-failed", "exit code above 128, or the pod was gone", Unknown, "the command could not be run in the workload",
		"see that the pod runs and that the container is the app's, then try again",
	}},
	{isCanceled, Diagnosis{"canceled", "the context ended", Unknown, "the caller ended it", "call again"}},

	{isKind(KindDNS), Diagnosis{
		"dns", "curl exit 6; `no such host`", Failed, "the client's cluster has no address for the name",
		"create the Service in the client's cluster too, in the same namespace: it needs no pods there",
	}},
	{isKind(KindResolver), Diagnosis{
		"resolver", "curl exit 6 or 28 that speaks of resolving: `resolving timed out`, `try again`", Failed,
		"no name server answered the client",
		"see that the pods of the cluster's DNS (kube-system, k8s-app=kube-dns) are ready, and that a NetworkPolicy lets the client ask them on port 53",
	}},
	{rawPodIP, Diagnosis{
		"raw-pod-ip", "time out, 503 or 504, and the client's proxy failed to connect to addresses whose port is not 15443", Failed,
		"the client's proxy has pod addresses of the other cluster and cannot connect to them",
		"label both istio-systems with topology.istio.io/network, and the east-west gateway's Service with the network of its cluster",
	}},
	{isKind(KindUnreachable), Diagnosis{
		"unreachable", "curl exit 7 or 28: `No route to host`, `Network is unreachable`", Failed,
		"there is no route to the address from where the request left",
		"see that the host is up, and that routes and security groups let the client's network reach that address",
	}},
	{isKind(KindBlocked), Diagnosis{
		"blocked", "curl exit 7: `Permission denied`, `Operation not permitted`", Failed,
		"the operating system does not let the client connect",
		"look at the firewall rules and the network policy of the client's own host or pod",
	}},
	{isKind(KindConnectTimeout), Diagnosis{
		"connect-timeout", "curl exit 7 or 28 before there was a connection: `connection timed out`", Failed,
		"nothing answered in time when the client connected",
		"see that the address is the server's, and that no firewall or NetworkPolicy between the two drops packets to its port",
	}},
	{isTimeoutHere, Diagnosis{
		"slow-server", "no answer in time to a request that no sidecar sent", Failed,
		"nothing answered in time on the connection",
		"look at the server, and allow more time if it is only slow",
	}},
	{isKind(KindTimeout), Diagnosis{
		"timeout", "curl exit 28 after that", Failed, "nothing answered in time",
		"read the client's proxy (pilot-agent request GET clusters): pod addresses of the other cluster mean missing network labels, " +
			"the gateway's mean a firewall in front of port 15443",
	}},
	{isKind(KindRefused), Diagnosis{
		"refused", "curl exit 7: `connection refused`", Failed, "nothing listens at that address and port",
		"compare the port with the Service's; without a sidecar, see that the pods are ready",
	}},
	{isKind(KindConnect), Diagnosis{
		"no-connection", "curl exit 7 that does not say why", Failed,
		"no connection was made: nothing listens there, or the address cannot be reached",
		"compare address and port with the Service's, see that its pods are ready, and that the client's network reaches them",
	}},
	{isTLSPlain, Diagnosis{
		"tls-plain", "curl exit 35: `wrong version number`; `does not look like a TLS handshake`", Failed,
		"the server does not speak TLS on that port",
		"use http, or the server's TLS port",
	}},
	{isTLSName, Diagnosis{
		"tls-name", "curl exit 60: `no alternative certificate subject name matches`; `is valid for`", Failed,
		"the certificate is for other names",
		"set ServerName to one that it has",
	}},
	{isTLSTime, Diagnosis{
		"tls-time", "curl exit 60: `certificate has expired`; `not yet valid`", Failed,
		"the certificate is expired or not valid yet",
		"renew it, and compare the clocks",
	}},
	{isTLSClient, Diagnosis{
		"tls-client", "`certificate required`; `bad certificate`; `alert unknown ca`", Failed,
		"the server does not take the client's certificate, or wants one",
		"give the client a certificate of a CA that the server trusts",
	}},
	{isTLSVersion, Diagnosis{
		"tls-version", "`unsupported protocol`; `no shared cipher`", Failed,
		"client and server have no TLS version or cipher in common",
		"allow TLS 1.2 or newer on both sides",
	}},
	{isTLSCut, Diagnosis{
		"tls-cut", "end of file or reset within the handshake", Failed, "the connection was cut within the TLS handshake",
		"see that the port speaks TLS and serves that name, and what is in between: " + injectClient,
	}},
	{isTLSIssuer, Diagnosis{
		"tls-issuer", "curl exit 60: `unable to get local issuer certificate`; `unknown authority`", Failed,
		"the roots do not hold the issuer",
		"give the CA of the server that answers there",
	}},
	{isKind(KindTLS), Diagnosis{
		"tls-verify", "curl exit 35, 51, 60 or 77, any other", Failed,
		"the TLS handshake failed or the certificate is not trusted",
		"give the CA of the server that answers there; workloads need a common root in all clusters",
	}},
	{isKind(KindTruncated), Diagnosis{
		"truncated", "curl exit 18: an answer that does not end", Failed, "an answer started and did not end",
		"see whether the server or a proxy on the way restarts or limits the time or size of an answer, then try again",
	}},
	{isKind(KindEmpty), Diagnosis{
		"empty-reply", "curl exit 52", Failed,
		"the server closed the connection without an answer", injectClient,
	}},
	{isKind(KindReset), Diagnosis{"reset", "curl exit 56: `connection reset`", Failed, "the connection was reset", injectClient}},

	{answered(403, "RBAC: access denied"), Diagnosis{
		"rbac-denied", "403 `RBAC: access denied`", Failed, "an AuthorizationPolicy at the server denies the client",
		"allow the client's SPIFFE ID there; with different trust domains add trustDomainAliases",
	}},
	{answered(503, "WRONG_VERSION_NUMBER"), Diagnosis{
		"mesh-tls-plain", "503 `WRONG_VERSION_NUMBER`", Failed,
		"the client's proxy speaks mutual TLS, and the server has no sidecar that takes it",
		"inject the server's pod, or make sure that no DestinationRule sets mode ISTIO_MUTUAL for it",
	}},
	{answered(503, "CERTIFICATE_EXPIRED", "certificate has expired"), Diagnosis{
		"mesh-tls-time", "503 `CERTIFICATE_EXPIRED`", Failed, "a proxy's certificate is expired",
		"see that the proxies of client and server reach their istiods, which renew certificates, and compare the clocks",
	}},
	{answered(503, "CERTIFICATE_VERIFY_FAILED", "UNKNOWN_CA"), Diagnosis{
		"mesh-tls-verify", "503 `CERTIFICATE_VERIFY_FAILED` or `UNKNOWN_CA`", Failed,
		"the proxies of client and server do not trust each other's certificates",
		"give the istiods of all clusters intermediates of one root (Secret cacerts) and restart the workloads",
	}},
	{answered(503, "fault filter abort"), Diagnosis{
		"fault-injected", "503 `fault filter abort`", Failed, "a VirtualService injects this fault (flag FI)",
		"look at the VirtualServices of this host",
	}},
	{answered(503, "reset reason: overflow"), Diagnosis{
		"circuit-breaker", "503 `reset reason: overflow`", Failed, "a circuit breaker of the client's proxy is open (flag UO)",
		"raise connectionPool in the DestinationRule of this host, or send fewer requests at once",
	}},
	{allEjected, Diagnosis{
		"ejected", "503, and no endpoint of the client's proxy is healthy", Failed,
		"the client's proxy has endpoints, but holds all of them to be unhealthy",
		"look at the server's errors; outlier detection of a DestinationRule removes endpoints",
	}},
	{answered(503, "no healthy upstream"), Diagnosis{
		"no-healthy-upstream", "503 `no healthy upstream`", Failed,
		"the client's proxy has no endpoint for the service (flag UH)",
		"see that istiod reads the other cluster; that pods there are ready and injected; " +
			"that no DestinationRule or PeerAuthentication turns mutual TLS off: such endpoints are left out across networks",
	}},
	{answered(503, "connection timeout", "delayed connect error: 110"), Diagnosis{
		"upstream-timeout", "503 `connection timeout`", Failed,
		"the client's proxy gets no connection to the endpoint (flag UF)",
		"open the way to the other cluster's east-west gateway, port 15443",
	}},
	{answered(503, "delayed connect error: 113", "delayed connect error: 101", "No route to host", "Network is unreachable"), Diagnosis{
		"upstream-unreachable", "503 `delayed connect error: 113` or `101`", Failed,
		"the client's proxy has no route to the endpoint (flag UF)",
		"see that the endpoint's address, of the other cluster's east-west gateway or of a pod, is reachable from the client's network",
	}},
	{answered(503, "delayed connect error: 111", "Connection refused"), Diagnosis{
		"upstream-refused", "503 `delayed connect error: 111`", Failed,
		"nothing listens at the endpoint of the client's proxy (flag UF)",
		"see that the gateway's pods are ready, and that its Service names their port 15443",
	}},
	{answered(503, "delayed connect error"), Diagnosis{
		"upstream-connect", "503 `delayed connect error`, any other", Failed,
		"the client's proxy could not connect to the endpoint (flag UF)",
		"see that the endpoint's address is reachable from the client's network, and that something listens there",
	}},
	{answered(502, "protocol error"), upstreamProtocol},
	{answered(503, "protocol error"), upstreamProtocol},
	{answered(503, "reset reason", "upstream connect error"), Diagnosis{
		"gateway-reset", "503 `upstream connect error … reset reason`", Failed,
		"the connection was cut on the way to the server, most likely at the gateway (flag UC; UF where the proxy hides why)",
		"see that a Gateway with AUTO_PASSTHROUGH selects the gateway's pods and its hosts take the service, " +
			"and that no load balancer in front of it ends TLS",
	}},
	{answered(503, "overloaded"), Diagnosis{
		"proxy-overloaded", "503 `overloaded`", Failed,
		"a proxy is overloaded (flag OM)", "give it more memory or CPU, or more replicas",
	}},
	{answered(504, ""), Diagnosis{
		"slow-upstream", "504", Failed,
		"a proxy gave up waiting for the server (flag UT)", "look at the server, or raise the route's timeout",
	}},
	{answeredBare(404), Diagnosis{
		"no-route", "404 without a body, from an Envoy", Failed,
		"the client's proxy has no route for this host and path (flag NR)",
		"look at the VirtualServices of this host; see that the Service is exported to the client's namespace",
	}},
	{answeredBare(503), Diagnosis{
		"no-cluster", "503 without a body, from an Envoy", Failed,
		"the client's proxy has a route, and no cluster that it leads to (flag NC)",
		"look for a VirtualService of this host that names a subset or a service which does not exist",
	}},
}

var upstreamProtocol = Diagnosis{
	"upstream-protocol", "502 or 503 `protocol error`", Failed, "the server does not speak the protocol that the proxy expects (flag UPE)",
	"name the Service's port after its protocol, or set appProtocol",
}
