package curl_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/internal/lab/controlplane/curl"
)

// result is what a caller sees of a run.
type result struct {
	code        int
	out, failed string
}

// TestConformance compares the stand-in with the machine's curl on everything that a probe reads.
func TestConformance(t *testing.T) {
	real, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("no curl on this machine")
	}
	address := server(t)
	for _, c := range []struct {
		name string
		args []string
		code int
	}{
		{"a teapot", []string{"-sS", "-i", "http://" + address + "/teapot"}, 0},
		{"without the scheme", []string{"-s", address + "/teapot"}, 0},
		{"only the status", []string{"-s", "-o", "/dev/null", "-w", `%{http_code}\n`, address + "/teapot"}, 0},
		{"body and status", []string{"-sS", "-o", "-", "-w", `\n%{http_code} %{size_download} %{exitcode}`, address + "/teapot"}, 0},
		{"chunked", []string{"-sS", "-i", address + "/chunked"}, 0},
		{"until the end of the connection", []string{"-sS", "-i", address + "/raw/close"}, 0},
		{"an interim answer first", []string{"-sS", "-i", address + "/raw/interim"}, 0},
		{"nothing in the body", []string{"-sS", "-i", address + "/raw/empty"}, 0},
		{"head", []string{"-sS", "-I", address + "/teapot"}, 0},
		{"headers", []string{"-s", "-H", "X-One: 1", "-H", "X-None;", "-H", "User-Agent: me", "-H", "Accept:", address + "/echo"}, 0},
		{"a body", []string{"-s", "-H", "User-Agent: me", "-d", "a=b", address + "/echo"}, 0},
		{"a method", []string{"-s", "-H", "User-Agent: me", "-X", "PUT", address + "/echo?q=1"}, 0},
		{"no such host", []string{"-sS", "--max-time", "5", "http://no-such-host.invalid/"}, 6},
		{"refused", []string{"-sS", "-w", `%{http_code}`, "http://127.0.0.1:1/"}, 7},
		{"too slow", []string{"-sS", "-m", "0.3", "-w", `%{http_code}`, address + "/slow"}, 28},
		{"too slow within the body", []string{"-sS", "-i", "-m", "0.3", address + "/raw/stall"}, 28},
		{"not a word", []string{"-sS", address + "/raw/nothing"}, 52},
		{"reset", []string{"-sS", address + "/raw/reset"}, 56},
		{"cut off", []string{"-s", address + "/raw/short"}, 18},
		{"no URL", []string{"-s"}, 2},
		{"an unknown option", []string{"--no-such-option", address}, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := append([]string{"--noproxy", "*"}, c.args...)
			want, got := run(t, real, args), standIn(args)
			require.Equal(t, c.code, want.code, "curl's own code: %s", want.failed)
			require.Equal(t, want.code, got.code, got.failed)
			require.Equal(t, plain(want.out), plain(got.out))
			require.Equal(t, kind(want.failed), kind(got.failed))
		})
	}
}

func run(t *testing.T, program string, args []string) result {
	t.Helper()
	var out, failed bytes.Buffer
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr = &out, &failed
	err := cmd.Run()
	var exit *exec.ExitError
	require.True(t, err == nil || errors.As(err, &exit), "%v", err)
	return result{cmd.ProcessState.ExitCode(), out.String(), failed.String()}
}

func standIn(args []string) result {
	var out, failed bytes.Buffer
	code := curl.Main(args, &out, &failed)
	return result{code, out.String(), failed.String()}
}

var date = regexp.MustCompile(`Date: [^\r\n]*`)

func plain(out string) string { return date.ReplaceAllString(out, "Date:") }

// kind is the beginning of a message: versions of curl differ in the rest.
func kind(failed string) string {
	text, _, _ := strings.Cut(failed, "\n")
	if strings.HasPrefix(text, "curl: (") {
		text, _, _ = strings.Cut(text, ")")
		return text
	}
	return strings.TrimSpace(failed[:min(len(failed), len("curl:"))])
}

// server answers well and badly.
func server(t *testing.T) string {
	t.Helper()
	gone := make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("/teapot", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-More-Info", "http://tools.ietf.org/html/rfc2324")
		w.WriteHeader(http.StatusTeapot)
		fmt.Fprint(w, "I'm a teapot!")
	})
	mux.HandleFunc("/chunked", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "one ")
		_ = http.NewResponseController(w).Flush()
		fmt.Fprint(w, "two")
	})
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s\n", r.Method, r.RequestURI, body)
		_ = r.Header.Write(w)
	})
	mux.HandleFunc("/slow", func(http.ResponseWriter, *http.Request) { <-gone })
	mux.HandleFunc("/raw/{how}", func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			behave(conn.(*net.TCPConn), r.PathValue("how"), gone)
		}
	})
	s := httptest.NewServer(mux)
	t.Cleanup(func() {
		close(gone)
		s.Close()
	})
	return s.Listener.Addr().String()
}

func behave(conn *net.TCPConn, how string, gone <-chan struct{}) {
	defer conn.Close()
	say := func(text string) { _, _ = io.WriteString(conn, text) }
	switch how {
	case "close":
		say("HTTP/1.1 200 Fine\r\nConnection: close\r\n\r\nall of it")
	case "interim":
		say("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	case "empty":
		say("HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n")
	case "stall":
		say("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
		select {
		case <-gone:
		case <-time.After(5 * time.Second):
		}
	case "short":
		say("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
	case "reset":
		_ = conn.SetLinger(0)
	}
}
