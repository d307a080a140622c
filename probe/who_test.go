package probe_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/probe"
)

func TestAttribute(t *testing.T) {
	app := func(cluster string) probe.Sign {
		return probe.Sign{Source: probe.FromApp, Cluster: cluster, Evidence: "a"}
	}
	proxy := func(cluster string) probe.Sign {
		return probe.Sign{Source: probe.FromProxy, Cluster: cluster, Evidence: "p"}
	}
	for _, tt := range []struct {
		name    string
		signs   []probe.Sign
		cluster string
		proof   probe.Proof
		text    string
	}{
		{"no signs", nil, "", probe.Unproved, "unknown"},
		{"two sources agree", []probe.Sign{app("c1"), proxy("c1")}, "c1", probe.Proved, "c1 (proved): app: a; client-proxy: p"},
		{"one source", []probe.Sign{app("c1")}, "c1", probe.Observed, "c1 (observed by one sign): app: a"},
		{"one source twice is one", []probe.Sign{app("c1"), app("c1")}, "c1", probe.Observed, "c1 (observed by one sign): app: a; app: a"},
		{"a silent sign counts for nothing", []probe.Sign{app("c1"), proxy("")}, "c1", probe.Observed, "c1 (observed by one sign): app: a; client-proxy: p"},
		{"they disagree", []probe.Sign{app("c1"), proxy("c2")}, "", probe.Unproved, "unknown: app: a; client-proxy: p"},
		{"two against one", []probe.Sign{app("c1"), proxy("c1"), {Source: probe.FromEndpoints, Cluster: "c2", Evidence: "e"}}, "", probe.Unproved, "unknown: app: a; client-proxy: p; endpoint-slice: e"},
		{"all silent", []probe.Sign{app("")}, "", probe.Unproved, "unknown: app: a"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := probe.Attribute(tt.signs...)
			require.Equal(t, tt.cluster, got.Cluster)
			require.Equal(t, tt.proof, got.Proof)
			require.Equal(t, tt.text, got.String())
		})
	}
}

// pages is a pilot-agent that shows one page after the other.
func pages(texts ...string) *probe.PilotAgent {
	return &probe.PilotAgent{In: probe.ExecutorFunc(func(context.Context, probe.Command) (probe.Output, error) {
		if len(texts) == 0 {
			return probe.Output{}, errors.New("gone")
		}
		out := probe.NewOutput(0, []byte(texts[0]), nil)
		texts = texts[1:]
		return out, nil
	})}
}

func ready(counts ...int) func(context.Context) (int, error) {
	return func(context.Context) (int, error) {
		if len(counts) == 0 {
			return 0, errors.New("forbidden")
		}
		n := counts[0]
		counts = counts[1:]
		return n, nil
	}
}

func TestWho(t *testing.T) {
	where := places(map[string]string{"httpbin-1": "cluster-1", "10.9.0.11": "cluster-1", "10.2.0.4": "cluster-2", "both": "cluster-1,cluster-2", "dark": "error"})
	type answers = map[string]int
	local, gateway := "10.2.0.4:8080", "10.9.0.11:15443"
	calm := clusters(answers{local: 3, gateway: 5})
	for _, tt := range []struct {
		name    string
		who     probe.Who
		body    string
		cluster string
		proof   probe.Proof
		says    string
	}{
		{"word and counter", probe.Who{Locator: where, Proxy: pages(calm, clusters(answers{local: 3, gateway: 6}))}, `{"hostname": "httpbin-1"}`, "cluster-1", probe.Proved, "it counted the answer at 10.9.0.11:15443, of cluster-1"},
		{"a failed attempt elsewhere", probe.Who{Locator: where, Proxy: pages(calm, strings.ReplaceAll(clusters(answers{local: 3, gateway: 6}), local+"::rq_error::0", local+"::rq_error::1"))}, `{"hostname": "httpbin-1"}`, "cluster-1", probe.Proved, ""},
		{"a new endpoint", probe.Who{Locator: where, Proxy: pages("", clusters(answers{gateway: 1}))}, `{"hostname": "httpbin-1"}`, "cluster-1", probe.Proved, ""},
		{"they disagree", probe.Who{Locator: where, Proxy: pages(calm, clusters(answers{local: 4, gateway: 5}))}, `{"hostname": "httpbin-1"}`, "", probe.Unproved, "of cluster-2"},
		{"other traffic", probe.Who{Locator: where, Proxy: pages(calm, clusters(answers{local: 4, gateway: 6}))}, `{"hostname": "httpbin-1"}`, "cluster-1", probe.Observed, "it counted 2 answers, not one"},
		{"counters restarted", probe.Who{Locator: where, Proxy: pages(calm, clusters(answers{local: 0, gateway: 1}))}, `{"hostname": "httpbin-1"}`, "cluster-1", probe.Observed, "it counted 0 answers"},
		{"no counters", probe.Who{Locator: where, Proxy: pages(calm)}, `{"hostname": "httpbin-1"}`, "cluster-1", probe.Observed, "could not be read"},
		{"word and elimination", probe.Who{Path: "/env", LocalReady: ready(0, 0), Elsewhere: "cluster-1"}, `{"env": {"HTTPBIN_ENV_CLUSTER": "cluster-1"}}`, "cluster-1", probe.Proved, "no ready endpoint before and after"},
		{"pods came back meanwhile", probe.Who{Path: "/env", LocalReady: ready(0, 1), Elsewhere: "cluster-1"}, `{"env": {"HTTPBIN_ENV_CLUSTER": "cluster-1"}}`, "cluster-1", probe.Observed, "has ready endpoints too"},
		{"cluster unread", probe.Who{Path: "/env", LocalReady: ready(0), Elsewhere: "cluster-1"}, `{"env": {"HTTPBIN_ENV_CLUSTER": "cluster-1"}}`, "cluster-1", probe.Observed, "could not be read"},
		{"no variable", probe.Who{Path: "/env"}, `{"env": {}}`, "", probe.Unproved, "set HTTPBIN_ENV_CLUSTER"},
		{"the default name", probe.Who{Locator: where}, `{"hostname": "go-httpbin"}`, "", probe.Unproved, "USE_REAL_HOSTNAME=1"},
		{"not an httpbin", probe.Who{Locator: where}, `<html>`, "", probe.Unproved, "the answer of /hostname cannot be read"},
		{"nobody's pod", probe.Who{Locator: where}, `{"hostname": "x"}`, "", probe.Unproved, "which no cluster that was asked has"},
		{"everybody's pod", probe.Who{Locator: where}, `{"hostname": "both"}`, "", probe.Unproved, "which several have: cluster-1, cluster-2"},
		{"no look-up", probe.Who{Locator: where}, `{"hostname": "dark"}`, "", probe.Unproved, "could not be looked up"},
		{"no locator", probe.Who{}, `{"hostname": "httpbin-1"}`, "", probe.Unproved, "there is no Locator"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.who.URL, tt.who.Service, tt.who.From = "http://httpbin:8000", service, says(200, tt.body)
			got, err := tt.who.Ask(t.Context())
			require.NoError(t, err)
			require.Equal(t, tt.cluster, got.Cluster, got)
			require.Equal(t, tt.proof, got.Proof, got)
			require.Contains(t, got.String(), tt.says)
		})
	}
}

func TestWhoProbe(t *testing.T) {
	who := probe.Who{URL: "http://httpbin:8000", Path: "/env", From: says(200, `{"env": {"HTTPBIN_ENV_CLUSTER": "cluster-1"}}`)}
	r := who.Probe(t.Context())
	require.Equal(t, probe.Warned, r.Status)
	require.Contains(t, r.Hint, "second source")
	who.LocalReady, who.Elsewhere = func(context.Context) (int, error) { return 0, nil }, "cluster-1"
	r = who.Probe(t.Context())
	require.Equal(t, probe.Passed, r.Status)
	require.Empty(t, r.Hint)
	who.From = says(503, "no healthy upstream")
	r = who.Probe(t.Context())
	require.Equal(t, probe.Failed, r.Status)
	require.Contains(t, r.Summary, "flag UH")
	who.From = fails(probe.KindForbidden)
	require.Equal(t, probe.Unknown, who.Probe(t.Context()).Status)

	for field, who := range map[string]probe.Who{
		"Who.Path": {Path: "/get"}, "Who.Service": {Proxy: &probe.PilotAgent{}}, "Who.Elsewhere": {LocalReady: ready()},
	} {
		_, err := who.Ask(t.Context())
		var wrong *probe.FieldError
		require.ErrorAs(t, err, &wrong)
		require.Equal(t, field, wrong.Field)
	}
}
