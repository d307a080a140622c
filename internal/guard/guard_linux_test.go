package main

import (
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// envCase makes this test binary behave as the binary of a package with that forgotten dial.
const envCase = "MESHPEER_GUARD_CASE"

var forgotten = map[string]func(context.Context){
	"loopback": func(ctx context.Context) {
		for _, host := range []string{"127.0.0.1", "127.8.9.10", "[::1]", "localhost", "0.0.0.0", "[::]"} {
			dial(ctx, "tcp", host+":1")
			dial(ctx, "udp", host+":1")
		}
		listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
		must(err)
		server := &http.Server{Handler: http.NotFoundHandler()}
		go func() { _ = server.Serve(listener) }()
		for range 300 { // more than the queue of the capture holds
			request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+listener.Addr().String(), nil)
			must(err)
			request.Close = true
			response, err := http.DefaultClient.Do(request)
			must(err)
			must(response.Body.Close())
		}
		must(server.Close())
	},
	"tcp4": func(ctx context.Context) { dial(ctx, "tcp", "192.0.2.1:443") },
	"tcp6": func(ctx context.Context) { dial(ctx, "tcp", "[2001:db8::1]:443") },
	"udp4": func(ctx context.Context) { dial(ctx, "udp", "198.51.100.2:514") },
	"udp6": func(ctx context.Context) { dial(ctx, "udp", "[2001:db8::2]:514") },
	"name": func(ctx context.Context) { dial(ctx, "tcp", "api.east.example:6443") },
	"short": func(ctx context.Context) { // a dial that is given up at once still leaves
		ctx, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		defer cancel()
		dial(ctx, "tcp", "203.0.113.3:443")
	},
	"child": func(ctx context.Context) {
		cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^$")
		cmd.Env = append(os.Environ(), envCase+"=tcp4")
		must(cmd.Run())
	},
	"multicast": func(ctx context.Context) { dial(ctx, "udp", "224.0.0.251:5353") },
	"group6":    func(ctx context.Context) { dial(ctx, "udp", "[ff02::fb%lo]:5353") },
	"broadcast": func(ctx context.Context) { dial(ctx, "udp", "255.255.255.255:9") },
	"linklocal": func(ctx context.Context) { dial(ctx, "tcp", "169.254.169.254:80") },
}

func dial(ctx context.Context, network, address string) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err == nil {
		_, _ = conn.Write([]byte("x"))
		_ = conn.Close()
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func TestMain(m *testing.M) {
	if forget := forgotten[os.Getenv(envCase)]; forget != nil {
		forget(context.Background())
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// TestCatches: every dial below is one whose error the test that made it does not look at.
func TestCatches(t *testing.T) {
	guard := build(t)
	for name, want := range map[string][]string{
		"tcp4":      {"TCP to 192.0.2.1:443"},
		"tcp6":      {"TCP to [2001:db8::1]:443"},
		"udp4":      {"UDP to 198.51.100.2:514"},
		"udp6":      {"UDP to [2001:db8::2]:514"},
		"name":      {`lookup of "api.east.example." at UDP 192.0.2.53:53`, `lookup of "api.east.example." at UDP [2001:db8::53]:53`},
		"short":     {"TCP to 203.0.113.3:443"},
		"child":     {"TCP to 192.0.2.1:443"},
		"multicast": {"UDP to 224.0.0.251:5353"},
		"group6":    {"UDP to [ff02::fb]:5353"},
		"broadcast": {"UDP to 255.255.255.255:9"},
		"linklocal": {"TCP to 169.254.169.254:80"},
		"loopback":  nil,
	} {
		t.Run(name, func(t *testing.T) {
			said, code := under(t, guard, []string{envCase + "=" + name}, os.Args[0])
			if len(want) == 0 {
				require.Empty(t, said)
				require.Zero(t, code)
				return
			}
			require.Equal(t, 1, code)
			for _, line := range want {
				require.Contains(t, said, line)
			}
			require.Equal(t, len(want)+1, strings.Count(said, "guard: "), said)
		})
	}
}

// TestPassesOn: the exit code, streams and folder of a binary are what they are without the guard.
func TestPassesOn(t *testing.T) {
	guard := build(t)
	said, code := under(t, guard, nil, "/bin/sh", "-c", "pwd; echo $0 $1; exit 7", "a", "b")
	require.Equal(t, 7, code)
	here, err := os.Getwd()
	require.NoError(t, err)
	require.Equal(t, here+"\na b\n", said)
	said, code = under(t, guard, nil, "/bin/sh", "-c", "kill -9 $$")
	require.Equal(t, 1, code)
	require.Contains(t, said, "signal: killed")
	said, code = under(t, guard, nil, "./absent")
	require.Equal(t, 1, code)
	require.Contains(t, said, "absent")
}

// TestNests: a guard can be used by a test that is guarded, so this test is never skipped for that.
func TestNests(t *testing.T) {
	guard := build(t)
	said, code := under(t, guard, []string{envCase + "=name"}, guard, os.Args[0])
	require.Equal(t, 1, code)
	require.Equal(t, 1, strings.Count(said, "guard: unit tests"), "the inner one catches it:\n%s", said)
	require.NotContains(t, said, "did not run")
}

func build(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "guard")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, ".").CombinedOutput()
	require.NoError(t, err, string(out))
	said, code := under(t, path, nil, "/bin/true")
	require.Zero(t, code, said)
	if strings.Contains(said, "did not run") {
		t.Skip(strings.TrimSpace(said))
	}
	return path
}

func under(t *testing.T, guard string, env []string, args ...string) (string, int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), guard, args...)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	require.NotNil(t, cmd.ProcessState, "%v", err)
	return string(out), cmd.ProcessState.ExitCode()
}
