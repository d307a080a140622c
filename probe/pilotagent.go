package probe

import (
	"context"
	"fmt"
	"net/url"

	"github.com/meshpeer/meshpeer/internal/invalid"
)

// PilotAgent asks a workload's Envoy through the agent beside it (istio/istio pilot/cmd/pilot-agent, request).
type PilotAgent struct {
	In Executor // the container istio-proxy of the client's pod
}

// Endpoints are what Envoy has for the service, by Envoy's name for it, such as
// outbound|8000||httpbin.default.svc.cluster.local; "" means for all. None is no error: Envoy may know none.
func (p PilotAgent) Endpoints(ctx context.Context, service string) ([]Endpoint, error) {
	if p.In == nil {
		return nil, invalid.Field("PilotAgent.In", "", "it is not set", "give an Executor for the container istio-proxy")
	}
	admin := &url.URL{Scheme: "http", Host: "localhost:15000", Path: "/clusters"}
	out, err := p.In.Exec(ctx, Command{Args: []string{"pilot-agent", "request", "GET", "clusters"}})
	if err != nil {
		return nil, execError(admin, err)
	}
	if out.ExitCode != 0 {
		return nil, &RequestError{
			Kind: KindExec, URL: shown(admin),
			Detail: fmt.Sprintf("pilot-agent: exit code %d: %s", out.ExitCode, oneLine(admin, out.Stderr)),
		}
	}
	found := []Endpoint{} // not nil: it was read
	for _, e := range ParseEndpoints(out.Stdout) {
		if service == "" || e.Service == service {
			found = append(found, e)
		}
	}
	return found, nil
}
