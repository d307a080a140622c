package traffic_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
	"github.com/meshpeer/meshpeer/peering/traffic"
	"github.com/meshpeer/meshpeer/probe"
)

// TestExecutorChoosesAPod: a Deployment's pods are those of its selector, as for kubectl.
func TestExecutorChoosesAPod(t *testing.T) {
	old, young := time.Unix(1000, 0), time.Unix(2000, 0)
	pod := func(name string, change ...func(*corev1.Pod)) *corev1.Pod {
		p := &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name, Labels: map[string]string{"app": "sleep"}},
			Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "istio-proxy"}, {Name: "main"}, {Name: "other"}}},
			Status:     corev1.PodStatus{Phase: corev1.PodRunning},
		}
		for _, c := range change {
			c(p)
		}
		return p
	}
	ready := func(since time.Time) func(*corev1.Pod) {
		return func(p *corev1.Pod) {
			p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(since)}}
		}
	}
	ending := func(p *corev1.Pod) { p.DeletionTimestamp = &metav1.Time{Time: young}; p.Finalizers = []string{"a/b"} }
	restarted := func(p *corev1.Pod) { p.Status.ContainerStatuses = []corev1.ContainerStatus{{RestartCount: 3}} }
	phase := func(phase corev1.PodPhase) func(*corev1.Pod) {
		return func(p *corev1.Pod) { p.Status.Phase = phase }
	}
	named := func(container string) func(*corev1.Pod) {
		return func(p *corev1.Pod) {
			p.Annotations = map[string]string{"kubectl.kubernetes.io/default-container": container}
		}
	}
	for _, tt := range []struct {
		name      string
		pods      []*corev1.Pod
		container string
		want      string
	}{
		{"Ready first", []*corev1.Pod{pod("a"), pod("b", ready(young))}, "", "b main"},
		{"Ready longest", []*corev1.Pod{pod("a", ready(young)), pod("b", ready(old))}, "", "b main"},
		{"staying", []*corev1.Pod{pod("a", ready(old), ending), pod("b", ready(young))}, "", "b main"},
		{"seldom restarted", []*corev1.Pod{pod("a", restarted), pod("b")}, "", "b main"},
		{"by name", []*corev1.Pod{pod("b"), pod("a")}, "", "a main"},
		{"running", []*corev1.Pod{pod("a", phase(corev1.PodFailed)), pod("b", phase(corev1.PodPending)), pod("c")}, "", "c main"},
		{"annotated container", []*corev1.Pod{pod("a", named("other"))}, "", "a other"},
		{"named container", []*corev1.Pod{pod("a", named("other"))}, "istio-proxy", "a istio-proxy"},
		{"annotation that names none", []*corev1.Pod{pod("a", named("gone"))}, "", `traffic: exec in Deployment default/sleep of "east": pod default/a has no app container: annotation kubectl.kubernetes.io/default-container is "gone"`},
		{"of another app", []*corev1.Pod{pod("a", func(p *corev1.Pod) { p.Labels["app"] = "other" })}, "", `traffic: exec in Deployment default/sleep of "east": not ready: Deployment default/sleep of "east" has no running pod`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // all pods are of one moment
				_, east, _, _ := pair()
				d := deployment("sleep")
				d.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"app": "sleep"}}
				must(t, east, d)
				for _, p := range tt.pods {
					must(t, east, p)
				}
				var got string
				east.Exec = func(namespace, pod, container string) probe.Executor {
					require.Equal(t, "default", namespace)
					return probe.ExecutorFunc(func(context.Context, probe.Command) (probe.Output, error) {
						got = pod + " " + container
						return probe.Output{}, nil
					})
				}
				_, err := traffic.Executor{Side: east.Side(), Namespace: "default", Deployment: "sleep", Container: tt.container}.Exec(t.Context(), probe.Command{Args: []string{"true"}})
				if err != nil {
					got = err.Error()
				}
				require.Equal(t, tt.want, got)
			})
		})
	}
}

func TestExecutorWithoutExec(t *testing.T) {
	_, east, _, _ := pair()
	east.Exec = nil
	_, err := traffic.Executor{Side: east.Side(), Namespace: "default", Deployment: "sleep", Container: ""}.Exec(t.Context(), probe.Command{Args: []string{"true"}})
	require.ErrorIs(t, err, istiod.ErrNotReady)
	require.ErrorContains(t, err, "fill Cluster.Exec")
}

// TestFailover goes from a pod of the client's own cluster to one of the other, and back.
func TestFailover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, east, _, link := town(t, true)
		f := traffic.Workload{}.Failover(link.Sides())
		check, err := f.Check(t.Context())
		require.NoError(t, err)
		require.Equal(t, 2, check.Replicas)
		before := writes(east)
		_, err = f.Run(t.Context())
		require.ErrorContains(t, err, "Consent")
		require.Zero(t, writes(east)-before, "nothing is done without consent")

		f.Consent = "east default/httpbin"
		report, err := f.Run(t.Context())
		require.NoError(t, err)
		require.Equal(t, probe.Passed, report.Answer.Status, report.Answer.Summary)
		require.Contains(t, report.Answer.Summary, "endpoint-slice")
		require.True(t, report.Restored)
		d, err := east.Get(t.Context(), deployment("httpbin"))
		require.NoError(t, err)
		require.EqualValues(t, 2, *d.(*appsv1.Deployment).Spec.Replicas)
		require.NotContains(t, d.GetAnnotations(), probe.RecordAnnotation)
	})
}

// TestFailoverIsRefused where the other cluster would not answer, or somebody would scale back.
func TestFailoverIsRefused(t *testing.T) {
	for reason, prepare := range map[string]func(t *testing.T, east, west *peeringtest.Member){
		"no ready endpoint that takes mutual TLS": func(_ *testing.T, _, west *peeringtest.Member) {
			west.Run(peeringtest.App{Name: "httpbin", Port: 8000, Replicas: 1, Plain: true})
		},
		"HorizontalPodAutoscaler/spread": func(t *testing.T, east, _ *peeringtest.Member) {
			must(t, east, autoscaler("autoscaling/v2", "HorizontalPodAutoscaler", "spread"))
		},
	} {
		t.Run(reason, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, east, west, link := town(t, true)
				prepare(t, east, west)
				_, err := traffic.Workload{}.Failover(link.Sides()).Check(t.Context())
				var refused *probe.RefusedError
				require.ErrorAs(t, err, &refused)
				require.Contains(t, refused.Reason, reason)
			})
		})
	}
}

// TestWho needs no Verify.
func TestWho(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, _, _, link := town(t, true)
		split, err := probe.Sampling{Max: 20}.Sample(t.Context(), traffic.Workload{}.Who(link.Sides()))
		require.NoError(t, err)
		require.Positive(t, split.Answers["east"])
		require.Positive(t, split.Answers["west"])
		require.Zero(t, split.Unattributed)
	})
}

func TestLocator(t *testing.T) {
	for name, tt := range map[string]struct {
		split bool
		want  map[string][]string
	}{
		"in one network":  {false, map[string][]string{"httpbin-west-1": {"west"}, "10.1.0.1": {"east"}, "10.2.0.1": {"west"}, "10.9.9.9": nil}},
		"across networks": {true, map[string][]string{"httpbin-west-1": {"west"}, "10.1.0.1": {"east"}, "10.2.0.1": nil, "192.0.2.2": {"west"}, "192.0.2.1": {"east"}}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, _, _, link := town(t, tt.split)
				l := traffic.Locator("default", link.From.Side(), link.To.Side())
				for what, want := range tt.want {
					got, err := l.Locate(t.Context(), what)
					require.NoError(t, err)
					require.Equal(t, want, got, what)
				}
			})
		})
	}
}

// TestLocatorReadsAnew what it does not know or read long ago, and says what it cannot read.
func TestLocatorReadsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, east, west, link := town(t, true)
		l := traffic.Locator("default", link.From.Side(), link.To.Side())
		locate := func() int {
			before := len(east.Calls())
			_, err := l.Locate(t.Context(), "httpbin-west-1")
			require.NoError(t, err)
			return len(east.Calls()) - before
		}
		require.Positive(t, locate())
		require.Zero(t, locate())
		time.Sleep(time.Minute)
		require.Positive(t, locate())
		time.Sleep(time.Minute)
		for _, kind := range []string{"Namespace", "Pod", "Service"} {
			west.Before = func(c peeringtest.Call) error {
				if c.Kind == kind {
					return errors.New("no " + kind)
				}
				return nil
			}
			_, err := l.Locate(t.Context(), "httpbin-west-1")
			require.ErrorContains(t, err, `of "west": no `+kind)
		}
	})
}
