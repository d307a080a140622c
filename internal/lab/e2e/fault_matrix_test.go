//go:build linux

package e2e_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/internal/lab"
	"github.com/meshpeer/meshpeer/internal/lab/labtest"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/traffic"
	"github.com/meshpeer/meshpeer/probe"
)

// fault is one way in which a mesh is broken, and what has to be said of it.
type fault struct {
	name    string
	inflict func(*testing.T, *scene) (mend func())
	look    func(context.Context, *scene) diagnosis // nil: Verify
	want    diagnosis                               // summary and hint: words that have to be there
}

// diagnosis is the first thing that is not well.
type diagnosis struct {
	level         string // check of a probe.Result, or stage of a peering.Error
	status        probe.Status
	summary, hint string
}

func (d diagnosis) String() string {
	return fmt.Sprintf("%s %s: %s (%s)", d.level, d.status, d.summary, d.hint)
}

func (d diagnosis) is(want diagnosis) bool {
	return d.level == want.level && d.status == want.status &&
		strings.Contains(d.summary, want.summary) && strings.Contains(d.hint, want.hint)
}

// scene is a link that is broken and mended. From has no httpbin of its own: To's is who answers.
type scene struct {
	*world
	link     peering.Link
	from, to *lab.Cluster
	looks    int // at this fault, without the diagnosis that is wanted
}

// workload polls briefly: what is awaited is the failure. A slow machine gets more time when await looks again.
func (s *scene) workload() *traffic.Workload {
	within := time.Second << min(s.looks, 3)
	return &traffic.Workload{Control: "outsider", Poll: probe.Poll{Every: 100 * time.Millisecond, Max: 500 * time.Millisecond, Timeout: within}}
}

// TestFaultsAreDiagnosed breaks a mesh in one way at a time, looks, mends it, and sees that all is well again.
func TestFaultsAreDiagnosed(t *testing.T) {
	s := newScene(t, lab.ClusterOptions{ID: "cluster-1"}, lab.ClusterOptions{ID: "cluster-2"})
	s.diagnose(t, fault{
		name: "no peering", inflict: func(t *testing.T, s *scene) func() { return func() { s.peer(t) } },
		want: diagnosis{"remote-secret", probe.Failed, "", "call Ensure"},
	})
	for _, f := range faults {
		s.diagnose(t, f)
	}
}

// TestFaultsOfTrustAreDiagnosed is about roots that differ, which clusters have from their start: preflight blocks the link, and where
// that is tolerated Verify finds out.
func TestFaultsOfTrustAreDiagnosed(t *testing.T) {
	s := newScene(t, lab.ClusterOptions{ID: "cluster-1", OwnRoot: true}, lab.ClusterOptions{ID: "cluster-2"})
	_, err := new(peering.Peering).Ensure(t.Context(), s.link)
	var blocked *peering.PreflightError
	require.ErrorAs(t, err, &blocked)
	require.Equal(t, "root-ca", blocked.Findings[0].ID)
	t.Logf("different roots -> %v", err)

	_, err = (&peering.Peering{Tolerate: []string{"root-ca"}}).Ensure(t.Context(), s.link)
	require.NoError(t, err)
	got, _ := s.await(t, nil, diagnosis{"teapot", probe.Failed, "do not trust each other's certificates", "cacerts"})
	t.Logf("different roots -> %s", got)
}

func newScene(t *testing.T, clusters ...lab.ClusterOptions) *scene {
	t.Helper()
	lab.RequireDataPlane(t)
	w := own(t, lab.Options{Clusters: clusters, DataPlane: &lab.DataPlane{}})
	s := &scene{w, peering.Link{From: w.clusters[1], To: w.clusters[0]}, w.Clusters[1], w.Clusters[0], 0}
	labtest.AddOutsider(t, w.Lab)
	s.scale(t, s.from, "httpbin", 0)
	return s
}

func (s *scene) peer(t *testing.T) {
	t.Helper()
	_, err := new(peering.Peering).Ensure(t.Context(), s.link)
	require.NoError(t, err)
}

// diagnose is one row of the matrix.
func (s *scene) diagnose(t *testing.T, f fault) {
	t.Run(f.name, func(t *testing.T) {
		start := time.Now()
		mend := f.inflict(t, s)
		if got, ok := s.await(t, f.look, f.want); ok {
			t.Logf("%s -> %s, after %.1f s", f.name, got, time.Since(start).Seconds())
		}
		mend()
		_, _ = s.await(t, nil, diagnosis{status: probe.Passed})
	})
}

// await looks until the diagnosis is the one that is wanted: proxies learn of a change within seconds.
func (s *scene) await(t *testing.T, look func(context.Context, *scene) diagnosis, want diagnosis) (got diagnosis, ok bool) {
	t.Helper()
	if look == nil {
		look = verify
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	var others []string
	for s.looks = 0; ; s.looks++ {
		if got = look(ctx, s); got.is(want) {
			return got, true
		}
		if text := got.String(); !slices.Contains(others, text) {
			others = append(others, text)
		}
		select {
		case <-ctx.Done():
			t.Errorf("want %s, got\n%s", want, strings.Join(others, "\n"))
			return got, false
		case <-time.After(tick):
		}
	}
}

// verify takes the first result that is not well.
func verify(ctx context.Context, s *scene) diagnosis { return s.verify(ctx, s.workload()) }

func (s *scene) verify(ctx context.Context, w *traffic.Workload) diagnosis {
	report, _ := (&peering.Peering{Workload: w}).Verify(ctx, s.link)
	l := report.Links[0]
	for _, r := range l.Results {
		if r.Status != probe.Passed && r.Status != probe.Skipped {
			return diagnosis{r.Check, r.Status, r.Summary, r.Hint}
		}
	}
	if l.Error != nil {
		return diagnosis{string(l.Error.Stage), probe.Failed, l.Error.Err.Error(), l.Error.Hint}
	}
	return diagnosis{status: l.Status}
}

// seen is what a prober says.
func seen(r probe.Result) diagnosis { return diagnosis{r.Check, r.Status, r.Summary, r.Hint} }

// flowing is Verify where the traffic goes on: proxies keep what they know.
func flowing(ctx context.Context, s *scene) diagnosis {
	sleep := probe.Curl{In: traffic.Executor{Side: s.link.From.Side(), Namespace: "default", Deployment: "sleep"}}
	if r := (probe.Teapot{From: sleep, URL: "http://httpbin:8000"}).Probe(ctx); r.Status != probe.Passed {
		return seen(r)
	}
	return verify(ctx, s)
}
