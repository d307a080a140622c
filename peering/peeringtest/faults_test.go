package peeringtest_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilnet "k8s.io/apimachinery/pkg/util/net"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
)

func configMap(name string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name}}
}

// TestFailures: what each failure is to client-go's own helpers, and whether the call took effect.
func TestFailures(t *testing.T) {
	for failure, is := range map[peeringtest.Failure]func(error) bool{
		peeringtest.LostReply:   utilnet.IsConnectionReset,
		peeringtest.LostEOF:     utilnet.IsProbableEOF,
		peeringtest.LostTimeout: utilnet.IsTimeout,
		peeringtest.Reset:       utilnet.IsConnectionReset,
		peeringtest.Throttled: func(err error) bool {
			seconds, ok := apierrors.SuggestsClientDelay(err)
			return apierrors.IsTooManyRequests(err) && ok && seconds == 1
		},
		peeringtest.Unavailable:   apierrors.IsServiceUnavailable,
		peeringtest.LeaderChanged: func(err error) bool { return err.Error() == "etcdserver: leader changed" },
		peeringtest.Forbidden:     apierrors.IsForbidden,
		peeringtest.OverQuota:     apierrors.IsForbidden,
		peeringtest.Denied:        apierrors.IsForbidden,
		peeringtest.Terminating: func(err error) bool {
			return apierrors.IsForbidden(err) && apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause)
		},
		peeringtest.Unprocessable: apierrors.IsInvalid,
		peeringtest.Conflicting:   apierrors.IsConflict,
	} {
		t.Run(string(failure), func(t *testing.T) {
			require.Contains(t, peeringtest.Failures(), failure)
			require.NotEmpty(t, failure.Class())
			m := peeringtest.NewMesh("east").Member("east")
			fault := m.Inject(peeringtest.Fault{Match: peeringtest.On("create", "ConfigMap"), Failure: failure})
			_, err := m.Create(t.Context(), configMap("a"))
			require.True(t, is(err), "%v", err)

			lost := failure.Class() == peeringtest.Lost
			call := m.Calls()[0]
			require.Equal(t, lost, call.TookEffect)
			require.Equal(t, err, call.Err)
			_, missing := m.Get(t.Context(), configMap("a"))
			require.Equal(t, !lost, apierrors.IsNotFound(missing))
			require.Len(t, fault.Hits(), 1)
			require.NoError(t, m.Delete(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "kube-system"}}), "one call only")
		})
	}
	require.Len(t, peeringtest.Failures(), 13, "each has its row above")
}

func TestWhichCallFails(t *testing.T) {
	for name, c := range map[string]struct {
		fault peeringtest.Fault
		want  string // of six creates and gets
	}{
		"the first":           {peeringtest.Fault{}, "x....."},
		"the third":           {peeringtest.Fault{Call: 3}, "..x..."},
		"two from the second": {peeringtest.Fault{Call: 2, Times: 2}, ".xx..."},
		"all from the fourth": {peeringtest.Fault{Call: 4, Times: peeringtest.Always}, "...xxx"},
		"the second get":      {peeringtest.Fault{Match: peeringtest.On("get", ""), Call: 2}, "...x.."},
		"the third write":     {peeringtest.Fault{Match: peeringtest.OnWrites(), Call: 3}, "....x."},
		"by object": {
			peeringtest.Fault{Match: func(_ string, o peering.Object) bool { return o.GetName() == "c1" }, Times: peeringtest.Always},
			"..xx..",
		},
		"an answer of one's own":  {peeringtest.Fault{Answer: func(c peeringtest.Call) error { return fmt.Errorf("no %s", c.Verb) }}, "x....."},
		"none, for it only lasts": {peeringtest.Fault{Answer: func(peeringtest.Call) error { return nil }}, "......"},
	} {
		t.Run(name, func(t *testing.T) {
			m := peeringtest.NewMesh("east").Member("east")
			m.Inject(c.fault)
			got := ""
			for i := range 3 {
				_, err := m.Create(t.Context(), configMap(fmt.Sprintf("c%d", i)))
				got += map[bool]string{true: ".", false: "x"}[err == nil]
				_, err = m.Get(t.Context(), configMap(fmt.Sprintf("c%d", i)))
				got += map[bool]string{true: ".", false: "x"}[err == nil || apierrors.IsNotFound(err)]
			}
			require.Equal(t, c.want, got)
		})
	}
}

func TestFaultsEnd(t *testing.T) {
	m := peeringtest.NewMesh("east").Member("east")
	reset := m.Inject(peeringtest.Fault{Times: peeringtest.Always})
	throttled := m.Inject(peeringtest.Fault{Times: peeringtest.Always, Failure: peeringtest.Throttled})
	_, err := m.List(t.Context(), configMap(""), "")
	require.True(t, utilnet.IsConnectionReset(err), "the first fault counts")
	reset.Heal()
	_, err = m.List(t.Context(), configMap(""), "")
	require.True(t, apierrors.IsTooManyRequests(err))
	m.Heal()
	_, err = m.List(t.Context(), configMap(""), "")
	require.NoError(t, err)
	require.Len(t, reset.Hits(), 1)
	require.Len(t, throttled.Hits(), 1)
	require.Panics(t, func() { m.Inject(peeringtest.Fault{Failure: "typo"}) })

	require.Len(t, m.Calls(), 3)
	m.ForgetCalls()
	require.Empty(t, m.Calls())
}

// TestEveryDoorHasFaults: reviews, token requests and commands in pods are calls as others are.
func TestEveryDoorHasFaults(t *testing.T) {
	m := peeringtest.New(peeringtest.Options{Names: []string{"east"}, Workloads: true}).Member("east")
	objects, err := m.As(m.Cluster.Endpoint, grantTo(t, m, "reader"))
	require.NoError(t, err)
	m.Inject(peeringtest.Fault{Times: peeringtest.Always, Failure: peeringtest.Unavailable})
	_, err = objects.Create(t.Context(), rulesReview("x"))
	require.True(t, apierrors.IsServiceUnavailable(err))
	_, err = m.Accounts("istio-system").CreateToken(t.Context(), "reader", nil, metav1.CreateOptions{})
	require.True(t, apierrors.IsServiceUnavailable(err))
	_, err = m.Checks.Reader.Get(t.Context(), configMap("x"))
	require.True(t, apierrors.IsNotFound(err), "preflight is left out")
	m.CountChecks = true
	_, err = m.Checks.Reader.Get(t.Context(), configMap("x"))
	require.True(t, apierrors.IsServiceUnavailable(err))
}

func TestPartition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := peeringtest.NewMesh("east").Member("east")
		m.Partition()
		start := time.Now()
		_, err := m.Create(t.Context(), configMap("a"))
		var dial *net.OpError
		require.ErrorAs(t, err, &dial)
		require.True(t, dial.Timeout())
		require.Equal(t, 30*time.Second, time.Since(start))
		require.False(t, m.Calls()[0].TookEffect)

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = m.Get(ctx, configMap("a"))
		require.ErrorIs(t, err, context.DeadlineExceeded)

		_, err = m.Istiods.Replicas(ctx)
		require.Error(t, err)

		time.AfterFunc(2*time.Second, m.Heal)
		start = time.Now()
		_, err = m.Create(t.Context(), configMap("a"))
		require.NoError(t, err, "it got through")
		require.Equal(t, 2*time.Second, time.Since(start))
	})
}

func TestSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := peeringtest.New(peeringtest.Options{Size: 1, Latency: 5 * time.Millisecond}).Members()[0]
		start := time.Now()
		_, err := m.Create(t.Context(), configMap("a"))
		require.NoError(t, err)
		require.Equal(t, 5*time.Millisecond, time.Since(start))

		m.Slow(time.Minute)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, m.Delete(ctx, configMap("a")), context.DeadlineExceeded)
		m.Slow(0)
		_, err = m.Get(t.Context(), configMap("a"))
		require.NoError(t, err, "nothing was done")
	})
}

// ExampleServer_Inject lets the reply to the remote secret get lost. The
// program looks whether the Secret is there, and goes on.
func ExampleServer_Inject() {
	mesh := peeringtest.NewMesh("east", "west")
	east, west := mesh.Member("east"), mesh.Member("west")
	fault := east.Inject(peeringtest.Fault{
		Match: peeringtest.On("create", "Secret"), Failure: peeringtest.LostReply,
	})
	report, err := new(peering.Peering).Ensure(context.Background(), peering.Link{From: east.Cluster, To: west.Cluster})
	fmt.Println(report.Status(), err, len(fault.Hits()))
	for _, call := range east.Calls() {
		if call.Write() {
			fmt.Println(call.Verb, call.Kind, call.Name, call.TookEffect, errors.Unwrap(call.Err))
		}
	}
	// Output:
	// passed <nil> 1
	// create Secret istio-remote-secret-west true read tcp: read: connection reset by peer
}
