package probe_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/meshpeer/meshpeer/probe"
)

// The second rung does not hold. It is the diagnosis, and the third is not tried.
func ExampleLadder() {
	sleep := says(503, "no healthy upstream")
	results := probe.Run(context.Background(), probe.RunOptions{}, probe.Ladder{Name: "cluster-2 to cluster-1", Rungs: []probe.Rung{
		{Check: "istiod-synced", Prober: status(probe.Passed)},
		{Check: "teapot", Prober: probe.Teapot{From: sleep, URL: "http://httpbin:8000"}},
		{Check: "mutual-tls", Prober: probe.Identity{From: sleep, URL: "http://httpbin:8000"}},
	}})
	for _, r := range results {
		fmt.Println(r.Check, r.Status)
	}
	fmt.Println(results[1].Summary)
	// Output:
	// istiod-synced passed
	// teapot failed
	// mutual-tls skipped
	// GET http://httpbin:8000/status/418: got 503 Service Unavailable, want the teapot of an httpbin: the client's proxy has no endpoint for the service (flag UH)
}

// An Executor runs the command and returns its exit code as a value; this one needs no cluster.
func ExampleExecutor() {
	sleep := probe.ExecutorFunc(func(ctx context.Context, c probe.Command) (probe.Output, error) {
		fmt.Println(c.Args[0], c.Args[len(c.Args)-1])
		return probe.NewOutput(6, nil, []byte("curl: (6) Could not resolve host: httpbin")), nil
	})
	r := probe.Teapot{From: probe.Curl{In: sleep}, URL: "http://httpbin:8000"}.Probe(context.Background())
	fmt.Println(r.Status, r.Hint)
	// Output:
	// curl http://httpbin:8000/status/418
	// failed create the Service in the client's cluster too, in the same namespace: it needs no pods there
}

// Mutual TLS is proved by a control that was refused.
func ExampleIdentity() {
	r := probe.Identity{
		From: says(200, python(seenXFCC)), URL: "http://httpbin:8000",
		Client:  probe.MustSPIFFEID("spiffe://cluster.local/ns/default/sa/sleep"),
		Server:  probe.MustSPIFFEID("spiffe://cluster.local/ns/default/sa/httpbin"),
		Control: fails(probe.KindReset), ControlName: "plain in cluster-1",
	}.Probe(context.Background())
	fmt.Println(r.Status, r.Summary)
	// Output:
	// passed mutual TLS proved: spiffe://cluster.local/ns/default/sa/sleep called spiffe://cluster.local/ns/default/sa/httpbin: the header matched, and plain in cluster-1, which has no certificate, was refused
}

func ExampleParseXFCC() {
	certs, err := probe.ParseXFCC(`By=spiffe://cluster.local/ns/default/sa/httpbin;Subject="O=a,CN=b";URI=spiffe://cluster.local/ns/default/sa/sleep`)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(certs[len(certs)-1].Values("URI"))
	// Output: [spiffe://cluster.local/ns/default/sa/sleep]
}

// Signs of two sources prove which cluster answered; signs that disagree prove nothing.
func ExampleAttribute() {
	app := probe.Sign{Source: probe.FromApp, Cluster: "cluster-1", Evidence: "HTTPBIN_ENV_CLUSTER is cluster-1"}
	proxy := probe.Sign{Source: probe.FromProxy, Cluster: "cluster-1", Evidence: "it counted the answer at 10.9.0.11:15443, of cluster-1"}
	fmt.Println(probe.Attribute(app, proxy))
	proxy.Cluster, proxy.Evidence = "cluster-2", "it counted the answer at 10.2.0.4:8080, of cluster-2"
	fmt.Println(probe.Attribute(app, proxy))
	// Output:
	// cluster-1 (proved): app: HTTPBIN_ENV_CLUSTER is cluster-1; client-proxy: it counted the answer at 10.9.0.11:15443, of cluster-1
	// unknown: app: HTTPBIN_ENV_CLUSTER is cluster-1; client-proxy: it counted the answer at 10.2.0.4:8080, of cluster-2
}

// Twenty answers cannot tell an even split from 70 to 30.
func ExampleSplit() {
	split := probe.Split{Answers: map[string]int{"cluster-1": 11, "cluster-2": 9}}
	for _, share := range split.Shares() {
		fmt.Println(share)
	}
	fmt.Println(split.Expect(map[string]int{"cluster-1": 1, "cluster-2": 1}).Status)
	n, err := probe.AnswersToTell(0.5, 0.7, 0.99)
	fmt.Println(n, err)
	// Output:
	// cluster-1 11 of 20 (between 20 % and 87 %)
	// cluster-2 9 of 20 (between 13 % and 80 %)
	// passed
	// 82 <nil>
}

func ExampleFailover() {
	_, err := probe.Failover{Target: "cluster-1 default/httpbin"}.Run(context.Background())
	fmt.Println(err)
	// Output:
	// Failover.Consent: it does not repeat Target; set it to "cluster-1 default/httpbin" to allow that this is scaled to zero
}

func ExampleDiagnose() {
	d := probe.Diagnose(probe.Sighting{Response: probe.NewResponse(403, nil, []byte("RBAC: access denied"), 0)})
	fmt.Println(d.Symptom + ": " + d.Cause)
	fmt.Println(d.Remedy)
	// Output:
	// rbac-denied: an AuthorizationPolicy at the server denies the client
	// allow the client's SPIFFE ID there; with different trust domains add trustDomainAliases
}

func ExampleParseEndpoints() {
	page := "outbound|8000||httpbin::10.9.0.11:15443::rq_success::7\noutbound|8000||httpbin::10.9.0.11:15443::health_flags::healthy\n"
	for _, e := range probe.ParseEndpoints([]byte(page)) {
		fmt.Println(e.Address, e.Answers(), e.Healthy())
	}
	// Output: 10.9.0.11:15443 7 true
}

// Errors of requests keep their class.
func ExampleRequestError() {
	_, err := probe.Curl{In: prints(52, "", "curl: (52) Empty reply from server")}.Send(context.Background(), probe.Request{URL: "http://httpbin:8000/headers"})
	var failed *probe.RequestError
	fmt.Println(errors.As(err, &failed), failed.Kind)
	fmt.Println(err)
	// Output:
	// true empty
	// probe: GET http://httpbin:8000/headers: exit code 52: curl: (52) Empty reply from server
}
