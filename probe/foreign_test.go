package probe_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	mathrand "math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/probe"
)

// hostile is text as somebody would write it who wants to rule the page.
func hostile(draws *mathrand.Rand) string {
	parts := []string{
		"\n", "\r\n", "\t", "\x1b[31m", "\x00", "\u202e", "\u2066", "\u2028", "\u0085", "\u200b", "\ufeff", "\x7f", "\xff", "\U000e0041", "\a\b",
		"mutual-tls\tpassed", "passed", "<script>", "x", " ", `"`, `\`, "é", "东",
	}
	var b strings.Builder
	for range 1 + draws.IntN(12) {
		b.WriteString(parts[draws.IntN(len(parts))])
	}
	b.WriteString("\n" + parts[draws.IntN(len(parts))])
	if draws.IntN(12) == 0 {
		b.WriteString(strings.Repeat(b.String(), 1<<20/b.Len()+1))
	}
	return b.String()
}

// fit fails if text holds what a terminal or a page would act on.
func fit(t *testing.T, door, text string) {
	t.Helper()
	require.LessOrEqual(t, len(text), 16<<10, door) // of a whole JSON object or log line
	for _, r := range text {
		if !unicode.IsPrint(r) {
			require.Failf(t, "not fit to be shown", "%s lets %q through: %q", door, r, text)
		}
	}
}

// fitResult looks at every form of a Result.
func fitResult(t *testing.T, door string, r probe.Result) {
	t.Helper()
	for _, text := range []string{r.Check, r.Target, r.Summary, r.Hint, string(r.Status), r.String(), fmt.Sprint(r), fmt.Sprintf("%+v", r)} {
		fit(t, door, text)
	}
	for _, text := range []string{r.Check, r.Target, r.Summary, r.Hint} {
		require.LessOrEqual(t, len(text), 2048, door)
	}
	if r.Err != nil {
		fit(t, door+" error", r.Err.Error())
	}
	data, err := json.Marshal(r)
	require.NoError(t, err)
	fit(t, door+" JSON", string(data))
	var again probe.Result
	require.NoError(t, json.Unmarshal(data, &again))
	fit(t, door+" JSON read", again.Summary)
	for _, handler := range []func(*bytes.Buffer) slog.Handler{
		func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
		func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
	} {
		var b bytes.Buffer
		slog.New(handler(&b)).Info("seen", "result", r)
		fit(t, door+" slog", strings.TrimSuffix(b.String(), "\n"))
	}
}

// TestForeignTextIsFitToBeShown, through whichever door it comes.
func TestForeignTextIsFitToBeShown(t *testing.T) {
	draws := mathrand.New(mathrand.NewPCG(5, 11))
	for range 12 {
		evil := hostile(draws)
		err := errors.New(evil)
		throws := probe.ProberFunc(func(context.Context) probe.Result { panic(evil) })
		own := always(probe.Result{Check: evil, Target: evil, Status: probe.Status(evil), Summary: evil, Hint: evil, Err: err})
		failing := always(probe.Result{Check: evil, Target: evil, Status: probe.Failed, Summary: evil, Hint: evil, Err: fmt.Errorf("%w\n%w", err, &probe.RequestError{Kind: probe.Kind(evil), URL: evil, Detail: evil, Err: err})})
		send := func(got probe.Response, err error) probe.Sender {
			return probe.SenderFunc(func(context.Context, probe.Request) (probe.Response, error) { return got, err })
		}
		quoted, jsonErr := json.Marshal(evil)
		require.NoError(t, jsonErr)
		body := func(format string) probe.Sender { return says(200, fmt.Sprintf(format, quoted)) }
		anywhere := probe.LocatorFunc(func(context.Context, string) ([]string, error) { return []string{evil}, nil })
		execFails := probe.ExecutorFunc(func(context.Context, probe.Command) (probe.Output, error) { return probe.Output{}, err })
		page := service + "::10.1.0.4:8080::health_flags::" + evil + "\n" + evil + "::10.1.0.4:80::rq_success::1\n" + service + "::" + evil + ":80::rq_success::1\n"
		matched := says(200, golang(seenXFCC))
		const at = "http://httpbin:8000"
		doors := map[string]probe.Prober{
			"own": own, "own, in a ladder": probe.Ladder{Name: evil, Target: evil, Rungs: []probe.Rung{{Check: evil, Prober: own}}},
			"later rung": probe.Ladder{Rungs: []probe.Rung{{Check: evil, Prober: failing}, {Check: evil}}},
			"retry":      probe.Retry(own, probe.Poll{Timeout: time.Nanosecond}), "retry that fails": probe.Retry(failing, probe.Poll{Timeout: time.Nanosecond}),
			"explain":    probe.Explain(failing, probe.PilotAgent{In: prints(0, page, "")}, ""),
			"unexplaind": probe.Explain(failing, probe.PilotAgent{In: execFails}, ""),
			"panic":      throws, "panic, in a ladder": probe.Ladder{Rungs: []probe.Rung{{Check: evil, Prober: throws}}},
			"nil": probe.Ladder{Rungs: []probe.Rung{{Check: evil}}},
			"tcp": probe.TCP{Address: evil, Dialer: dialing{err}}, "tls": probe.TLS{Address: evil, ServerName: evil, Dialer: dialing{err}},
			"http":             probe.HTTP{From: send(probe.Response{}, err), Request: probe.Request{URL: at}},
			"http url":         probe.HTTP{Request: probe.Request{URL: evil}},
			"http path":        probe.HTTP{From: says(500, evil), Request: probe.Request{URL: at + "/" + url.PathEscape(evil)}},
			"http header":      probe.HTTP{Request: probe.Request{URL: at, Header: http.Header{evil: {evil}}}},
			"http wanted":      probe.HTTP{From: says(200, evil, "X-A", evil), Request: probe.Request{URL: at}, Header: http.Header{evil: {evil}}},
			"status":           probe.HTTP{From: says(503, evil), Request: probe.Request{URL: at}},
			"teapot":           probe.Teapot{From: says(418, evil), URL: at},
			"stderr":           probe.Teapot{From: probe.Curl{In: prints(3, evil, evil)}, URL: at},
			"stdout":           probe.Teapot{From: probe.Curl{In: prints(0, evil, evil)}, URL: at},
			"header block":     probe.Teapot{From: probe.Curl{In: prints(0, "HTTP/1.1 200 "+evil+"\r\n"+evil+"\r\n\r\n\nmeshpeer-probe-answer 200 1", "")}, URL: at},
			"exec":             probe.Teapot{From: probe.Curl{In: execFails}, URL: at},
			"request error":    probe.Teapot{From: send(probe.Response{}, &probe.RequestError{Kind: probe.Kind(evil), URL: evil, Detail: evil, Err: err}), URL: at},
			"answer error":     probe.Teapot{From: send(probe.Response{}, &probe.AnswerError{URL: evil, Want: evil}), URL: at},
			"field error":      probe.Teapot{From: send(probe.Response{}, &probe.FieldError{Field: evil, Value: evil, Reason: evil, Remedy: evil}), URL: at},
			"xfcc":             probe.Identity{From: body(`{"headers": {"X-Forwarded-Client-Cert": [%s]}}`), URL: at},
			"control":          probe.Identity{From: matched, URL: at, Client: sleepID, Server: httpbinID, Control: send(probe.Response{}, err), ControlName: evil, ControlURL: evil},
			"control answered": probe.Identity{From: matched, URL: at, Client: sleepID, Server: httpbinID, Control: says(200, evil), ControlName: evil},
			"pod":              probe.Who{From: body(`{"hostname": %s}`), URL: at, Locator: anywhere},
			"variable":         probe.Who{From: body(`{"env": {"HTTPBIN_ENV_CLUSTER": %s}}`), URL: at, Path: "/env", LocalReady: ready(0, 0), Elsewhere: evil},
			"located":          probe.Who{From: says(200, `{"hostname": "httpbin-1"}`), URL: at, Locator: anywhere},
			"counted": probe.Who{
				From: says(200, `{"hostname": "httpbin-1"}`), URL: at, Locator: anywhere, Service: service,
				Proxy: pages(clusters(map[string]int{"10.1.0.4:80": 1}), clusters(map[string]int{"10.1.0.4:80": 2})),
			},
			"path": probe.Who{URL: at, Path: evil},
		}
		for name, p := range doors {
			for _, r := range probe.Run(t.Context(), probe.RunOptions{}, p) {
				fitResult(t, name, r)
			}
			if r := func() (r probe.Result) {
				defer func() { _ = recover() }()
				return p.Probe(t.Context())
			}(); name != "own" && name != "panic" { // called alone, a prober of the caller's is the caller's
				fitResult(t, name+", alone", r)
			}
		}
		var read probe.Result
		require.NoError(t, json.Unmarshal(fmt.Appendf(nil, `{"check": %[1]s, "status": %[1]s, "summary": %[1]s, "hint": %[1]s, "target": %[1]s, "error": %[1]s}`, quoted), &read))
		fitResult(t, "a file", read)

		for _, e := range probe.ParseEndpoints([]byte(page)) {
			for _, text := range []string{e.Service, e.Address, e.Health} {
				fit(t, "endpoints", text)
			}
		}
		attributed := probe.Attribute(probe.Sign{Source: probe.Source(evil), Cluster: evil, Evidence: evil}, probe.Sign{Source: probe.FromApp, Cluster: "c1", Evidence: evil})
		require.Equal(t, "c1", attributed.Cluster, "what does not print names no cluster, and so does not disagree")
		require.Equal(t, probe.Observed, attributed.Proof)
		fit(t, "attribution", attributed.String())
		fit(t, "attribution of one's own", probe.Attribution{Cluster: evil, Proof: probe.Proved, Signs: []probe.Sign{{Source: probe.Source(evil), Evidence: evil}}}.String())
		var split probe.Split
		split.Add(probe.Attribution{Cluster: evil})
		require.Equal(t, 1, split.Unattributed)
		split.Answers = map[string]int{evil: 3, evil + "2": 1}
		fit(t, "split", split.String())
		fitResult(t, "expect", split.Expect(map[string]int{evil: 1, "b" + evil: 1}))
		for _, e := range []error{
			&probe.RefusedError{Target: evil, Reason: evil, Remedy: evil}, &probe.NotRestoredError{Target: evil, Err: err},
			&probe.ScaleChangedError{Target: evil}, &probe.AbortedError{Target: evil, Reason: evil, Err: err},
		} {
			fit(t, fmt.Sprintf("%T", e), e.Error())
		}
		_, parseErr := probe.ParseSPIFFEID(evil)
		fit(t, "SPIFFE ID", parseErr.Error())
		_, parseErr = probe.ParseXFCC(evil)
		if parseErr != nil {
			fit(t, "XFCC", parseErr.Error())
		}
	}
}

// TestForeignTextOfAFailover: notes, owners, errors and records are written by others.
func TestForeignTextOfAFailover(t *testing.T) {
	draws := mathrand.New(mathrand.NewPCG(5, 12))
	for range 8 {
		evil := hostile(draws)
		synctest.Test(t, func(t *testing.T) {
			for name, edit := range map[string]func(*deployment, *probe.Failover){
				"notes":   func(d *deployment, _ *probe.Failover) { d.scale.Notes = []string{evil} },
				"owners":  func(d *deployment, _ *probe.Failover) { d.scale.Owners = []string{evil, evil} },
				"scalers": func(d *deployment, _ *probe.Failover) { d.scale.Autoscalers = []string{evil} },
				"unseen":  func(d *deployment, _ *probe.Failover) { d.scale.Unseen = []string{evil} },
				"allowed": func(d *deployment, f *probe.Failover) { d.scale.Unseen, f.AllowUnseen = []string{evil}, true },
				"target":  func(_ *deployment, f *probe.Failover) { f.Target, f.Consent = "c "+evil, "c "+evil },
				"elsewhere": func(_ *deployment, f *probe.Failover) {
					f.Elsewhere = func(context.Context) (int, error) { return 0, errors.New(evil) }
				},
				"api": func(d *deployment, _ *probe.Failover) {
					d.fault = func(int, string) fault { return fault{before: errors.New(evil)} }
				},
				"answer": func(_ *deployment, f *probe.Failover) {
					f.Answer = always(probe.Result{Check: evil, Status: probe.Passed, Summary: evil, Err: errors.New(evil)})
				},
			} {
				d := newDeployment(3)
				f := failover(d)
				edit(d, &f)
				check, err := f.Check(t.Context())
				report, runErr := f.Run(t.Context())
				for _, text := range append(append([]string{check.Target, report.Target}, check.Warnings...), report.Warnings...) {
					fit(t, name, text)
				}
				fitResult(t, name, report.Answer)
				for _, e := range []error{err, runErr} {
					if e != nil {
						fit(t, name, strings.ReplaceAll(e.Error(), "\n", " ")) // of several, each has its line
					}
				}
			}
			d := newDeployment(0)
			d.scale.Record = evil
			_, err := probe.Recover(t.Context(), evil, d)
			fit(t, "recover", err.Error())
			out, _ := probe.Meter{Settle: time.Second}.Measure(t.Context(), probe.AskerFunc(func(context.Context) (probe.Attribution, error) {
				return probe.Attribution{}, errors.New(evil)
			}), func(context.Context) error { return nil })
			fit(t, "outage", out.LastError)
			out, err = probe.Meter{}.Measure(t.Context(), probe.AskerFunc(func(context.Context) (probe.Attribution, error) {
				return probe.Attribution{Cluster: evil}, nil
			}), func(context.Context) error { return nil })
			require.NoError(t, err)
			require.Equal(t, out.Requests, out.Answers[""], "a name that does not print is none")
		})
	}
}

// TestForgedPodIsNotLocated: what the app says is looked up only if it can be a pod.
func TestForgedPodIsNotLocated(t *testing.T) {
	for _, name := range []string{"httpbin-1\nmutual-tls passed", "HTTPBIN", "httpbin 1", "../secrets", "httpbin_1", "-a", "a\u202eb", strings.Repeat("a", 254), "httpbin-1\x00"} {
		quoted, err := json.Marshal(name)
		require.NoError(t, err)
		located := probe.LocatorFunc(func(_ context.Context, what string) ([]string, error) {
			require.Fail(t, "it was located", "%q", what)
			return nil, nil
		})
		a, err := probe.Who{From: says(200, fmt.Sprintf(`{"hostname": %s}`, quoted)), URL: "http://httpbin", Locator: located}.Ask(t.Context())
		require.NoError(t, err)
		require.Equal(t, probe.Unproved, a.Proof)
		require.Contains(t, a.String(), "which cannot be the name of a pod")
	}
	for _, name := range []string{"c1\n", " c1", "c1 (proved)", "c1\u202e", strings.Repeat("c", 64), "-"} {
		quoted, err := json.Marshal(name)
		require.NoError(t, err)
		who := probe.Who{From: says(200, fmt.Sprintf(`{"env": {"HTTPBIN_ENV_CLUSTER": %s}}`, quoted)), Path: "/env", LocalReady: ready(0, 0), Elsewhere: "c1"}
		a, err := who.Ask(t.Context())
		require.NoError(t, err)
		require.Equal(t, probe.Observed, a.Proof, "one sign is left, and %q is no second", name)
		require.Contains(t, a.String(), "which cannot be the name of a cluster")
	}
}

// TestForeignCertificate: whoever makes a certificate chooses its names.
func TestForeignCertificate(t *testing.T) {
	draws := mathrand.New(mathrand.NewPCG(5, 13))
	for range 8 {
		evil := hostile(draws)
		name := strings.ToValidUTF8(evil, "?")
		name = name[:min(len(name), 5000)]
		name = strings.ToValidUTF8(name, "")
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		require.NoError(t, err)
		leaf := &x509.Certificate{
			SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name, Organization: []string{name}},
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), EmailAddresses: nil, DNSNames: []string{"a", "b", "c", "d", "e", "f"},
			URIs: []*url.URL{{Scheme: "spiffe", Host: "a", Path: "/" + name, RawQuery: "token=hunter2"}},
		}
		raw, err := x509.CreateCertificate(rand.Reader, leaf, leaf, key.Public(), key)
		require.NoError(t, err)
		parsed, err := x509.ParseCertificate(raw)
		require.NoError(t, err)
		roots := x509.NewCertPool()
		roots.AddCert(parsed)
		address := serveTLS(t, tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key})
		for want, p := range map[probe.Status]probe.TLS{probe.Passed: {ServerName: "a", Roots: roots}, probe.Failed: {ServerName: "other", Roots: roots}} {
			p.Address = address
			r := p.Probe(t.Context())
			require.Equal(t, want, r.Status, r)
			fitResult(t, "certificate", r)
			require.NotContains(t, r.Summary, "hunter2")
			require.Contains(t, r.Summary, "for a, b, c, d, e, 2 more", "our own words are not pushed out")
		}
	}
}
