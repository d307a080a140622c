package curl

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"
)

// Exit codes of curl's manual page.
const (
	codeUsage    = 2
	codeURL      = 3
	codeProtocol = 1
	codeResolve  = 6
	codeConnect  = 7
	codePartial  = 18
	codeWrite    = 23
	codeTimeout  = 28
	codeEmpty    = 52
	codeReceive  = 56
)

type failure struct {
	code int
	text string
}

// transfer is one request and what is known of its answer.
type transfer struct {
	options options
	began   time.Time
	out     io.Writer
	remote  netip.AddrPort
	status  int
	size    int64
}

func (t *transfer) run(ctx context.Context) *failure {
	text := t.options.url
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return &failure{codeURL, "URL rejected: Malformed input to a URL function"}
	}
	if u.Scheme != "http" {
		return &failure{codeProtocol, fmt.Sprintf("Protocol %q not supported", u.Scheme)}
	}
	conn, failed := t.connect(ctx, u)
	if failed != nil {
		return failed
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	if _, err := conn.Write(t.request(u)); err != nil {
		return t.received(err, true)
	}
	return t.read(bufio.NewReader(conn))
}

func (t *transfer) connect(ctx context.Context, u *url.URL) (net.Conn, *failure) {
	port := u.Port()
	if port == "" {
		port = "80"
	}
	if d := t.options.connectTimeout; d > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d)
		defer cancel()
	}
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip4", u.Hostname())
	if err != nil && ctx.Err() == nil {
		return nil, &failure{codeResolve, "Could not resolve host: " + u.Hostname()}
	}
	var dialer net.Dialer
	for _, a := range addresses {
		var conn net.Conn
		if conn, err = dialer.DialContext(ctx, "tcp", net.JoinHostPort(a.String(), port)); err == nil {
			t.remote = conn.RemoteAddr().(*net.TCPAddr).AddrPort()
			return conn, nil
		}
	}
	passed := time.Since(t.began).Milliseconds()
	if ctx.Err() != nil || errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, &failure{codeTimeout, fmt.Sprintf("Connection timed out after %d milliseconds", passed)}
	}
	return nil, &failure{codeConnect, fmt.Sprintf(
		"Failed to connect to %s port %s after %d ms: Could not connect to server", u.Hostname(), port, passed)}
}

// request is what goes out; a header "Name:" takes a standard one away and "Name;" sends an empty one.
func (t *transfer) request(u *url.URL) []byte {
	o := t.options
	method := http.MethodGet
	switch {
	case o.method != "":
		method = o.method
	case o.head:
		method = http.MethodHead
	case o.body != "":
		method = http.MethodPost
	}
	standard := [][2]string{{"Host", u.Host}, {"User-Agent", "curl/8 (lab)"}, {"Accept", "*/*"}}
	if o.body != "" {
		standard = append(standard, [2]string{"Content-Length", fmt.Sprint(len(o.body))},
			[2]string{"Content-Type", "application/x-www-form-urlencoded"})
	}
	var own []string
	replaced := map[string]bool{}
	for _, line := range o.headers {
		name, value, colon := strings.Cut(line, ":")
		if !colon {
			if name, _, colon = strings.Cut(line, ";"); !colon {
				continue
			}
			line = name + ":"
		} else if strings.TrimSpace(value) == "" {
			line = ""
		}
		replaced[strings.ToLower(name)] = true
		if line != "" {
			own = append(own, line)
		}
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\n", method, u.RequestURI())
	for _, h := range standard {
		if !replaced[strings.ToLower(h[0])] {
			fmt.Fprintf(&b, "%s: %s\r\n", h[0], h[1])
		}
	}
	for _, line := range own {
		b.WriteString(line + "\r\n")
	}
	b.WriteString("\r\n" + o.body)
	return b.Bytes()
}

// received says what an error of the connection means; nothing is whether no byte has come.
func (t *transfer) received(err error, nothing bool) *failure {
	passed := time.Since(t.began).Milliseconds()
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &failure{codeTimeout, fmt.Sprintf("Operation timed out after %d milliseconds with %d bytes received", passed, t.size)}
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return &failure{codeReceive, "Recv failure: Connection reset by peer"}
	case nothing:
		return &failure{codeEmpty, "Empty reply from server"}
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return &failure{codePartial, "transfer closed with outstanding read data remaining"}
	}
	return &failure{codeReceive, "Failure when receiving data from the peer"}
}
