package secrets_test

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
)

// tlsServer is an API server that answers at any address that dial is asked for.
type tlsServer struct {
	addr     string
	requests atomic.Int32
	// name is the server name of the last handshake.
	name atomic.Value
}

func (s *tlsServer) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, network, s.addr)
}

func serveTLS(t testing.TB, cert tls.Certificate) *tlsServer {
	s := &tlsServer{}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { s.requests.Add(1) }))
	server.TLS = &tls.Config{
		Certificates: []tls.Certificate{cert},
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			s.name.Store(hello.ServerName)
			return nil, nil
		},
	}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	s.addr = server.Listener.Addr().String()
	return s
}

// proxy is an http proxy that leads every CONNECT to one address.
type proxy struct {
	addr string
	// asked holds the targets, user the credentials.
	asked, user chan string
}

func serveProxy(t testing.TB, cert *tls.Certificate, target string) *proxy {
	p := &proxy{asked: make(chan string, 9), user: make(chan string, 9)}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.asked <- r.Host
		p.user <- r.Header.Get("Proxy-Authorization")
		if target == "" {
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		there, err := net.Dial("tcp", target)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		w.WriteHeader(http.StatusOK)
		here, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		join(hijacked{here, buffered}, there)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	if cert != nil {
		server.TLS = &tls.Config{Certificates: []tls.Certificate{*cert}}
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	p.addr = server.Listener.Addr().String()
	return p
}

// serveSOCKS is a socks5 proxy without a password that leads to one address.
func serveSOCKS(t testing.TB, target string) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			buf := make([]byte, 262)
			_, _ = io.ReadFull(conn, buf[:2])           // version, number of methods
			_, _ = io.ReadFull(conn, buf[:int(buf[1])]) // methods
			_, _ = conn.Write([]byte{5, 0})
			_, _ = io.ReadFull(conn, buf[:5])             // version, command, 0, kind of address, length of a name
			_, _ = io.ReadFull(conn, buf[:int(buf[4])+2]) // name, port
			_, _ = conn.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
			there, err := net.Dial("tcp", target)
			if err != nil {
				return
			}
			go join(conn, there)
		}
	}()
	return listener.Addr().String()
}

// hijacked reads what the http server has read ahead, too.
type hijacked struct {
	net.Conn
	ahead io.Reader
}

func (h hijacked) Read(p []byte) (int, error) { return h.ahead.Read(p) }

func join(a, b net.Conn) {
	go func() { _, _ = io.Copy(a, b); _ = a.Close() }()
	_, _ = io.Copy(b, a)
	_ = b.Close()
}
