package traffic_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
	"github.com/meshpeer/meshpeer/peering/traffic"
	"github.com/meshpeer/meshpeer/probe"
)

// levels are all that Verify looks at with a Workload, in order.
var levels = []string{
	"remote-secret", "credential", "rights", "istiod-synced",
	"istiod-endpoints", "network-gateway", "proxy-endpoints", "teapot", "mutual-tls", "answered-by",
}

// town is a peered pair with an httpbin and a sleep in each, and one without sidecar in west.
func town(t *testing.T, split bool) (p *peering.Peering, east, west *peeringtest.Member, link peering.Link) {
	t.Helper()
	mesh, east, west, link := pair()
	p = new(peering.Peering)
	_, err := p.Ensure(t.Context(), peering.Mesh(mesh.Clusters()...)...)
	require.NoError(t, err)
	if split {
		mesh.Split()
	}
	for _, m := range []*peeringtest.Member{east, west} {
		m.Run(peeringtest.App{Name: "httpbin", Port: 8000, Replicas: 2})
		m.Run(peeringtest.App{Name: "sleep", Port: 80, Replicas: 1})
	}
	west.Run(peeringtest.App{Name: "outsider", Replicas: 1, Plain: true})
	p.Workload = &traffic.Workload{Control: "outsider"}
	return p, east, west, link
}

func result(t *testing.T, r *peering.Report, check string) probe.Result {
	t.Helper()
	for _, got := range r.Links[0].Results {
		if got.Check == check {
			return got
		}
	}
	require.Failf(t, "no such result", "%s in %v", check, r.Links[0].Results)
	return probe.Result{}
}

func TestVerifyClimbsToTheAnswer(t *testing.T) {
	for name, split := range map[string]bool{"across networks": true, "in one network": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, east, west, link := town(t, split)
				before := writes(east) + writes(west)
				report, err := p.Verify(t.Context(), link)
				require.NoError(t, err)
				require.Equal(t, before, writes(east)+writes(west), "Verify changes nothing")
				var checks []string
				for _, r := range report.Links[0].Results {
					want := probe.Passed
					if r.Check == "network-gateway" && !split {
						want = probe.Skipped
					}
					require.Equal(t, want, r.Status, "%s: %s; %s", r.Check, r.Summary, r.Hint)
					require.NotEmpty(t, r.Summary)
					require.NotEmpty(t, r.Target)
					checks = append(checks, r.Check)
				}
				require.Equal(t, levels, checks)
				require.Equal(t, probe.Passed, report.Status())
				tls := result(t, report, "mutual-tls").Summary
				require.Contains(t, tls, "ns/default/sa/sleep called spiffe://cluster.local/ns/default/sa/httpbin")
				require.Contains(t, tls, "default/outsider of west")
				require.Contains(t, result(t, report, "answered-by").Summary, "west")
			})
		})
	}
}

// TestFirstLevelThatFails: it is the last result, and the error of the link, with a next step.
func TestFirstLevelThatFails(t *testing.T) {
	for _, tt := range []struct {
		name, level string
		hint        string
		breakIt     func(t *testing.T, east, west *peeringtest.Member)
	}{
		{"no pod in To", "istiod-endpoints", "has no ready pod in west", func(_ *testing.T, _, west *peeringtest.Member) {
			west.Run(peeringtest.App{Name: "httpbin", Port: 8000})
		}},
		{"no gateway", "network-gateway", "install an east-west gateway in west", func(t *testing.T, _, west *peeringtest.Member) {
			require.NoError(t, west.Delete(t.Context(), service("istio-system", "istio-eastwestgateway")))
		}},
		{"gateway without address", "network-gateway", "no external address", func(t *testing.T, _, west *peeringtest.Member) {
			s, err := west.Get(t.Context(), service("istio-system", "istio-eastwestgateway"))
			require.NoError(t, err)
			s.(*corev1.Service).Status = corev1.ServiceStatus{}
			_, err = west.Update(t.Context(), s)
			require.NoError(t, err)
		}},
		{"server not injected", "proxy-endpoints", "inject them", func(_ *testing.T, _, west *peeringtest.Member) {
			west.Run(peeringtest.App{Name: "httpbin", Port: 8000, Replicas: 1, Plain: true})
		}},
		{"client not injected", "proxy-endpoints", "istio-injection", func(_ *testing.T, east, _ *peeringtest.Member) {
			east.Run(peeringtest.App{Name: "sleep", Replicas: 1, Plain: true})
		}},
		{"proxy lost them", "proxy-endpoints", "exportTo", func(_ *testing.T, east, _ *peeringtest.Member) {
			answer(east, "pilot-agent", probe.Output{})
		}},
		{"no Service in From", "teapot", "create the Service", func(_ *testing.T, east, _ *peeringtest.Member) {
			answer(east, "curl", probe.NewOutput(6, nil, []byte("curl: (6) Could not resolve host: httpbin\n")))
		}},
		{"different roots", "teapot", "root", func(_ *testing.T, east, _ *peeringtest.Member) {
			answer(east, "curl", curled(503, "upstream connect error, CERTIFICATE_VERIFY_FAILED"))
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, east, west, link := town(t, true)
				tt.breakIt(t, east, west)
				report, err := p.Verify(t.Context(), link)
				var failed *peering.Error
				require.ErrorAs(t, err, &failed)
				var level *traffic.LevelError
				require.ErrorAs(t, err, &level)
				require.Equal(t, tt.level, level.Check)
				require.Contains(t, failed.Hint, tt.hint)
				last := report.Links[0].Results[len(report.Links[0].Results)-1]
				require.Equal(t, tt.level, last.Check)
				require.Equal(t, probe.Failed, last.Status)
				require.Equal(t, failed.Hint, last.Hint)
			})
		})
	}
}

// TestUnknownIsNoFailure: what cannot be seen from here is said, and the climb goes on.
func TestUnknownIsNoFailure(t *testing.T) {
	for _, tt := range []struct {
		name    string
		unknown []string
		skipped []string
		breakIt func(t *testing.T, east, west *peeringtest.Member)
	}{
		{"hosted control plane", []string{"istiod-synced", "istiod-endpoints", "network-gateway"}, nil, func(_ *testing.T, east, _ *peeringtest.Member) {
			east.Cluster.Hosted, east.Cluster.Istiods = true, nil
		}},
		{"no exec", []string{"proxy-endpoints"}, []string{"teapot", "mutual-tls", "answered-by"}, func(_ *testing.T, east, _ *peeringtest.Member) {
			east.Exec = nil
		}},
		{"no client", []string{"proxy-endpoints"}, []string{"teapot", "mutual-tls", "answered-by"}, func(t *testing.T, east, _ *peeringtest.Member) {
			require.NoError(t, east.Delete(t.Context(), deployment("sleep")))
		}},
		{"exec forbidden", []string{"proxy-endpoints"}, []string{"teapot", "mutual-tls", "answered-by"}, func(_ *testing.T, east, _ *peeringtest.Member) {
			east.Exec = func(string, string, string) probe.Executor {
				return probe.ExecutorFunc(func(context.Context, probe.Command) (probe.Output, error) {
					return probe.Output{}, errors.New(`pods "sleep-1" is forbidden`)
				})
			}
		}},
		{"traffic stays at home", []string{"teapot", "mutual-tls", "answered-by"}, nil, func(_ *testing.T, east, _ *peeringtest.Member) {
			east.PreferLocal = true
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, east, west, link := town(t, true)
				tt.breakIt(t, east, west)
				report, err := p.Verify(t.Context(), link)
				require.NoError(t, err)
				var unknown, skipped []string
				for _, r := range report.Links[0].Results {
					switch r.Status {
					case probe.Unknown:
						unknown = append(unknown, r.Check)
						require.NotEmpty(t, r.Hint, r.Check)
					case probe.Skipped:
						skipped = append(skipped, r.Check)
					}
				}
				require.Equal(t, tt.unknown, unknown)
				require.Equal(t, tt.skipped, skipped)
				require.Equal(t, probe.Unknown, report.Status())
			})
		})
	}
}

// TestMutualTLSWithoutControlIsObserved, and without To's pods too.
func TestMutualTLSWithoutControlIsObserved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _, _, link := town(t, true)
		p.Workload = &traffic.Workload{}
		report, err := p.Verify(t.Context(), link)
		require.NoError(t, err)
		tls := result(t, report, "mutual-tls")
		require.Equal(t, probe.Warned, tls.Status)
		require.Contains(t, tls.Hint, "Workload.Control")
	})
}

// TestSomebodyElseAnswers: the pods of To run as another account than those of the Deployment that is named.
func TestSomebodyElseAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _, _, link := town(t, true)
		p.Workload = &traffic.Workload{Server: "sleep", Control: "outsider"}
		report, err := p.Verify(t.Context(), link)
		var wrong *probe.IdentityError
		require.ErrorAs(t, err, &wrong)
		require.Equal(t, "httpbin", wrong.Got.ServiceAccount())
		require.Equal(t, probe.Failed, result(t, report, "mutual-tls").Status)
	})
}

// TestVerifyWaitsForIstiodToPush: a level that does not hold yet is looked at again.
func TestVerifyWaitsForIstiodToPush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _, west, link := town(t, true)
		west.Run(peeringtest.App{Name: "httpbin", Port: 8000})
		time.AfterFunc(5*time.Second, func() { west.Run(peeringtest.App{Name: "httpbin", Port: 8000, Replicas: 1}) })
		report, err := p.Verify(t.Context(), link)
		require.NoError(t, err)
		require.Equal(t, probe.Passed, report.Status())
		require.GreaterOrEqual(t, result(t, report, "istiod-endpoints").Took, 5*time.Second)
	})
}

func TestWorkloadIsValidated(t *testing.T) {
	for field, w := range map[string]traffic.Workload{
		"Namespace": {Namespace: "Default"},
		"Service":   {Service: "http bin"},
		"Client":    {Client: "-"},
		"Server":    {Server: "a/b"},
		"Control":   {Control: "x y"},
		"Domain":    {Domain: "cluster..local"},
		"Port":      {Port: 70000},
		"Asks":      {Asks: -1},
	} {
		t.Run(field, func(t *testing.T) {
			_, east, _, link := pair()
			_, err := (&peering.Peering{Workload: &w}).Verify(t.Context(), link)
			require.ErrorContains(t, err, "peering: Peering.Workload: Workload."+field+" ")
			require.Empty(t, east.Calls())
		})
	}
}

func service(namespace, name string) *corev1.Service {
	return &corev1.Service{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Service"}, ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
}

// answer makes one program of a member's pods answer the same each time.
func answer(m *peeringtest.Member, program string, out probe.Output) {
	real := m.Exec
	m.Exec = func(namespace, pod, container string) probe.Executor {
		return probe.ExecutorFunc(func(ctx context.Context, c probe.Command) (probe.Output, error) {
			if c.Args[0] == program {
				return out, nil
			}
			return real(namespace, pod, container).Exec(ctx, c)
		})
	}
}

// curled is what curl prints of an answer.
func curled(status int, body string) probe.Output {
	return probe.NewOutput(0, fmt.Appendf(nil, "HTTP/1.1 %d X\r\nServer: envoy\r\n\r\n%s\nmeshpeer-probe-answer %d 0.001", status, body, status), nil)
}

func deployment(name string) *appsv1.Deployment {
	return &appsv1.Deployment{TypeMeta: metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"}, ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name}}
}
