package probe

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"regexp"

	"github.com/meshpeer/meshpeer/internal/printable"
)

// Source is where a [Sign] comes from. Signs of one source are not independent: they can be wrong together.
type Source string

// The sources.
const (
	FromApp       Source = "app"            // what the answering app says of itself
	FromProxy     Source = "client-proxy"   // what the client's Envoy has and counted
	FromEndpoints Source = "endpoint-slice" // what the clusters' API servers say is ready
)

// Sign is one piece of evidence of which cluster answered.
type Sign struct {
	Source   Source `json:"source"`
	Cluster  string `json:"cluster,omitempty"` // "": the sign says nothing
	Evidence string `json:"evidence"`          // what was seen, or why it says nothing
}

// Attribution says which cluster answered a request.
type Attribution struct {
	Cluster string `json:"cluster,omitempty"` // "": unknown
	Proof   Proof  `json:"proof"`
	Signs   []Sign `json:"signs,omitempty"`
}

// clean returns s fit to be shown. A name of a cluster that does not print names none: made to print, it could pass for
// another's.
func (s Sign) clean() Sign {
	if s.Cluster != "" && !named(s.Cluster) {
		s.Evidence = fmt.Sprintf("it names the cluster %q, which does not print: %s", brief(s.Cluster, 60), brief(s.Evidence, 300))
		s.Cluster = ""
	}
	return Sign{Source(brief(string(s.Source), 60)), s.Cluster, brief(s.Evidence, 300)}
}

// named reports whether a cluster has a name that prints.
func named(cluster string) bool {
	return clusterName.MatchString(cluster) || cluster != "" && brief(cluster, 63) == cluster
}

// Attribute weighs the signs of one answer. Signs of two sources that agree prove a cluster; one source is observed; no
// sign, or signs that disagree, leave it unknown.
func Attribute(signs ...Sign) Attribution {
	cleaned := make([]Sign, 0, len(signs))
	for _, s := range signs {
		cleaned = append(cleaned, s.clean())
	}
	signs = cleaned
	a := Attribution{Proof: Unproved, Signs: signs}
	sources := map[Source]bool{}
	for _, s := range signs {
		if s.Cluster == "" {
			continue
		}
		if a.Cluster != "" && a.Cluster != s.Cluster {
			return Attribution{Proof: Unproved, Signs: signs}
		}
		a.Cluster = s.Cluster
		sources[s.Source] = true
	}
	switch {
	case len(sources) >= 2:
		a.Proof = Proved
	case len(sources) == 1:
		a.Proof = Observed
	}
	return a
}

// String is one line: the cluster, how far it is shown, and every sign.
func (a Attribution) String() string {
	text := "unknown"
	switch a.Proof {
	case Proved:
		text = brief(a.Cluster, 63) + " (proved)"
	case Observed:
		text = brief(a.Cluster, 63) + " (observed by one sign)"
	}
	for i, s := range a.Signs {
		separator := "; "
		if i == 0 {
			separator = ": "
		}
		s = s.clean()
		text += separator + string(s.Source) + ": " + s.Evidence
	}
	return text
}

// looked is what was seen beside a request.
type looked struct {
	endpoints []Endpoint
	proxyErr  error
	ready     int
	readyErr  error
}

func (w Who) look(ctx context.Context) (l looked) {
	if w.Proxy != nil {
		l.endpoints, l.proxyErr = w.Proxy.Endpoints(ctx, w.Service)
	}
	if w.LocalReady != nil {
		l.ready, l.readyErr = w.LocalReady(ctx)
	}
	return l
}

// appSign is the app's own word.
func (w Who) appSign(ctx context.Context, got Response) Sign {
	silent := func(why string) Sign { return Sign{Source: FromApp, Evidence: why} }
	cluster, pod, err := selfIn(got)
	switch {
	case err != nil:
		return silent("the answer of " + w.path() + " cannot be read")
	case cluster != "" && !clusterName.MatchString(cluster):
		return silent(envCluster + " is " + brief(cluster, 60) + ", which cannot be the name of a cluster")
	case cluster != "":
		return Sign{FromApp, cluster, envCluster + " is " + cluster}
	case pod == dummyHostname:
		return silent("the app says " + dummyHostname + ", its default: set USE_REAL_HOSTNAME=1")
	case pod == "":
		return silent("the app does not say which pod or cluster it is: set " + envCluster + " with go-httpbin v2.16.0 or later")
	case !printable.Name(pod):
		return silent("the app says it is " + brief(pod, 60) + ", which cannot be the name of a pod")
	}
	return w.place(ctx, FromApp, pod, "the app says pod "+pod)
}

// clusterName is what istiod takes for the ID of a cluster and a label can hold. What an app claims to be must at least be
// one; it stays the app's word, which proves nothing alone.
var clusterName = regexp.MustCompile(`^[a-zA-Z0-9]([-._a-zA-Z0-9]{0,61}[a-zA-Z0-9])?$`)

// proxySign is the endpoint at which the client's Envoy counted the one answer.
func (w Who) proxySign(ctx context.Context, before, after looked) Sign {
	silent := func(why string) Sign { return Sign{Source: FromProxy, Evidence: why} }
	if before.proxyErr != nil || after.proxyErr != nil {
		return silent("its counters could not be read")
	}
	grown := grown(before.endpoints, after.endpoints)
	var at string
	var total uint64
	for address, n := range grown {
		at, total = address, total+n
	}
	if total != 1 {
		return silent(fmt.Sprintf("it counted %d answers, not one: there is other traffic, or its counters restarted", total))
	}
	return w.place(ctx, FromProxy, at, "it counted the answer at "+at)
}

// grown is how many good answers were counted at each address between two looks: an attempt that failed and was retried
// elsewhere is none. Counters that fell were restarted.
func grown(before, after []Endpoint) map[string]uint64 {
	was := map[string]uint64{}
	for _, e := range before {
		was[e.Address] += e.Success
	}
	grown := map[string]uint64{}
	for _, e := range after {
		if e.Success > was[e.Address] {
			grown[e.Address] = e.Success - was[e.Address]
		}
	}
	return grown
}

// endpointSign is what is left if the client's own cluster had nobody to answer.
func (w Who) endpointSign(before, after looked) Sign {
	switch {
	case before.readyErr != nil || after.readyErr != nil:
		return Sign{Source: FromEndpoints, Evidence: "the client's own cluster could not be read"}
	case before.ready != 0 || after.ready != 0:
		return Sign{Source: FromEndpoints, Evidence: "the client's own cluster has ready endpoints too"}
	}
	return Sign{FromEndpoints, w.Elsewhere, "the client's own cluster had no ready endpoint before and after"}
}

// place finds the cluster of a pod or an address; an address is looked up without its port.
func (w Who) place(ctx context.Context, source Source, what, evidence string) Sign {
	if missing(w.Locator) {
		return Sign{Source: source, Evidence: evidence + ", and there is no Locator to find it"}
	}
	if host, _, err := net.SplitHostPort(what); err == nil {
		what = host
	}
	clusters, err := w.Locator.Locate(ctx, what)
	switch {
	case err != nil:
		return Sign{Source: source, Evidence: evidence + ", which could not be looked up"}
	case len(clusters) == 0:
		return Sign{Source: source, Evidence: evidence + ", which no cluster that was asked has"}
	case len(clusters) > 1:
		return Sign{Source: source, Evidence: evidence + ", which several have: " + firstOf(clusters, 5, 60)}
	}
	return Sign{source, clusters[0], evidence + ", of " + clusters[0]}
}

// envCluster is the variable that names the cluster; go-httpbin shows those that begin with HTTPBIN_ENV_ from v2.16.0 on.
const envCluster = "HTTPBIN_ENV_CLUSTER"

// dummyHostname is what go-httpbin says unless USE_REAL_HOSTNAME is set (mccutchen/go-httpbin README).
const dummyHostname = "go-httpbin"

// selfIn reads the answer of /env or /hostname: who the app says it is. Either may be "".
func selfIn(got Response) (cluster, pod string, err error) {
	var answer struct {
		Hostname string            `json:"hostname"`
		Env      map[string]string `json:"env"`
	}
	if got.Cut() {
		return "", "", fmt.Errorf("%w: it is too long", errNotHTTPBin)
	}
	if err := json.Unmarshal(got.body(), &answer); err != nil {
		return "", "", fmt.Errorf("%w: %w", errNotHTTPBin, err)
	}
	return answer.Env[envCluster], answer.Hostname, nil
}
