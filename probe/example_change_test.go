package probe_test

import (
	"context"
	"fmt"
	"time"

	"github.com/meshpeer/meshpeer/probe"
)

// The third look finds the service.
func ExampleRetry() {
	looks := 0
	p := probe.ProberFunc(func(context.Context) probe.Result {
		if looks++; looks < 3 {
			return probe.Result{Check: "teapot", Status: probe.Failed, Summary: "no endpoint"}
		}
		return probe.Result{Check: "teapot", Status: probe.Passed, Summary: "a teapot"}
	})
	r := probe.Retry(p, probe.Poll{Every: time.Millisecond}).Probe(context.Background())
	fmt.Println(r.Status, r.Summary)
	// Output: passed a teapot (after 3 tries)
}

// Two signs prove who answered: the word of the app, and that the client's own cluster had no ready endpoint.
func ExampleWho() {
	who := probe.Who{
		From: says(200, `{"env": {"HTTPBIN_ENV_CLUSTER": "cluster-1"}}`), URL: "http://httpbin:8000", Path: "/env",
		LocalReady: func(context.Context) (int, error) { return 0, nil }, Elsewhere: "cluster-1",
	}
	a, err := who.Ask(context.Background())
	fmt.Println(a.Cluster, a.Proof, err)
	// Output: cluster-1 proved <nil>
}

// A workload that a dead process left at zero.
func ExampleRecover() {
	httpbin := newDeployment(0)
	httpbin.scale.Record = `{"run": "QJ3K", "replicas": 2, "at": "2026-01-02T03:04:05Z"}`
	recovery, err := probe.Recover(context.Background(), "cluster-1 default/httpbin", httpbin)
	fmt.Println(recovery.Found, recovery.Replicas, err)
	// Output: true 2 <nil>
}

// A rotation that nobody notices.
func ExampleMeter() {
	asker := probe.AskerFunc(func(context.Context) (probe.Attribution, error) { return probe.Attribution{Cluster: "cluster-1"}, nil })
	rotate := func(context.Context) error { return nil }
	out, err := probe.Meter{Every: time.Millisecond, After: time.Millisecond}.Measure(context.Background(), asker, rotate)
	fmt.Println(out.Failures, out.Longest, err)
	// Output: 0 0s <nil>
}

// Seeing the other cluster at all takes few answers; telling 50 from 60 % takes many.
func ExampleAnswersToTell() {
	fmt.Printf("%.4f\n", probe.Unseen(0.5, 10))
	for _, actual := range []float64{1, 0.7, 0.6} {
		n, err := probe.AnswersToTell(0.5, actual, 0.99)
		fmt.Println(actual, n, err)
	}
	// Output:
	// 0.0010
	// 1 11 <nil>
	// 0.7 82 <nil>
	// 0.6 366 <nil>
}

// With the endpoints of the client's proxy a timeout gets a cause.
func ExampleExplain() {
	timeout := probe.Teapot{From: fails(probe.KindTimeout), URL: "http://httpbin:8000"}
	proxy := probe.PilotAgent{In: prints(0, service+"::10.1.0.4:8080::cx_connect_fail::3\n"+service+"::10.1.0.4:8080::health_flags::healthy\n", "")}
	r := probe.Explain(timeout, proxy, service).Probe(context.Background())
	fmt.Println(r.Hint)
	// Output: label both istio-systems with topology.istio.io/network, and the east-west gateway's Service with the network of its cluster
}
