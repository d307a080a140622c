//go:build linux

package lab

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"k8s.io/cri-streaming/pkg/streaming/portforward"
)

// portForward serves the subresource pods/portforward, SPDY or WebSocket, as the API server asks for it.
func (a *nodeAgent) portForward(w http.ResponseWriter, r *http.Request) {
	namespace, name := r.PathValue("namespace"), r.PathValue("name")
	box := a.box(namespace, name)
	if box == nil {
		http.Error(w, fmt.Sprintf("no pod %s/%s runs here", namespace, name), http.StatusNotFound)
		return
	}
	options, err := portforward.NewV4Options(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	portforward.ServePortForward(w, r, forwarder{box}, name, "", options, 4*time.Hour, 30*time.Second, portforward.SupportedProtocols)
}

// forwarder connects a stream with a port inside the pod's network.
type forwarder struct{ box *sandbox }

func (f forwarder) PortForward(ctx context.Context, name, _ string, port int32, stream io.ReadWriteCloser) error {
	conn, err := f.box.dial(ctx, int(port))
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
