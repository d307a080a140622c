package peering_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
	"github.com/meshpeer/meshpeer/probe"
	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/secrets"
)

// onShare does something once, just when the remote secret has been written again.
func onShare(east *peeringtest.Member, do func()) {
	done := false
	east.After = func(c peeringtest.Call) error {
		if c.Verb == "update" && c.Kind == "Secret" && !done {
			done = true
			do()
		}
		return nil
	}
}

// TestReplicaThatComesDuringTheWait: the old token is not revoked before it uses the new one, too.
func TestReplicaThatComesDuringTheWait(t *testing.T) {
	for name, tt := range map[string]struct {
		status istiod.Status // that the new replica is stuck at
		works  bool
	}{"and syncs late": {works: true}, "and never syncs": {status: istiod.TimedOut}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, east, west, link := pair()
				p := &peering.Peering{SyncTimeout: 20 * time.Second}
				_, err := p.Ensure(t.Context(), link)
				require.NoError(t, err)
				old := bearerOf(t, east, west)
				onShare(east, func() {
					east.Istiods.Add(peeringtest.Replica{Name: "late-2", Lag: 9 * time.Second})
					if tt.status != "" {
						east.Istiods.Stick("late-2", tt.status)
					}
				})
				start := time.Now()
				report, err := p.Rotate(t.Context(), link)
				require.Equal(t, tt.works, err == nil, "%v", err)
				require.Equal(t, !tt.works, accepted(t, west, old))
				require.True(t, accepted(t, west, bearerOf(t, east, west)))
				require.Len(t, report.Links[0].Results, 2, "it is asked, too")
				if tt.works {
					require.GreaterOrEqual(t, time.Since(start), 9*time.Second)
				}
			})
		})
	}
}

// TestReplicaThatIsReplacedDuringTheWait: nobody waits for the one that is gone.
func TestReplicaThatIsReplacedDuringTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, east, west, link := pair()
		east.Istiods.Scale("istiod-1", "istiod-2")
		p := new(peering.Peering)
		_, err := p.Ensure(t.Context(), link)
		require.NoError(t, err)
		old := bearerOf(t, east, west)
		onShare(east, func() { east.Istiods.Replace("istiod-2") })
		start := time.Now()
		report, err := p.Rotate(t.Context(), link)
		require.NoError(t, err)
		require.Less(t, time.Since(start), 30*time.Second)
		require.False(t, accepted(t, west, old))
		var asked []string
		for _, r := range report.Links[0].Results {
			require.Equal(t, probe.Passed, r.Status, r.Summary)
			asked = append(asked, r.Target)
		}
		require.Equal(t, []string{"istiod-1 of east", "istiod-3 of east"}, asked)
	})
}

// TestRestartedIstiodsHaveOtherNames: those that come back are asked, under the names that they have then.
func TestRestartedIstiodsHaveOtherNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, east, west, link := pair()
		east.Istiods.SetVersion("1.30.1") // misses changes
		east.Istiods.Scale("istiod-1", "istiod-2")
		p := &peering.Peering{RestartIstiods: func(context.Context, *peering.Cluster) error {
			east.Istiods.Restart()
			return nil
		}}
		_, err := p.Ensure(t.Context(), link)
		require.NoError(t, err)
		old := bearerOf(t, east, west)
		east.Istiods.MissChanges()
		start := time.Now()
		report, err := p.Rotate(t.Context(), link)
		require.NoError(t, err)
		require.Less(t, time.Since(start), 30*time.Second)
		require.False(t, accepted(t, west, old))
		require.Empty(t, report.Links[0].Left)
		require.Equal(t, []string{"istiod-3", "istiod-4"}, east.Istiods.Names())
		require.Equal(t, "istiod-3 of east", report.Links[0].Results[0].Target)
	})
}

// TestCanaryGetsItsRights: the role is for all versions and revisions of From's istiods, and each version's hazards count.
func TestCanaryGetsItsRights(t *testing.T) {
	for _, order := range [][2]string{{"1.20.0", "1.31.0"}, {"1.31.0", "1.20.0"}} {
		t.Run(fmt.Sprint(order), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, east, west, link := pair()
				east.Istiods.Scale()
				east.Istiods.Add(peeringtest.Replica{Name: "stable-1", Version: order[0]})
				east.Istiods.Add(peeringtest.Replica{Name: "canary-1", Version: order[1], Revision: "canary"})
				p := &peering.Peering{Reader: rbac.Options{Profile: rbac.Upstream}}
				report, err := p.Ensure(t.Context(), link)
				require.NoError(t, err)
				require.Len(t, report.Links[0].Results, 2)
				for _, version := range order {
					want, err := rbac.Render(rbac.Options{Profile: rbac.Upstream, IstioVersion: version})
					require.NoError(t, err)
					require.Empty(t, rbac.Missing(clusterRole(t, west, "meshpeer-reader-east").Rules, want.ClusterRole.Rules))
				}
			})
		})
	}
	for _, order := range [][2]string{{"1.30.1", "1.31.0"}, {"1.31.0", "1.30.1"}} {
		t.Run("hazard "+fmt.Sprint(order), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, east, _, link := pair()
				east.Istiods.Scale()
				east.Istiods.Add(peeringtest.Replica{Name: "stable-1", Version: order[0]})
				east.Istiods.Add(peeringtest.Replica{Name: "canary-1", Version: order[1]})
				_, err := new(peering.Peering).Ensure(t.Context(), link)
				require.NoError(t, err)
				_, err = new(peering.Peering).Rotate(t.Context(), link)
				var hazard *peering.HazardError
				require.ErrorAs(t, err, &hazard)
				require.Equal(t, "1.30.1", hazard.Version)
			})
		})
	}
}

// TestConflictOnTheRemoteSecret: somebody annotates it at the same time. Only another credential in it is a reason to stop.
func TestConflictOnTheRemoteSecret(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, east, west, link := pair()
		p := new(peering.Peering)
		_, err := p.Ensure(t.Context(), link)
		require.NoError(t, err)
		old := bearerOf(t, east, west)
		meddled := false
		east.Before = func(c peeringtest.Call) error {
			if c.Verb == "update" && !meddled {
				meddled = true
				s, err := east.Get(t.Context(), secret("istio-remote-secret-west"))
				require.NoError(t, err)
				annotations := s.GetAnnotations()
				annotations["backup.example/seen"] = "yes"
				s.SetAnnotations(annotations)
				_, err = east.Update(t.Context(), s)
				require.NoError(t, err)
			}
			return nil
		}
		_, err = p.Rotate(t.Context(), link)
		require.NoError(t, err)
		s, err := east.Get(t.Context(), secret("istio-remote-secret-west"))
		require.NoError(t, err)
		require.Equal(t, "yes", s.GetAnnotations()["backup.example/seen"], "what others wrote stays")
		require.False(t, accepted(t, west, old))
	})
}

// TestServiceThatEndsDuringARotation: what is lost with its service is no loss of istiod's.
func TestServiceThatEndsDuringARotation(t *testing.T) {
	for _, ends := range []bool{true, false} {
		t.Run(fmt.Sprint(ends), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				mesh := peeringtest.New(peeringtest.Options{Names: []string{"east", "west"}, Workloads: true})
				east, west := mesh.Member("east"), mesh.Member("west")
				link := peering.Link{From: east.Cluster, To: west.Cluster}
				p := &peering.Peering{SyncTimeout: 10 * time.Second}
				_, err := p.Ensure(t.Context(), link)
				require.NoError(t, err)
				old := bearerOf(t, east, west)
				if !ends {
					east.Istiods.LoseEndpoints()
				}
				onShare(east, func() {
					if !ends {
						return
					}
					o, err := west.Get(t.Context(), &appsv1.Deployment{TypeMeta: metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"}, ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "httpbin"}})
					require.NoError(t, err)
					none := int32(0)
					o.(*appsv1.Deployment).Spec.Replicas = &none
					_, err = west.Update(t.Context(), o)
					require.NoError(t, err)
				})
				report, err := p.Rotate(t.Context(), link)
				require.Equal(t, ends, err == nil, "%v %v", err, report.Links[0].Results)
				require.Equal(t, !ends, accepted(t, west, old))
			})
		})
	}
}

// flaky fails its first lists.
type flaky struct {
	peering.SyncReader
	fails int
	err   error
}

func (f *flaky) Replicas(ctx context.Context) ([]istiod.Replica, error) {
	if f.fails--; f.fails >= 0 {
		return nil, f.err
	}
	return f.SyncReader.Replicas(ctx)
}

// TestListOfReplicasThatFailsOnce: it is asked for again, or the role would be for a version that nobody runs.
func TestListOfReplicasThatFailsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, east, _, link := pair()
		east.Cluster.Istiods = &flaky{SyncReader: east.Istiods, fails: 1, err: errors.New("read: connection reset by peer")}
		report, err := new(peering.Peering).Ensure(t.Context(), link)
		require.NoError(t, err)
		require.Equal(t, probe.Passed, report.Status(), "%v", report.Links[0].Results)
	})
}

// TestHostedMemberInTheKit: the ASM shape can be tested without a cluster.
func TestHostedMemberInTheKit(t *testing.T) {
	for _, hidden := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			mesh := peeringtest.New(peeringtest.Options{Names: []string{"asm", "own", "third"}, Hosted: []string{"asm"}, Hidden: hidden})
			report, err := new(peering.Peering).Ensure(t.Context(), peering.Star(mesh.Member("asm").Cluster, mesh.Member("own").Cluster, mesh.Member("third").Cluster)...)
			require.NoError(t, err)
			require.Equal(t, map[bool]probe.Status{false: probe.Passed, true: probe.Unknown}[hidden], report.Status())
			for _, l := range report.Links {
				require.False(t, l.From.String() == "asm" && len(l.Changes) > 0, "nothing is written for it: %v", l.Changes)
			}
			require.False(t, strings.Contains(fmt.Sprint(contents(t, mesh.Member("asm"))), "istio-remote-secret"))
		})
	}
}

// TestTheWayBackRestartsToo: istiods that miss changes use the new token until they are restarted once more.
func TestTheWayBackRestartsToo(t *testing.T) {
	for name, again := range map[string]error{"restarted": nil, "not restarted": errors.New("stuck")} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, east, west, link := pair()
				east.Istiods.SetVersion("1.30.1")
				var made secrets.Token
				restarts := 0
				p := &peering.Peering{
					RestartIstiods: func(context.Context, *peering.Cluster) error {
						restarts++
						if restarts == 2 {
							require.True(t, accepted(t, west, made), "istiods still use it")
							return again
						}
						made = bearerOf(t, east, west)
						east.Istiods.RestartInPlace()
						return nil
					},
					Guard: func(context.Context, peering.Link) error { return errors.New("503") },
				}
				_, err := p.Ensure(t.Context(), link)
				require.NoError(t, err)
				old := bearerOf(t, east, west)
				report, err := p.Rotate(t.Context(), link)
				require.ErrorContains(t, err, "503")
				require.Equal(t, 2, restarts)
				require.Equal(t, old.Reveal(), bearerOf(t, east, west).Reveal())
				require.Equal(t, again != nil, accepted(t, west, made))
				require.Equal(t, again == nil, len(report.Links[0].Left) == 0, "%v", report.Links[0].Left)
			})
		})
	}
}
