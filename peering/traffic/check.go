// Package traffic tries a link of a mesh: whether requests of workloads in one cluster are answered by another. That an istiod
// is synced does not prove it.
//
// A [Check] climbs from what istiods know up to an answer, a [Rung] at a time. [Workload] is the one for an httpbin and a client
// that asks it; programs bring their own for what they run. peering.Verify climbs the Check in Peering.Workload:
//
//	p := peering.Peering{Workload: &traffic.Workload{Control: "outsider"}}
//	report, err := p.Verify(ctx, links...)
//
// [Executor], [Locator], [Scaler], [Workload.Who] and [Workload.Failover] are its parts, and fit package probe. All look at
// clusters as a [Side], which peering's Cluster.Side makes: the API server with the caller's rights, and its istiods.
//
// [Freshness] is a Check of what istiods see of changes, and a measure for metrics; [All] makes one Check of several.
//
// A failover scales pods to zero and asks for consent. A Freshness writes a canary of its own. Nothing else here changes anything.
//
// The caller needs, in both clusters: get on the system namespace and on deployments, list on pods and endpointslices of the
// workload's namespace, list on services; get and create on pods/exec (Kubernetes 1.35 asks for create on WebSockets too).
package traffic

import (
	"context"

	"github.com/meshpeer/meshpeer/internal/printable"
	"github.com/meshpeer/meshpeer/probe"
)

// Check tries a link: workloads of from reach services of to. *[Workload] and [Freshness] are such; a program's own, for the
// protocols and services that it runs, satisfies it too; conformance.TestCheck holds it to what Verify relies on.
type Check interface {
	// Validate answers bad options before any request is made.
	Validate() error
	// Rungs are what is looked at, the lowest first. Each makes sense only if those below it hold: the first that is Failed is
	// the diagnosis, and none is climbed after it. One that is Unknown stops nothing. A Check without rungs is Unknown.
	//
	// Rungs is called once for each link, by several goroutines at once, and does no I/O; what the rungs of one link learn for
	// those above them is a value made here. They are climbed one after the other.
	Rungs(from, to Side) []Rung
}

// What a rung looks at.
const (
	StageSync  = "sync"  // istiods of From
	StageProbe = "probe" // workloads
)

// Rung is one look of a [Check]. It is a [probe.Prober], so that a [probe.Ladder] can be made of rungs too.
type Rung struct {
	Stage  string       // StageSync; everything else is StageProbe
	Check  string       // stable name, the Check of its Result; "" leaves the prober's
	Object string       // that is looked at, Kind/namespace/name or Kind/name; "" is the Check
	Prober probe.Prober // looks once: repeat it with probe.Retry; nil is Unknown
}

// Probe looks. The Result is fit to be shown, whatever the prober does; where it is Failed, its Err is a *[LevelError]. A Failed
// whose Err tells that a server could not be reached counts as Unknown in peering.Verify.
func (r Rung) Probe(ctx context.Context) probe.Result {
	ladder := probe.Ladder{Rungs: []probe.Rung{{Check: r.Check, Prober: r.Prober}}}
	got := ladder.Climb(ctx)[0]
	if got.Status == probe.Failed {
		got.Err = &LevelError{Check: got.Check, Summary: got.Summary, Remedy: got.Hint, Err: got.Err}
	}
	return got
}

// LevelError says that a rung does not hold. Err is what was seen, if that was an error.
type LevelError struct {
	Check   string // of the probe.Result
	Summary string
	Remedy  string
	Err     error
}

// Error names the rung and what was seen.
func (e *LevelError) Error() string {
	return printable.Line(e.Check) + ": " + printable.Prose(e.Summary)
}

// Unwrap returns what was seen.
func (e *LevelError) Unwrap() error { return e.Err }
