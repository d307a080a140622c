// Package reach tries a service of a program's users across a link: one that cannot say who it is, as an httpbin can.
package reach

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/meshpeer/meshpeer/peering/traffic"
	"github.com/meshpeer/meshpeer/probe"
)

// Service is a traffic.Check. Up to the client's proxy it is that of Workload; above, every answer below 500 to a GET of Path counts
// that the proxy counted at an endpoint of To.
type Service struct {
	traffic.Workload
	Path string // begins with a slash
}

// Validate implements traffic.Check.
func (s *Service) Validate() error {
	if !strings.HasPrefix(s.Path, "/") {
		return fmt.Errorf("path %q: it has to begin with a slash", s.Path)
	}
	return s.Workload.Validate()
}

// Check is the topmost rung.
const Check = "answer"

// last is the topmost rung of a Workload that is true of every service.
const last = "proxy-endpoints"

// Rungs implements traffic.Check.
func (s *Service) Rungs(from, to traffic.Side) (rungs []traffic.Rung) {
	for _, rung := range s.Workload.Rungs(from, to) {
		if rungs = append(rungs, rung); rung.Check == last {
			break
		}
	}
	client := traffic.Executor{Side: from, Namespace: cmp.Or(s.Namespace, "default"), Deployment: cmp.Or(s.Client, "sleep")}
	beside := client
	beside.Container = "istio-proxy"
	a := &asked{
		curl: probe.Curl{In: client}, proxy: probe.PilotAgent{In: beside}, locator: traffic.Locator(client.Namespace, from, to),
		url: s.url(), service: s.cluster(), to: to.ID, asks: cmp.Or(s.Asks, 20),
	}
	answer := probe.Explain(probe.ProberFunc(a.probe), a.proxy, a.service)
	return append(rungs, traffic.Rung{Check: Check, Object: "Deployment/" + client.Namespace + "/" + client.Deployment, Prober: untilKnown(answer, s.Poll)})
}

// untilKnown repeats a look until it holds or time is up. What is Unknown does not get known by waiting.
func untilKnown(p probe.Prober, poll probe.Poll) probe.Prober {
	return probe.ProberFunc(func(ctx context.Context) probe.Result {
		var unknown *probe.Result
		r := probe.Retry(probe.ProberFunc(func(ctx context.Context) probe.Result {
			r := p.Probe(ctx)
			if r.Status == probe.Unknown {
				seen := r
				unknown, r.Status = &seen, probe.Skipped // ends the Retry
			}
			return r
		}), poll).Probe(ctx)
		if unknown != nil {
			unknown.Took = r.Took
			return *unknown
		}
		return r
	})
}

func (s *Service) host() string {
	return fmt.Sprintf("%s.%s.svc.%s", cmp.Or(s.Service, "httpbin"), cmp.Or(s.Namespace, "default"), cmp.Or(s.Domain, "cluster.local"))
}

func (s *Service) port() int { return cmp.Or(s.Port, 8000) }

func (s *Service) url() string {
	path, query, _ := strings.Cut(s.Path, "?")
	return (&url.URL{Scheme: "http", Host: net.JoinHostPort(s.host(), strconv.Itoa(s.port())), Path: path, RawQuery: query}).String()
}

// cluster is Envoy's name of the service.
func (s *Service) cluster() string { return fmt.Sprintf("outbound|%d||%s", s.port(), s.host()) }

// asked is who asks whom, and how it is told who answered.
type asked struct {
	curl    probe.Sender
	proxy   probe.PilotAgent
	locator probe.Locator
	url     string
	service string
	to      string
	asks    int
}

// probe asks until To answers.
func (a *asked) probe(ctx context.Context) probe.Result {
	r := probe.Result{Target: a.url}
	for range a.asks {
		before, err := a.proxy.Endpoints(ctx, a.service)
		if err != nil {
			return failed(r, err)
		}
		response, err := a.curl.Send(ctx, probe.Request{URL: a.url})
		if err != nil {
			return failed(r, err)
		}
		if response.Status() >= http.StatusInternalServerError { // by a proxy on the way, more often than not
			return failed(r, &probe.AnswerError{URL: a.url, Response: response, Want: "below 500"})
		}
		after, err := a.proxy.Endpoints(ctx, a.service)
		if err != nil {
			return failed(r, err)
		}
		by, address, err := a.by(ctx, before, after)
		if err != nil {
			return failed(r, err)
		}
		if by == a.to {
			r.Status, r.Summary = probe.Passed, fmt.Sprintf("%s answers %d, at %s", a.to, response.Status(), address)
			return r
		}
	}
	r.Status = probe.Unknown
	r.Summary = fmt.Sprintf("%d answers, none that was seen to come from %s", a.asks, a.to)
	r.Hint = "see whether locality load balancing, a VirtualService or a DestinationRule keeps requests where they are; ask a service that has pods in " + a.to + " only"
	return r
}

func failed(r probe.Result, err error) probe.Result {
	d := probe.Diagnose(probe.Sighting{Err: err})
	r.Status, r.Summary, r.Hint, r.Err = d.Status, d.Cause, d.Remedy, err
	return r
}

// by is the cluster at whose endpoint the proxy counted the answer; none if it counted none, or if there was other traffic at
// the same time.
func (a *asked) by(ctx context.Context, before, after []probe.Endpoint) (cluster, address string, err error) {
	was := map[string]uint64{}
	for _, e := range before {
		was[e.Address] += e.Answers()
	}
	for _, e := range after {
		if e.Answers() <= was[e.Address] {
			continue
		}
		if address != "" {
			return "", "", nil
		}
		address = e.Address
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil { // there is none
		return "", "", nil
	}
	clusters, err := a.locator.Locate(ctx, host)
	if err != nil || len(clusters) != 1 {
		return "", address, err
	}
	return clusters[0], address, nil
}
