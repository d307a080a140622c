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
