package traffic

import (
	"context"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"

	"github.com/meshpeer/meshpeer/probe"
)

// proxyEndpoints looks for an endpoint of To in the client's own proxy: what istiod sent it after all filters.
func (l *levels) proxyEndpoints(ctx context.Context) probe.Result {
	c, missing := l.choose(ctx)
	if c == nil {
		return missing
	}
	l.locator = Locator(l.Namespace, l.from, l.to)
	found, err := c.proxy.Endpoints(ctx, l.cluster())
	if err != nil {
		d := probe.Diagnose(probe.Sighting{Err: err})
		return probe.Result{Status: probe.Unknown, Summary: "the proxy of pod " + c.pod.Name + " could not be read: " + d.Cause, Hint: d.Remedy, Err: err}
	}
	l.client = c
	ours, healthy := map[string]bool{}, false
	for _, e := range found {
		mine, err := l.isTo(ctx, e.Address)
		if err != nil {
			return probe.Result{Status: probe.Unknown, Summary: err.Error(), Err: err}
		}
		if mine {
			ours[e.Address] = true
			healthy = healthy || e.Healthy()
		}
	}
	switch {
	case len(ours) == 0:
		return probe.Result{
			Status: probe.Failed, Summary: fmt.Sprintf("the proxy of pod %s has %d endpoints of it, none in %s", c.pod.Name, len(found), l.to.ID), Hint: l.whyFiltered(),
		}
	case !healthy:
		return probe.Result{
			Status: probe.Warned, Summary: "the proxy of pod " + c.pod.Name + " considers " + listed(ours) + " unhealthy",
			Hint: "look at the server's errors; outlier detection of a DestinationRule removes endpoints",
		}
	}
	return probe.Result{Status: probe.Passed, Summary: fmt.Sprintf("the proxy of pod %s has %s for %s", c.pod.Name, listed(ours), l.to.ID)}
}

// whyFiltered names what may have taken To's endpoints out (Istio pilot/pkg/xds/endpoints/ep_filters.go).
func (l *levels) whyFiltered() string {
	if l.acrossTo != "" && l.known && l.injected == 0 {
		return fmt.Sprintf("no pod of the service in %s has a sidecar, and across networks such pods are left out: inject them", l.to.ID)
	}
	text := "see that a Sidecar resource or exportTo does not hide the service from the client, and that it is not clusterLocal in meshConfig"
	if l.acrossTo != "" {
		text += "; that no DestinationRule or PeerAuthentication turns its mutual TLS off, because such endpoints are left out across networks; " +
			"and that the client's proxy is told the network of its cluster (ISTIO_META_NETWORK)"
	}
	return text
}

// isTo says whether proxies of From mean To by an address.
func (l *levels) isTo(ctx context.Context, address string) (bool, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false, nil // a pipe or an internal listener
	}
	clusters, err := l.locate(ctx, host)
	if err != nil && !l.told {
		return false, &lookupError{host, err}
	}
	return slices.Equal(clusters, []string{l.to.ID}), nil
}

// locate asks what istiods told, and then the API servers: pods come and go, and not every gateway has a labelled Service.
func (l *levels) locate(ctx context.Context, podOrAddress string) ([]string, error) {
	if l.told && l.at[podOrAddress] {
		return []string{l.to.ID}, nil
	}
	return l.locator.Locate(ctx, podOrAddress)
}

// lookupError says that nothing can be said of an address: a check that needs it is Unknown.
type lookupError struct {
	address string
	err     error
}

func (e *lookupError) Error() string {
	return "could not look up whose " + e.address + " is: " + e.err.Error()
}

func (e *lookupError) Unwrap() error { return e.err }

// listed is the set in order.
func listed(set map[string]bool) string {
	return strings.Join(slices.Sorted(maps.Keys(set)), ", ")
}
