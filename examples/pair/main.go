// Command pair peers two clusters both ways: the whole of what most people need. It works with kind, minikube and the like too,
// whose kubeconfigs name an address of 127.0.0.1 that means nothing inside the other cluster.
//
// Exit status: 0 done, 1 error, 3 something cannot be seen.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/signal"
	"strconv"
	"strings"

	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/traffic"
	"github.com/meshpeer/meshpeer/probe"
	"github.com/meshpeer/meshpeer/rbac"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	exit, err := run(ctx, os.Args[1:], os.Stdout, os.Stderr, connect)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "pair:", err)
	}
	os.Exit(exit)
}

// connect makes a cluster of a context in the kubeconfig that kubectl would read.
func connect(name, kubeContext string) (*peering.Cluster, error) {
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(clientcmd.NewDefaultClientConfigLoadingRules(),
		&clientcmd.ConfigOverrides{CurrentContext: kubeContext}).ClientConfig()
	id, invalid := peering.ParseIstioID(name)
	if err = errors.Join(err, invalid); err != nil {
		return nil, fmt.Errorf("%w: write ID=CONTEXT; `kubectl config get-contexts` lists the contexts", err)
	}
	return peering.Connect(id, config, peering.ConnectOptions{})
}

// inside is the API server's address for others: that which the cluster's own pods use, where the kubeconfig's is a loopback one.
func inside(ctx context.Context, c *peering.Cluster) (string, error) {
	server, err := url.Parse(c.Endpoint.Server)
	if err != nil || !net.ParseIP(server.Hostname()).IsLoopback() && server.Hostname() != "localhost" {
		return c.Endpoint.Server, err
	}
	o, err := c.Objects.Get(ctx, &discoveryv1.EndpointSlice{
		TypeMeta: metav1.TypeMeta{APIVersion: "discovery.k8s.io/v1", Kind: "EndpointSlice"}, ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "kubernetes"},
	})
	if err != nil {
		return "", fmt.Errorf("%s is at %s for this machine only, and its own address cannot be read: %w: put it into the kubeconfig", c.ID, server.Host, err)
	}
	slice := o.(*discoveryv1.EndpointSlice)
	if len(slice.Endpoints) == 0 || len(slice.Endpoints[0].Addresses) == 0 || len(slice.Ports) == 0 || slice.Ports[0].Port == nil {
		return "", fmt.Errorf("EndpointSlice default/kubernetes of %s has no address: put one that other clusters reach into the kubeconfig", c.ID)
	}
	return "https://" + net.JoinHostPort(slice.Endpoints[0].Addresses[0], strconv.Itoa(int(*slice.Ports[0].Port))), nil
}

func run(ctx context.Context, args []string, out, progress io.Writer, connect func(name, kubeContext string) (*peering.Cluster, error)) (exit int, err error) {
	p := peering.Peering{Reader: rbac.Options{Profile: rbac.Minimal}, Observe: func(e peering.Event) {
		fmt.Fprintf(progress, "%s -> %s  %-7s %s %s %s\n", e.From, e.To, e.Stage, e.Object, e.Action, e.Error)
	}}
	flags := flag.NewFlagSet("pair", flag.ContinueOnError)
	do := p.Ensure
	flags.BoolFunc("remove", "end the peering", func(string) error { do = p.Remove; return nil })
	flags.BoolFunc("verify", "only look, up to a request of sleep to httpbin (Istio's samples)", func(string) error {
		do, p.Workload = p.Verify, &traffic.Workload{}
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return 1, err
	}
	var clusters []*peering.Cluster
	for _, arg := range flags.Args() {
		name, kubeContext, _ := strings.Cut(arg, "=")
		cluster, err := connect(name, kubeContext)
		if err == nil {
			cluster.Endpoint.Server, err = inside(ctx, cluster)
		}
		if err != nil {
			return 1, err
		}
		clusters = append(clusters, cluster)
	}
	report, err := do(ctx, peering.Mesh(clusters...)...)
	if report == nil {
		return 1, err
	}
	err = errors.Join(err, report.WriteText(out))
	return map[probe.Status]int{probe.Failed: 1, probe.Unknown: 3}[report.Status()], err
}
