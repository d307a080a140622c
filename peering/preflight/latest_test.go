package preflight_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/probe"
)

// behind answers by what was there some moments ago.
type behind struct {
	preflight.Reader
	latest preflight.Reader
}

func (b *behind) Latest() preflight.Reader { return b.latest }

// TestNothingBlocksByWhatWas has every case of every check be over when it is looked at again: only what would block is.
func TestNothingBlocksByWhatWas(t *testing.T) {
	ca := root(now.AddDate(9, 0, 0))
	blocks := func(f preflight.Finding) bool { return f.Status == probe.Failed }
	for _, c := range cases() {
		t.Run(c.check+"/"+c.name, func(t *testing.T) {
			was, is := newWorld(t, remote, ca), newWorld(t, remote, ca)
			c.change(was)
			undialled(was)
			then, err := preflight.Run(t.Context(), was.in)
			require.NoError(t, err)
			later, in := was.in, was.in
			for _, r := range []struct {
				old, latest *memory
				now, seen   *preflight.Reader
			}{
				{was.from, is.from, &later.From.Reader, &in.From.Reader},
				{was.to, is.to, &later.To.Reader, &in.To.Reader},
				{was.config, is.config, &later.Config, &in.Config},
			} {
				if *r.seen == preflight.Reader(r.old) {
					*r.now, *r.seen = r.latest, &behind{r.old, r.latest}
				}
			}
			want := then
			if slices.ContainsFunc(then, blocks) {
				want, err = preflight.Run(t.Context(), later)
				require.NoError(t, err)
			}
			is.from.calls, is.to.calls = nil, nil
			found, err := preflight.Run(t.Context(), in)
			require.NoError(t, err)
			require.Equal(t, want, found)
			if !slices.ContainsFunc(then, blocks) {
				require.Empty(t, append(is.from.calls, is.to.calls...))
			}
		})
	}
}

// TestLatestIsReadOnce for all links of a Checker.
func TestLatestIsReadOnce(t *testing.T) {
	was, is := undialled(newWorld(t, remote, "")), newWorld(t, remote, "")
	for _, w := range []*world{was, is} {
		eastwest(w).Status.LoadBalancer.Ingress = nil
	}
	in := was.in
	in.From.Reader, in.To.Reader = &behind{was.from, is.from}, &behind{was.to, is.to}
	checker := preflight.NewChecker()
	var wg sync.WaitGroup
	for range 9 {
		wg.Go(func() {
			found, err := checker.Check(t.Context(), in)
			require.NoError(t, err)
			require.True(t, slices.ContainsFunc(found, func(f preflight.Finding) bool { return f.ID == "gateway-address" && f.Status == probe.Failed }))
		})
	}
	wg.Wait()
	for old, latest := range map[*memory]*memory{was.from: is.from, was.to: is.to} {
		require.ElementsMatch(t, old.calls, latest.calls)
	}
	in.From.Reader, in.To.Reader = &behind{was.from, nil}, &behind{was.to, nil}
	_, err := preflight.Run(t.Context(), in)
	require.NoError(t, err, "one that is the latest")
}

// TestLatestOfConnect goes past the API server's memory, which the first look is content with.
func TestLatestOfConnect(t *testing.T) {
	var versions []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		versions = append(versions, r.URL.Query().Get("resourceVersion"))
		w.WriteHeader(http.StatusNotFound)
	}))
	defer s.Close()
	side, err := preflight.Connect("west", &rest.Config{Host: s.URL})
	require.NoError(t, err)
	requests := func(r preflight.Reader) []string {
		versions = nil
		pod := &corev1.Pod{TypeMeta: meta("v1", "Pod"), ObjectMeta: named("n", "pod")}
		_, _ = r.Get(t.Context(), pod)
		_, _ = r.List(t.Context(), pod, "")
		_, _ = r.List(t.Context(), &metav1.PartialObjectMetadata{TypeMeta: meta("v1", "Secret"), ObjectMeta: named("n", "")}, "")
		_, _ = r.Get(t.Context(), namespace("n", "", nil))
		return versions
	}
	latest := side.Reader.(interface{ Latest() preflight.Reader })
	require.Equal(t, []string{"0", "0", "0", ""}, requests(side.Reader))
	require.Equal(t, []string{"", "", "", ""}, requests(latest.Latest()))
	require.Same(t, latest.Latest(), latest.Latest())
	require.Nil(t, latest.Latest().(interface{ Latest() preflight.Reader }).Latest())
}
