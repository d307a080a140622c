package traffic_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
	"github.com/meshpeer/meshpeer/peering/traffic"
	"github.com/meshpeer/meshpeer/probe"
)

// TestThirdCluster: that From has no pods of its own says who answered only if nobody else could have.
func TestThirdCluster(t *testing.T) {
	for name, alone := range map[string]bool{"To alone": true, "another too": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				mesh := peeringtest.NewMesh("east", "west", "north")
				links := peering.Mesh(mesh.Clusters()...)
				p := &peering.Peering{}
				_, err := p.Ensure(t.Context(), links...)
				require.NoError(t, err)
				mesh.Member("east").Run(peeringtest.App{Name: "sleep", Replicas: 1})
				mesh.Member("east").Run(peeringtest.App{Name: "httpbin", Port: 8000})
				for _, id := range []string{"west", "north"} {
					if id == "west" || !alone {
						mesh.Member(id).Run(peeringtest.App{Name: "httpbin", Port: 8000, Replicas: 1})
					}
				}
				p.Workload = &traffic.Workload{}
				report, err := p.Verify(t.Context(), links[0])
				require.NoError(t, err)
				got := result(t, report, "answered-by")
				require.Equal(t, probe.Passed, got.Status, got.Summary)
				require.Equal(t, alone, strings.Contains(got.Summary, "endpoint-slice: the client's own cluster had no ready endpoint"), got.Summary)
			})
		})
	}
}

// TestOneSilentReplicaHidesNoOther.
func TestOneSilentReplicaHidesNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, east, west, link := town(t, true)
		east.Istiods.Scale("istiod-1", "istiod-2")
		east.Istiods.FailReplica("istiod-2", errors.New("no route"))
		report, err := p.Verify(t.Context(), link)
		require.NoError(t, err)
		for _, check := range []string{"istiod-endpoints", "network-gateway"} {
			got := result(t, report, check)
			require.Equal(t, probe.Unknown, got.Status)
			require.Equal(t, "istiod-2 could not be asked", got.Summary)
			require.ErrorContains(t, got.Err, "no route")
		}
		west.Run(peeringtest.App{Name: "httpbin", Port: 8000})
		_, err = p.Verify(t.Context(), link)
		require.ErrorContains(t, err, "istiod-1 has no endpoint of it in west")
	})
}

// TestIdentitiesOfAnotherTrustDomain are told by what injection told the sidecars.
func TestIdentitiesOfAnotherTrustDomain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, east, _, link := town(t, true)
		update(t, east, "sleep", func(d *appsv1.Deployment) {
			d.Spec.Template.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "TRUST_DOMAIN", Value: "east.example"}}
		})
		_, err := p.Verify(t.Context(), link)
		var wrong *probe.IdentityError
		require.ErrorAs(t, err, &wrong)
		require.Equal(t, "spiffe://east.example/ns/default/sa/sleep", wrong.Want.String())
	})
}

func update(t *testing.T, m *peeringtest.Member, name string, change func(*appsv1.Deployment)) {
	t.Helper()
	o, err := m.Get(t.Context(), deployment(name))
	require.NoError(t, err)
	change(o.(*appsv1.Deployment))
	_, err = m.Update(t.Context(), o)
	require.NoError(t, err)
}

// TestLevelsThatCannotBeSeen, one cause at a time.
func TestLevelsThatCannotBeSeen(t *testing.T) {
	refuse := func(m *peeringtest.Member, verb, kind, namespace string) {
		m.Before = func(c peeringtest.Call) error {
			if c.Verb == verb && c.Kind == kind && (c.Namespace == namespace || kind == "Namespace" && c.Name == namespace) {
				return apierrors.NewForbidden(schema.GroupResource{Resource: kind}, c.Name, errors.New("no"))
			}
			return nil
		}
	}
	for _, tt := range []struct {
		name, check string
		status      probe.Status
		says        string
		breakIt     func(t *testing.T, p *peering.Peering, east, west *peeringtest.Member)
	}{
		{"network of From", "network-gateway", probe.Unknown, "From could not be read", func(_ *testing.T, _ *peering.Peering, east, _ *peeringtest.Member) {
			refuse(east, "get", "Namespace", "istio-system")
		}},
		{"network of To", "network-gateway", probe.Unknown, "To could not be read", func(_ *testing.T, _ *peering.Peering, _, west *peeringtest.Member) {
			refuse(west, "get", "Namespace", "istio-system")
		}},
		{"gateways everywhere", "answered-by", probe.Passed, "answered by west", func(_ *testing.T, _ *peering.Peering, _, west *peeringtest.Member) {
			refuse(west, "list", "Service", "")
		}},
		{"whose an endpoint is", "proxy-endpoints", probe.Unknown, "could not look up", func(_ *testing.T, _ *peering.Peering, east, west *peeringtest.Member) {
			east.Cluster.Hosted, east.Cluster.Istiods = true, nil
			refuse(west, "list", "Pod", "default")
		}},
		{"whose an endpoint is, but for istiods", "proxy-endpoints", probe.Passed, "for west", func(_ *testing.T, _ *peering.Peering, _, west *peeringtest.Member) {
			refuse(west, "list", "Pod", "default")
		}},
		{"ambient client", "proxy-endpoints", probe.Unknown, "ambient", func(t *testing.T, _ *peering.Peering, east, _ *peeringtest.Member) {
			update(t, east, "sleep", func(d *appsv1.Deployment) {
				d.Spec.Template.Annotations["ambient.istio.io/redirection"] = "enabled"
			})
		}},
		{"client without app", "proxy-endpoints", probe.Unknown, "no app container", func(t *testing.T, _ *peering.Peering, east, _ *peeringtest.Member) {
			update(t, east, "sleep", func(d *appsv1.Deployment) {
				d.Spec.Template.Annotations["kubectl.kubernetes.io/default-container"] = "gone"
			})
		}},
		{"no curl", "teapot", probe.Unknown, "curl", func(_ *testing.T, _ *peering.Peering, east, _ *peeringtest.Member) {
			answer(east, "curl", probe.NewOutput(127, nil, nil))
		}},
		{"server's account", "mutual-tls", probe.Warned, "", func(_ *testing.T, p *peering.Peering, _, _ *peeringtest.Member) {
			p.Workload = &traffic.Workload{Server: "nobody", Control: "outsider"}
		}},
		{"app that does not say who it is", "answered-by", probe.Warned, "observed", func(_ *testing.T, _ *peering.Peering, east, _ *peeringtest.Member) {
			dummy(east)
		}},
		{"proxy unhealthy", "proxy-endpoints", probe.Warned, "unhealthy", func(_ *testing.T, _ *peering.Peering, east, _ *peeringtest.Member) {
			rewrite(east, "pilot-agent", "health_flags::healthy", "health_flags::/failed_outlier_check")
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, east, west, link := town(t, true)
				tt.breakIt(t, p, east, west)
				report, err := p.Verify(t.Context(), link)
				require.NoError(t, err)
				got := result(t, report, tt.check)
				require.Equal(t, tt.status, got.Status, got.Summary)
				require.Contains(t, got.Summary, tt.says)
				if got.Status != probe.Passed {
					require.NotEmpty(t, got.Hint)
				}
			})
		})
	}
}

// TestGatewayWithoutLabelledService: meshNetworks, or ASM's own setting, names it, so only istiod knows its address.
func TestGatewayWithoutLabelledService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _, west, link := town(t, true)
		west.Cluster.Objects = noServices{west.Server}
		report, err := p.Verify(t.Context(), link)
		require.NoError(t, err)
		require.Equal(t, probe.Passed, report.Status())
	})
}

type noServices struct{ *peeringtest.Server }

func (s noServices) List(ctx context.Context, like peering.Object, selector string) ([]peering.Object, error) {
	if _, service := like.(*corev1.Service); service {
		return nil, nil
	}
	return s.Server.List(ctx, like, selector)
}

// dummy makes httpbins answer /hostname as go-httpbin does by default.
func dummy(m *peeringtest.Member) {
	rewrite(m, "curl", "httpbin-west-", "go-httpbin")
	rewrite(m, "curl", `go-httpbin1"`, `go-httpbin"`)
	rewrite(m, "curl", `go-httpbin2"`, `go-httpbin"`)
}

// rewrite changes what one program of a member's pods says.
func rewrite(m *peeringtest.Member, program, old, text string) {
	real := m.Exec
	m.Exec = func(namespace, pod, container string) probe.Executor {
		return probe.ExecutorFunc(func(ctx context.Context, c probe.Command) (probe.Output, error) {
			out, err := real(namespace, pod, container).Exec(ctx, c)
			if c.Args[0] == program {
				out = probe.NewOutput(out.ExitCode(), []byte(strings.ReplaceAll(string(out.Stdout()), old, text)), out.Stderr())
			}
			return out, err
		})
	}
}

// TestProxyThatGoesAway between two looks: what cannot be read is unknown.
func TestProxyThatGoesAway(t *testing.T) {
	for _, looks := range []int{1, 2} { // before the request, and after it
		synctest.Test(t, func(t *testing.T) {
			p, east, _, link := town(t, true)
			real := east.Exec
			east.Exec = func(namespace, pod, container string) probe.Executor {
				return probe.ExecutorFunc(func(ctx context.Context, c probe.Command) (probe.Output, error) {
					if c.Args[0] == "pilot-agent" {
						if looks--; looks < 0 {
							return probe.Output{}, errors.New("container is gone")
						}
					}
					return real(namespace, pod, container).Exec(ctx, c)
				})
			}
			report, err := p.Verify(t.Context(), link)
			require.NoError(t, err)
			require.Equal(t, probe.Unknown, result(t, report, "teapot").Status)
		})
	}
}

func TestLevelErrorTellsWhatWasSeen(t *testing.T) {
	err := &traffic.LevelError{Check: "teapot", Summary: "nobody answers", Err: context.Canceled}
	require.EqualError(t, err, "teapot: nobody answers")
	require.ErrorIs(t, err, context.Canceled)
}
