package probe_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/probe"
)

func TestDiagnose(t *testing.T) {
	kind := func(k probe.Kind) probe.Sighting { return probe.Sighting{Err: &probe.RequestError{Kind: k}} }
	answer := func(status int, body string, endpoints ...probe.Endpoint) probe.Sighting {
		return probe.Sighting{Response: probe.Response{Status: status, Body: []byte(body)}, Endpoints: endpoints}
	}
	const reset = "upstream connect error or disconnect/reset before headers. "
	stuck := probe.Endpoint{Address: "10.1.0.4:8080", Health: "healthy", ConnectFailed: 2}
	gateway := probe.Endpoint{Address: "10.9.0.11:15443", Health: "healthy", ConnectFailed: 2}
	timedOut := kind(probe.KindTimeout)
	timedOut.Endpoints = []probe.Endpoint{stuck}
	behindGateway := kind(probe.KindTimeout)
	behindGateway.Endpoints = []probe.Endpoint{gateway}
	bare := probe.Sighting{Response: probe.Response{Status: 404, Header: http.Header{"Server": {"envoy"}}}}
	appsOwn := probe.Sighting{Response: probe.Response{Status: 404, Header: http.Header{"Server": {"envoy"}, "X-Envoy-Upstream-Service-Time": {"3"}}}}
	tested := map[string]bool{}
	for _, tt := range []struct {
		name   string
		seen   probe.Sighting
		want   string
		status probe.Status
	}{
		{"a wrong field", probe.Sighting{Err: fmt.Errorf("asking: %w", &probe.FieldError{Field: "URL"})}, "bad-input", probe.Failed},
		{"pods/exec forbidden", kind(probe.KindForbidden), "exec-forbidden", probe.Unknown},
		{"exit code 127", kind(probe.KindNoCurl), "no-curl", probe.Unknown},
		{"pod gone", kind(probe.KindExec), "exec-failed", probe.Unknown},
		{"canceled", probe.Sighting{Err: fmt.Errorf("asking: %w", context.Canceled)}, "canceled", probe.Unknown},
		{"exit code 6", kind(probe.KindDNS), "dns", probe.Failed},
		{"timeout at a pod of the other cluster", timedOut, "raw-pod-ip", probe.Failed},
		{"503 at a pod of the other cluster", answer(503, reset+"reset reason: connection timeout", stuck), "raw-pod-ip", probe.Failed},
		{"timeout at the gateway", behindGateway, "timeout", probe.Failed},
		{"exit code 28", kind(probe.KindTimeout), "timeout", probe.Failed},
		{"deadline of a dialer", probe.Sighting{Err: context.DeadlineExceeded}, "timeout", probe.Failed},
		{"exit code 7", kind(probe.KindRefused), "refused", probe.Failed},
		{"exit code 60", kind(probe.KindTLS), "tls-verify", probe.Failed},
		{"exit code 52", kind(probe.KindEmpty), "empty-reply", probe.Failed},
		{"exit code 56", kind(probe.KindReset), "reset", probe.Failed},
		{"authorization policy", answer(403, "RBAC: access denied"), "rbac-denied", probe.Failed},
		{"the app's own 403", answer(403, "no"), "unexplained", probe.Failed},
		{"other roots", answer(503, reset+"reset reason: remote connection failure, transport failure reason: TLS_error:|268435581:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED"), "mesh-tls-verify", probe.Failed},
		{"other roots, told by the server", answer(503, reset+"transport failure reason: TLSV1_ALERT_UNKNOWN_CA"), "mesh-tls-verify", probe.Failed},
		{"taken out", answer(503, "no healthy upstream", probe.Endpoint{Address: "10.9.0.11:15443", Health: "/failed_outlier_check"}), "ejected", probe.Failed},
		{"UH", answer(503, "no healthy upstream"), "no-healthy-upstream", probe.Failed},
		{"firewall", answer(503, reset+"reset reason: connection timeout", gateway), "upstream-timeout", probe.Failed},
		{"gateway down", answer(503, reset+"retried and the latest reset reason: remote connection failure, transport failure reason: delayed connect error: 111"), "upstream-refused", probe.Failed},
		{"no SNI matched", answer(503, reset+"reset reason: connection termination"), "gateway-reset", probe.Failed},
		{"503 in an error", probe.Sighting{Err: &probe.AnswerError{Response: probe.Response{Status: 503, Body: []byte("no healthy upstream")}}}, "no-healthy-upstream", probe.Failed},
		{"slow", answer(504, "upstream request timeout"), "slow-upstream", probe.Failed},
		{"NR", bare, "no-route", probe.Failed},
		{"the app's own 404", appsOwn, "unexplained", probe.Failed},
		{"odd", probe.Sighting{Err: errors.New("odd")}, "unexplained", probe.Failed},
		{"nothing seen", probe.Sighting{}, "unexplained", probe.Failed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := probe.Diagnose(tt.seen)
			require.Equal(t, tt.want, got.Symptom)
			require.Equal(t, tt.status, got.Status)
			require.NotEmpty(t, got.Cause)
			require.NotEmpty(t, got.Remedy)
			tested[tt.want] = true
		})
	}
	for _, symptom := range probe.Symptoms() {
		require.True(t, tested[symptom], "row %s has no test", symptom)
	}
}
