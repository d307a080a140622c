package preflight_test

import (
	"context"
	"encoding/pem"
	"io"
	"log"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/probe"
	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/secrets"
)

// apiServer answers TLS handshakes.
func apiServer(t *testing.T) secrets.Endpoint {
	t.Helper()
	s := httptest.NewUnstartedServer(nil)
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // each handshake is broken off
	s.StartTLS()
	t.Cleanup(s.Close)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	return secrets.Endpoint{Server: s.URL, CA: ca, TLSServerName: "example.com", AllowLoopback: true}
}

func run(t *testing.T, in preflight.Input) map[string][]preflight.Finding {
	t.Helper()
	findings, err := preflight.Run(t.Context(), in)
	require.NoError(t, err)
	byID := map[string][]preflight.Finding{}
	for _, f := range findings {
		byID[f.ID] = append(byID[f.ID], f)
	}
	return byID
}

// remote is an endpoint that no test dials.
var remote = secrets.Endpoint{Server: "https://api.cluster-1.example.com:6443"}

// undialled keeps handshakes out of tests of other things.
func undialled(w *world) *world {
	w.in.Endpoint = secrets.Endpoint{}
	return w
}

func TestHealthyMeshPassesEveryCheck(t *testing.T) {
	w := newWorld(t, apiServer(t), root(now.AddDate(9, 0, 0)))
	w.in.Bound = true // or one check does not apply
	findings := run(t, w.in)
	for _, c := range preflight.Checks() {
		require.NotEmpty(t, findings[c.ID], c.ID)
		for _, f := range findings[c.ID] {
			require.Equal(t, probe.Passed, f.Status, "%+v", f)
			require.Empty(t, f.Remedy)
			require.NotEmpty(t, f.Evidence)
			require.Equal(t, preflight.FindingSchema, f.Schema)
		}
	}
}

func TestOrderIsTheTablesEachTime(t *testing.T) {
	w := undialled(newWorld(t, remote, root(now.AddDate(9, 0, 0))))
	first, err := preflight.Run(t.Context(), w.in)
	require.NoError(t, err)
	checks := preflight.Checks()
	at := 0
	for _, f := range first {
		for checks[at].ID != f.ID {
			at++
			require.Less(t, at, len(checks), "%s is out of order", f.ID)
		}
	}
	for range 10 {
		again, err := preflight.Run(t.Context(), w.in)
		require.NoError(t, err)
		require.Equal(t, first, again)
	}
}

// TestEachRequestIsMadeOnce also holds the number of requests that the package documentation states.
func TestEachRequestIsMadeOnce(t *testing.T) {
	w := undialled(newWorld(t, remote, root(now.AddDate(9, 0, 0))))
	_, err := preflight.Run(t.Context(), w.in)
	require.NoError(t, err)
	for name, m := range map[string]*memory{"From": w.from, "To": w.to, "Config": w.config} {
		seen := map[string]int{}
		for _, c := range m.calls {
			seen[c]++
		}
		for c, n := range seen {
			if c != "list Pod demo/" && c != "list EndpointSlice istio-system/" && c != "list Pod istio-system/" && c != "list Secret istio-system/" { // by different selectors
				require.Equal(t, 1, n, "%s: %s", name, c)
			}
		}
	}
	require.Len(t, w.from.calls, 13, "%q", w.from.calls)
	require.Len(t, w.to.calls, 14, "%q", w.to.calls)
	require.Len(t, w.config.calls, 8, "%q", w.config.calls)
}

// What a check reads is read ahead, so that it waits for no request of its own.
func TestTakesNoLongerThanItsLongestChain(t *testing.T) {
	cert := root(now.AddDate(9, 0, 0))
	synctest.Test(t, func(t *testing.T) {
		w := undialled(newWorld(t, remote, cert))
		w.in.Parallel = 64
		for _, m := range []*memory{w.from, w.to, w.config} {
			m.pause = func() { time.Sleep(time.Second) }
		}
		for _, s := range []*preflight.Side{&w.in.From, &w.in.To} {
			s.May = func(_ context.Context, a rbac.Access) (bool, error) {
				time.Sleep(time.Second)
				return a.Verb != "*" && a.Verb != "bind", nil
			}
		}
		start := time.Now()
		run(t, w.in)
		require.Equal(t, 3*time.Second, time.Since(start))
	})
}

func TestRequestsInFlightAreBounded(t *testing.T) {
	cert := root(now.AddDate(9, 0, 0))
	synctest.Test(t, func(t *testing.T) {
		w := undialled(newWorld(t, remote, cert))
		w.in.Parallel = 1
		for _, m := range []*memory{w.from, w.to, w.config} {
			m.pause = func() { time.Sleep(time.Second) }
		}
		start := time.Now()
		run(t, w.in)
		require.Equal(t, time.Duration(max(len(w.from.calls), len(w.to.calls)))*time.Second, time.Since(start))
	})
}

func TestEndedContextLeavesUnknowns(t *testing.T) {
	w := newWorld(t, remote, root(now.AddDate(9, 0, 0)))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	findings, err := preflight.Run(ctx, w.in)
	require.ErrorIs(t, err, context.Canceled)
	require.Len(t, findings, len(preflight.Checks()))
	for _, f := range findings {
		require.Equal(t, probe.Unknown, f.Status, "%+v", f)
		require.NotEmpty(t, f.Remedy)
	}
}

func TestContextThatEndsDuringReads(t *testing.T) {
	w := newWorld(t, remote, root(now.AddDate(9, 0, 0)))
	ctx, cancel := context.WithCancel(t.Context())
	w.to.pause, w.in.Parallel = cancel, 1
	findings, err := preflight.Run(ctx, w.in)
	require.ErrorIs(t, err, context.Canceled)
	for _, f := range findings {
		require.NotEqual(t, probe.Failed, f.Status, "%+v", f)
	}
}

func TestPanicIsUnknown(t *testing.T) {
	const secret = "a value that might be a credential"
	w := undialled(newWorld(t, remote, root(now.AddDate(9, 0, 0))))
	w.to.pause = func() { panic(secret) }
	w.in.From.Ask = func(context.Context, string) (preflight.Answer, error) {
		var none []time.Time
		return preflight.Answer{Date: none[len(none)]}, nil
	}
	w.in.To.May = func(context.Context, rbac.Access) (bool, error) { panic(secret) }
	findings := run(t, w.in)
	for _, id := range []string{"distinct-clusters", "server-ready", "caller-rights"} {
		require.Equal(t, probe.Unknown, findings[id][0].Status)
		require.Contains(t, findings[id][0].Evidence, "panicked")
		require.NotContains(t, findings[id][0].Evidence, secret)
	}
	require.Contains(t, findings["clock-skew"][0].Evidence, "index out of range")
	require.Equal(t, probe.Passed, findings["istiod-present"][0].Status, "other checks go on")
}

func TestNothingGivenIsNeverFailed(t *testing.T) {
	findings, err := preflight.Run(t.Context(), preflight.Input{Bound: true, Workload: &preflight.Workload{Namespace: "demo", Service: "httpbin"}})
	require.NoError(t, err)
	require.Equal(t, probe.Unknown, preflight.Status(findings))
	for _, f := range findings {
		require.Contains(t, []probe.Status{probe.Unknown, probe.Passed}, f.Status, "%+v", f)
	}
}

func TestWhatDoesNotApplyIsSkipped(t *testing.T) {
	w := undialled(newWorld(t, remote, root(now.AddDate(9, 0, 0))))
	w.in.Workload, w.in.From.Hosted, w.in.Flavour, w.in.Config = nil, true, preflight.Upstream, nil
	findings := run(t, w.in)
	for _, id := range []string{"cluster-id-in-use", "istiod-present", "rotation-hazards", "asm-gateway", "asm-remote-control-plane", "server-ready", "locality"} {
		require.Equal(t, probe.Skipped, findings[id][0].Status, id)
	}
	for _, c := range w.to.calls {
		require.NotContains(t, c, "VirtualService", "nothing is read for a check that does not apply")
	}
}

func TestBadInput(t *testing.T) {
	_, err := preflight.Run(t.Context(), preflight.Input{Flavour: "other", Parallel: -1, Workload: &preflight.Workload{Port: 70000}})
	var field *preflight.FieldError
	require.ErrorAs(t, err, &field)
	for _, text := range []string{`Input.Flavour "other"`, "Input.Parallel", "Workload.Namespace", "Workload.Service", "Workload.Port"} {
		require.ErrorContains(t, err, text)
	}
}
