package probe

import (
	"bytes"
	"errors"
	"net"
	"slices"
	"strings"
)

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
