package probe

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/meshpeer/meshpeer/internal/invalid"
	"github.com/meshpeer/meshpeer/internal/printable"
)

// PilotAgent asks a workload's Envoy through the agent beside it (istio/istio pilot/cmd/pilot-agent, request).
type PilotAgent struct {
	In Executor // the container istio-proxy of the client's pod
}

// Endpoints are what Envoy has for the service, by Envoy's name for it, such as
// outbound|8000||httpbin.default.svc.cluster.local; "" means for all. An empty list is not an error: Envoy may know none.
func (p PilotAgent) Endpoints(ctx context.Context, service string) ([]Endpoint, error) {
	if missing(p.In) {
		return nil, invalid.Field("PilotAgent.In", "", "it is not set", "give an Executor for the container istio-proxy")
	}
	admin := &url.URL{Scheme: "http", Host: "localhost:15000", Path: "/clusters"}
	out, err := p.In.Exec(ctx, Command{Args: []string{"pilot-agent", "request", "GET", "clusters"}})
	if err != nil {
		return nil, execError(admin, err)
	}
	if out.ExitCode() != 0 {
		return nil, unanswered(KindExec, admin, fmt.Sprintf("pilot-agent: exit code %d: %s", out.ExitCode(), lastLine(out.Stderr())), nil)
	}
	found := []Endpoint{} // not nil: it was read
	for _, e := range ParseEndpoints(out.Stdout()) {
		if service == "" || e.Service == service {
			found = append(found, e)
		}
	}
	return found, nil
}

// Endpoint is what the client's Envoy has for one address of a service, including what Envoy has counted there since it
// started. Success counts every answer below 500, also a teapot (Envoy documentation, operations/admin, GET /clusters).
type Endpoint struct {
	Service       string // Envoy's name, e.g. outbound|8000||httpbin.default.svc.cluster.local
	Address       string // ip:port; the gateway's where the endpoint is in another network
	Health        string // "healthy", or Envoy's flags, e.g. /failed_outlier_check
	Weight        uint64 // of a gateway: the number of endpoints behind it, scaled
	Success       uint64 // rq_success
	Errors        uint64 // rq_error
	Timeouts      uint64 // rq_timeout
	ConnectFailed uint64 // cx_connect_fail
}

// Healthy says that Envoy sends requests there.
func (e Endpoint) Healthy() bool { return e.Health == "healthy" }

// Answers is how many requests were answered there.
func (e Endpoint) Answers() uint64 { return e.Success + e.Errors }

// ParseEndpoints reads the text form of Envoy's admin page /clusters, in the order of its lines. It skips lines that it
// does not know, because other versions of Envoy have others, and those whose names and addresses do not print.
func ParseEndpoints(text []byte) []Endpoint {
	type key struct{ service, address string }
	index := map[key]int{}
	var all []Endpoint
	for line := range bytes.Lines(text) {
		service, address, field, value, ok := splitLine(strings.TrimRight(string(line), "\r\n"))
		if !ok {
			continue
		}
		k := key{service, address}
		i, known := index[k]
		if !known {
			i = len(all)
			index[k] = i
			all = append(all, Endpoint{Service: service, Address: address})
		}
		all[i].set(field, value)
	}
	return all
}

// splitLine takes service::address::field::value apart. An IPv6 address has colons of its own, within brackets. Lines of
// the service as a whole have a word in place of the address, or no fourth part.
func splitLine(line string) (service, address, field, value string, ok bool) {
	service, rest, _ := strings.Cut(line, "::")
	inside := 0
	if strings.HasPrefix(rest, "[") {
		inside = max(strings.Index(rest, "]"), 0)
	}
	end := strings.Index(rest[inside:], "::")
	if end < 0 {
		return "", "", "", "", false
	}
	address = rest[:inside+end]
	field, value, ok = strings.Cut(rest[inside+end+2:], "::")
	return service, address, field, value, ok && service != "" && strings.ContainsAny(address, ":/") &&
		printable.Line(service) == service && printable.Line(address) == address
}

func (e *Endpoint) set(field, value string) {
	if field == "health_flags" {
		e.Health = brief(value, 100)
		return
	}
	count, err := strconv.ParseUint(value, 10, 64)
	if err != nil {
		return
	}
	switch field {
	case "weight":
		e.Weight = count
	case "rq_success":
		e.Success = count
	case "rq_error":
		e.Errors = count
	case "rq_timeout":
		e.Timeouts = count
	case "cx_connect_fail":
		e.ConnectFailed = count
	}
}
