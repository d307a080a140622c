//go:build linux

package clusters

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cri-streaming/pkg/streaming/portforward"

	"github.com/meshpeer/meshpeer/internal/lab/network"
	"github.com/meshpeer/meshpeer/internal/lab/node"
)

// nodeAgent stands where a kubelet stands: it answers the API server's requests about Pods. Like a kubelet it takes
// them over TLS from the API server's client certificate only.
type nodeAgent struct {
	server *http.Server

	mu    sync.Mutex
	boxes map[string]*network.Box // namespace/name of a Pod → its network
	pods  *node.Agent             // with a data plane: the Pods that run as containers
}

func (c *Cluster) nodeName() string { return c.ID + "-node" }

// add makes a Pod known; names are not reused for another network.
func (a *nodeAgent) add(namespace, name string, box *network.Box) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.boxes[namespace+"/"+name] = box
}

func (a *nodeAgent) box(namespace, name string) *network.Box {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.boxes[namespace+"/"+name]
}

func (a *nodeAgent) setPods(pods *node.Agent) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.pods = pods
}

// running returns the part that runs Pods; without a data plane it answers 404 and returns nil.
func (a *nodeAgent) running(w http.ResponseWriter) *node.Agent {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.pods == nil {
		http.Error(w, "this lab has no data plane", http.StatusNotFound)
	}
	return a.pods
}

func (a *nodeAgent) exec(w http.ResponseWriter, r *http.Request) {
	if pods := a.running(w); pods != nil {
		pods.Exec(w, r)
	}
}

func (a *nodeAgent) logs(w http.ResponseWriter, r *http.Request) {
	if pods := a.running(w); pods != nil {
		pods.Logs(w, r)
	}
}

// dial returns how to connect to ports of a Pod, or nil when it is not here.
func (a *nodeAgent) dialer(namespace, name string) func(context.Context, int) (net.Conn, error) {
	if box := a.box(namespace, name); box != nil {
		return box.Dial
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.pods == nil {
		return nil
	}
	if box := a.pods.Sandbox(namespace, name); box != nil {
		return box.Dial
	}
	return nil
}

func (a *nodeAgent) close() { _ = a.server.Close() }

// startAgent listens, then registers the Node, Ready and with the agent's port.
func (c *Cluster) startAgent(ctx context.Context) error {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(c.CA)
	pair, err := tls.LoadX509KeyPair(filepath.Join(c.dir, "node.crt"), filepath.Join(c.dir, "node.key"))
	if err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	at := c.net.Node()
	listener, err := net.Listen("tcp", at.String())
	if err != nil {
		return fmt.Errorf("lab: node agent: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/portForward/{namespace}/{name}", c.agent.portForward)
	mux.HandleFunc("/exec/{namespace}/{pod}/{container}", c.agent.exec)
	mux.HandleFunc("/containerLogs/{namespace}/{pod}/{container}", c.agent.logs)
	c.agent.server.Handler = mux
	c.agent.server.ErrorLog = log.New(io.Discard, "", 0)
	secure := tls.NewListener(listener, &tls.Config{
		Certificates: []tls.Certificate{pair}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert,
		NextProtos: []string{"http/1.1"}, // SPDY and WebSocket are upgrades of HTTP/1.1
	})
	go func() {
		if err := c.agent.server.Serve(secure); !errors.Is(err, http.ErrServerClosed) {
			c.lab.say("%s: node agent: %v", c.ID, err)
		}
	}()
	return c.registerNode(ctx, int32(at.Port()))
}

// kubernetesVersion decides whether istiod injects a sidecar as an init container, as of 1.33.
const kubernetesVersion = "v1.36.3"

func (c *Cluster) registerNode(ctx context.Context, port int32) error {
	path := "/api/v1/nodes/" + c.nodeName()
	node := corev1.Node{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Node"},
		ObjectMeta: metav1.ObjectMeta{Name: c.nodeName(), Labels: map[string]string{
			"kubernetes.io/hostname": c.nodeName(), "kubernetes.io/os": "linux",
			"topology.kubernetes.io/region": "lab", "topology.kubernetes.io/zone": c.ID,
		}},
	}
	if err := c.api.apply(ctx, path, node); err != nil {
		return err
	}
	now := metav1.NewTime(time.Now())
	return c.api.merge(ctx, path+"/status", map[string]any{"status": corev1.NodeStatus{
		Addresses:       []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: c.net.Node().Addr().String()}},
		NodeInfo:        corev1.NodeSystemInfo{KubeletVersion: kubernetesVersion, OperatingSystem: "linux", Architecture: runtime.GOARCH},
		DaemonEndpoints: corev1.NodeDaemonEndpoints{KubeletEndpoint: corev1.DaemonEndpoint{Port: port}},
		Conditions: []corev1.NodeCondition{{
			Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "LabNode", LastHeartbeatTime: now, LastTransitionTime: now,
		}},
	}})
}

// portForward serves the subresource pods/portforward, SPDY or WebSocket, as the API server asks for it.
func (a *nodeAgent) portForward(w http.ResponseWriter, r *http.Request) {
	namespace, name := r.PathValue("namespace"), r.PathValue("name")
	dial := a.dialer(namespace, name)
	if dial == nil {
		http.Error(w, fmt.Sprintf("no pod %s/%s runs here", namespace, name), http.StatusNotFound)
		return
	}
	options, err := portforward.NewV4Options(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	portforward.ServePortForward(w, r, forwarder(dial), name, "", options, 4*time.Hour, 30*time.Second, portforward.SupportedProtocols)
}

// forwarder connects a stream with a port inside the pod's network.
type forwarder func(ctx context.Context, port int) (net.Conn, error)

func (f forwarder) PortForward(ctx context.Context, name, _ string, port int32, stream io.ReadWriteCloser) error {
	conn, err := f(ctx, int(port))
	if err != nil {
		return fmt.Errorf("port %d of %s: %w", port, name, err)
	}
	defer conn.Close()
	go func() { // ends at the latest when conn is closed or the client is gone
		if _, err := io.Copy(conn, stream); err == nil {
			_ = conn.(*net.TCPConn).CloseWrite()
		}
	}()
	_, err = io.Copy(stream, conn) // the pod has the last word: when it closes, all is said
	return err
}
