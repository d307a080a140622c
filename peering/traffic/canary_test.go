package traffic_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
	"github.com/meshpeer/meshpeer/peering/traffic"
	"github.com/meshpeer/meshpeer/probe"
)

// TestFreshnessUnderFaults fails each call in each way: nothing passes that was not seen, and what is left behind is named, and
// goes when its deadline is over.
func TestFreshnessUnderFaults(t *testing.T) {
	for _, failure := range peeringtest.Failures() {
		for call := 1; call <= 4; call++ { // list, create, get, delete
			for _, times := range []int{1, peeringtest.Always} {
				t.Run(fmt.Sprintf("%s at call %d, times %d", failure, call, times), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						_, west, from, to := peered(t)
						fault := west.Inject(peeringtest.Fault{Call: call, Times: times, Failure: failure})
						m := traffic.Freshness{}.Measure(t.Context(), from, to)
						require.NotEmpty(t, fault.Hits())
						fault.Heal()
						got := m.Result()
						_, seen := m.Slowest()
						require.Equal(t, seen, got.Status == probe.Passed || got.Status == probe.Warned, "%+v", got)
						require.NotEqual(t, probe.Failed, got.Status, "every istiod is fresh")
						require.Equal(t, got.Status == probe.Passed, got.Hint == "", "%+v", got)
						if len(canaries(t, west)) > 0 {
							require.NotEmpty(t, m.Left)
							require.NotEqual(t, probe.Passed, got.Status)
						}
						if times == 1 && failure.Class() != peeringtest.Permanent && failure.Class() != peeringtest.Conflict {
							require.Equal(t, probe.Passed, got.Status, "a failure that passes: %+v", got)
							require.Empty(t, canaries(t, west))
						}
						time.Sleep(2 * time.Minute)
						_, err := traffic.Freshness{}.Recover(t.Context(), to)
						require.NoError(t, err)
						require.Empty(t, canaries(t, west))
					})
				})
			}
		}
	}
}

// TestKeptCanaryUnderFaults: an update that fails, or of which nobody knows, is followed by a good look.
func TestKeptCanaryUnderFaults(t *testing.T) {
	for _, failure := range peeringtest.Failures() {
		t.Run(string(failure), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, west, from, to := peered(t)
				c := traffic.Freshness{}.Canary(from, to)
				require.Equal(t, probe.Passed, c.Probe(t.Context()).Status)
				fault := west.Inject(peeringtest.Fault{Match: peeringtest.On("update", ""), Times: peeringtest.Always, Failure: failure})
				broken := c.Probe(t.Context())
				require.NotEqual(t, probe.Failed, broken.Status, "%+v", broken)
				require.NotEmpty(t, fault.Hits())
				fault.Heal()
				require.Equal(t, probe.Passed, c.Probe(t.Context()).Status)
				require.Len(t, canaries(t, west), 1)
				require.NoError(t, c.Close(t.Context()))
				require.Empty(t, canaries(t, west))
			})
		})
	}
}

// TestCanaryThatOthersTouch is given up for a new one.
func TestCanaryThatOthersTouch(t *testing.T) {
	for name, touch := range map[string]func(*testing.T, *peeringtest.Member, *discoveryv1.EndpointSlice){
		"deleted": func(t *testing.T, m *peeringtest.Member, s *discoveryv1.EndpointSlice) {
			require.NoError(t, m.Delete(t.Context(), s))
		},
		"written": func(t *testing.T, m *peeringtest.Member, s *discoveryv1.EndpointSlice) {
			s.Endpoints = nil
			_, err := m.Update(t.Context(), s)
			require.NoError(t, err)
		},
		"taken over": func(t *testing.T, m *peeringtest.Member, s *discoveryv1.EndpointSlice) {
			s.Annotations["meshpeer.io/run"] = "another"
			_, err := m.Update(t.Context(), s)
			require.NoError(t, err)
		},
		"replaced": func(t *testing.T, m *peeringtest.Member, s *discoveryv1.EndpointSlice) {
			require.NoError(t, m.Delete(t.Context(), s))
			must(t, m, &discoveryv1.EndpointSlice{TypeMeta: s.TypeMeta, ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: s.Name}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, west, from, to := peered(t)
				c := traffic.Freshness{}.Canary(from, to)
				require.Equal(t, probe.Passed, c.Probe(t.Context()).Status)
				touch(t, west, canaries(t, west)[0])
				require.Equal(t, probe.Passed, c.Probe(t.Context()).Status)
				require.NoError(t, c.Close(t.Context()))
				left, err := west.List(t.Context(), slice("", nil), "")
				require.NoError(t, err)
				require.Len(t, left, map[string]int{"replaced": 1, "taken over": 1}[name], "what another made of the name stays")
			})
		})
	}
}

// TestKilledProgram leaves its canary, which is nobody else's until its deadline, and the next look's or Recover's after it.
func TestKilledProgram(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, west, from, to := peered(t)
		killed := traffic.Freshness{Keep: time.Minute}
		require.Equal(t, probe.Passed, killed.Canary(from, to).Probe(t.Context()).Status)
		left := canaries(t, west)[0]
		theirs := []peering.Object{
			slice("theirs", nil),
			slice("of-that-label", map[string]string{"meshpeer.io/canary": "east"}),
			slice("no-deadline", map[string]string{"meshpeer.io/canary": "east", "app.kubernetes.io/managed-by": "meshpeer"}),
		}
		for _, o := range theirs[:2] {
			must(t, west, o)
		}
		look := traffic.Freshness{}
		require.Equal(t, probe.Passed, look.Measure(t.Context(), from, to).Result().Status)
		removed, err := look.Recover(t.Context(), to)
		require.NoError(t, err)
		require.Empty(t, removed, "its deadline is not over")
		require.Len(t, canaries(t, west), 2)

		time.Sleep(time.Minute)
		require.Equal(t, probe.Passed, look.Measure(t.Context(), from, to).Result().Status)
		require.Len(t, canaries(t, west), 1)

		require.Equal(t, probe.Passed, killed.Canary(from, to).Probe(t.Context()).Status)
		time.Sleep(time.Minute)
		removed, err = look.Recover(t.Context(), to)
		require.NoError(t, err)
		require.Len(t, removed, 1)
		require.True(t, strings.HasPrefix(removed[0], "EndpointSlice/istio-system/meshpeer-canary-east-"), removed[0])
		require.True(t, strings.HasSuffix(removed[0], " of west"), removed[0])
		require.NotContains(t, removed[0], left.Name)

		must(t, west, theirs[2])
		_, err = look.Recover(t.Context(), to)
		require.ErrorContains(t, err, "no-deadline of west has no deadline that can be read")
		got := look.Measure(t.Context(), from, to).Result()
		require.Equal(t, probe.Warned, got.Status)
		require.Contains(t, got.Summary, "no-deadline")
		require.Len(t, canaries(t, west), 2)
	})
}

func slice(name string, labels map[string]string) peering.Object {
	return &discoveryv1.EndpointSlice{TypeMeta: anySlice.TypeMeta, ObjectMeta: metav1.ObjectMeta{Namespace: "istio-system", Name: name, Labels: labels}}
}

// TestOneThatIsLookedAtAgain: a sweep that listed a canary just before its owner renewed it leaves it alone.
func TestOneThatIsLookedAtAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, west, from, to := peered(t)
		c := traffic.Freshness{Keep: time.Minute}.Canary(from, to)
		require.Equal(t, probe.Passed, c.Probe(t.Context()).Status)
		time.Sleep(time.Hour)
		renewed := false
		west.Before = func(call peeringtest.Call) error {
			if call.Verb == "delete" && !renewed {
				renewed = true
				require.Equal(t, probe.Passed, c.Probe(t.Context()).Status)
			}
			return nil
		}
		removed, err := traffic.Freshness{}.Recover(t.Context(), to)
		require.NoError(t, err)
		require.Empty(t, removed)
		require.True(t, renewed)
		require.Len(t, canaries(t, west), 1)
	})
}

// TestManyAtOnce: canaries of the same link and of others do not meddle, nor do looks of one canary.
func TestManyAtOnce(t *testing.T) {
	_, west, from, to := peered(t)
	shared := traffic.Freshness{}.Canary(from, to)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			m := traffic.Freshness{}.Measure(t.Context(), from, to)
			if got := m.Result(); got.Status != probe.Passed {
				t.Errorf("%+v", got)
			}
			if got := shared.Probe(t.Context()); got.Status != probe.Passed {
				t.Errorf("%+v", got)
			}
		})
	}
	wg.Wait()
	require.Len(t, canaries(t, west), 1)
	require.NoError(t, shared.Close(t.Context()))
	require.Empty(t, canaries(t, west))
}

// TestFreshnessThatIsCut: the caller's time ends, and the canary goes all the same.
func TestFreshnessThatIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		east, west, from, to := peered(t)
		east.Istiods.GoStale("istiod-1")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		m := traffic.Freshness{}.Measure(ctx, from, to)
		require.Equal(t, probe.Unknown, m.Result().Status, "it was not looked at for as long as Within")
		require.ErrorIs(t, m.Result().Err, context.DeadlineExceeded)
		require.Equal(t, "call again with more time", m.Result().Hint)
		require.Empty(t, canaries(t, west))
		west.ForgetCalls()
		require.Equal(t, probe.Unknown, traffic.Freshness{}.Measure(ctx, from, to).Result().Status)
		require.Empty(t, verbs(west))
	})
}

// TestFreshnessThatCannotBe writes nothing where nobody can be asked, and says why.
func TestFreshnessThatCannotBe(t *testing.T) {
	for name, tt := range map[string]struct {
		arrange func(from, to *traffic.Side)
		hint    string
	}{
		"hosted":        {func(from, _ *traffic.Side) { from.Hosted, from.Replicas = true, nil }, "host of the control plane"},
		"no istiods":    {func(from, _ *traffic.Side) { from.Replicas = nil }, "Cluster.Istiods"},
		"none":          {func(from, _ *traffic.Side) { from.Replicas = listed() }, "Cluster.Istiods"},
		"not listed":    {func(from, _ *traffic.Side) { from.Replicas = refused }, "pods/portforward"},
		"only readable": {func(_, to *traffic.Side) { to.Objects = readable{to.Objects} }, "Side.Objects"},
	} {
		t.Run(name, func(t *testing.T) {
			_, west, from, to := peered(t)
			tt.arrange(&from, &to)
			m := traffic.Freshness{}.Measure(t.Context(), from, to)
			require.Error(t, m.Err)
			require.Equal(t, probe.Unknown, m.Result().Status)
			require.Contains(t, m.Result().Hint, tt.hint)
			require.Empty(t, verbs(west))
		})
	}
	_, west, from, to := peered(t)
	require.Contains(t, traffic.Freshness{Keep: -1}.Canary(from, to).Probe(t.Context()).Summary, "Freshness.Keep")
	forbidden := west.Inject(peeringtest.Fault{Times: peeringtest.Always, Failure: peeringtest.Forbidden})
	got := traffic.Freshness{}.Measure(t.Context(), from, to).Result()
	require.NotEmpty(t, forbidden.Hits())
	require.Equal(t, probe.Unknown, got.Status)
	require.Contains(t, got.Hint, "create endpointslices")
	_, err := traffic.Freshness{}.Recover(t.Context(), traffic.Side{ID: "west"})
	require.ErrorContains(t, err, "Side.Objects")
}

type readable struct{ traffic.Objects }

func listed(all ...istiod.Replica) func(context.Context) ([]istiod.Replica, error) {
	return func(context.Context) ([]istiod.Replica, error) { return all, nil }
}

func refused(context.Context) ([]istiod.Replica, error) { return nil, errors.New("forbidden") }
