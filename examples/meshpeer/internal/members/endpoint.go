package members

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"strconv"

	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/peering"
)

// reachable replaces an address that means nothing in other clusters, as kind and minikube write into kubeconfigs, by the one at
// which the cluster's own pods reach its API server. The note says so.
func reachable(ctx context.Context, c *peering.Cluster) (note string, err error) {
	server, err := url.Parse(c.Endpoint.Server)
	if err != nil || !net.ParseIP(server.Hostname()).IsLoopback() && server.Hostname() != "localhost" {
		return "", nil // peering judges it
	}
	remedy := fmt.Sprintf("give the address that other clusters reach: --endpoint %s=https://HOST:PORT", c.ID)
	o, err := c.Objects.Get(ctx, &discoveryv1.EndpointSlice{
		TypeMeta:   metav1.TypeMeta{APIVersion: "discovery.k8s.io/v1", Kind: "EndpointSlice"},
		ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceDefault, Name: "kubernetes"},
	})
	if err != nil {
		return "", fmt.Errorf("%s is at %s for this machine only, and its own address cannot be read: %w; %s", c.ID, server.Host, err, remedy)
	}
	slice := o.(*discoveryv1.EndpointSlice)
	if len(slice.Endpoints) == 0 || len(slice.Endpoints[0].Addresses) == 0 || len(slice.Ports) == 0 || slice.Ports[0].Port == nil {
		return "", &UsageError{fmt.Sprintf("%s is at %s for this machine only, and its EndpointSlice default/kubernetes has no address; %s", c.ID, server.Host, remedy)}
	}
	was := server.Host
	c.Endpoint.Server = "https://" + net.JoinHostPort(slice.Endpoints[0].Addresses[0], strconv.Itoa(int(*slice.Ports[0].Port)))
	return fmt.Sprintf("%s: others will reach it at %s, because %s of the kubeconfig is for this machine only (--endpoint changes that)", c.ID, c.Endpoint.Server, was), nil
}
