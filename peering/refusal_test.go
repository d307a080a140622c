package peering_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/meshpeer/meshpeer/internal/sampled"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
	"github.com/meshpeer/meshpeer/probe"
	"github.com/meshpeer/meshpeer/secrets"
)

// TestAwaitRefusal: on request a call ends when the old credential is seen to be refused, and not before.
func TestAwaitRefusal(t *testing.T) {
	for _, kind := range []secrets.Kind{secrets.KindDurable, secrets.KindBound} {
		t.Run(string(kind), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, east, west, link := pair()
				p := &peering.Peering{Credential: kind, AwaitRefusal: true}
				report, err := p.Ensure(t.Context(), link)
				require.NoError(t, err)
				require.Len(t, report.Links[0].Results, 1, "there was nothing to refuse")
				old := bearerOf(t, east, west)
				report, err = p.Rotate(t.Context(), link)
				require.NoError(t, err)
				refused := refusals(report)
				require.Len(t, refused, 1)
				require.Equal(t, probe.Passed, refused[0].Status)
				require.False(t, accepted(t, west, old))

				report, err = (&peering.Peering{Credential: kind}).Rotate(t.Context(), link)
				require.NoError(t, err)
				require.Empty(t, refusals(report), "only on request")
			})
		})
	}
}

func refusals(report *peering.Report) (all []probe.Result) {
	for _, r := range report.Links[0].Results {
		if r.Check == "credential-refused" {
			all = append(all, r)
		}
	}
	return all
}

// TestAwaitRefusalOfOneThatWasKept: it works still, on purpose, and nobody waits for its end. That holds also where the record
// of the token is lost.
func TestAwaitRefusalOfOneThatWasKept(t *testing.T) {
	for _, lost := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			_, east, west, link := pair()
			p := &peering.Peering{AwaitRefusal: true}
			_, err := p.Ensure(t.Context(), link)
			require.NoError(t, err)
			old := bearerOf(t, east, west)
			if lost {
				s, err := east.Get(t.Context(), secret("istio-remote-secret-west"))
				require.NoError(t, err)
				s.SetAnnotations(nil)
				_, err = east.Update(t.Context(), s)
				require.NoError(t, err)
			}
			east.Istiods.Scale()
			time.Sleep(time.Minute) // its token is not another run's, at work
			start := time.Now()
			report, err := p.Rotate(t.Context(), link)
			require.NoError(t, err, "lost record: %v", lost)
			require.Less(t, time.Since(start), 20*time.Second)
			require.True(t, accepted(t, west, old))
			refused := refusals(report)
			require.Len(t, refused, 1)
			require.Equal(t, probe.Warned, refused[0].Status)
			require.NotEmpty(t, report.Links[0].Left)
		})
	}
}

// TestAwaitRefusalOfTheAdopted: the leaked one may be that of istioctl.
func TestAwaitRefusalOfTheAdopted(t *testing.T) {
	for adoption, n := range map[peering.Adoption]int{peering.AdoptKeep: 0, peering.AdoptRevoke: 1} {
		synctest.Test(t, func(t *testing.T) {
			_, east, west, link := pair()
			byIstioctl(t, west, east)
			report, err := (&peering.Peering{AwaitRefusal: true, Adopt: adoption}).Ensure(t.Context(), link)
			require.NoError(t, err)
			require.Len(t, refusals(report), n)
		})
	}
}

// TestVerifyOfALinkOfIstioctl: what is there is looked at. That somebody else made it is a warning, not a failure.
func TestVerifyOfALinkOfIstioctl(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, east, west, link := pair()
		byIstioctl(t, west, east)
		report, err := new(peering.Peering).Verify(t.Context(), link)
		require.NoError(t, err)
		statuses := map[string]probe.Status{}
		for _, r := range report.Links[0].Results {
			statuses[r.Check] = r.Status
		}
		require.Equal(t, map[string]probe.Status{
			"remote-secret": probe.Warned, "credential": probe.Passed, "rights": probe.Passed, "istiod-synced": probe.Passed,
		}, statuses)
		require.Equal(t, probe.Warned, report.Status())
		require.Contains(t, report.Links[0].Results[0].Hint, "Adopt")
		require.Contains(t, report.Links[0].Results[1].Target, "istio-reader-service-account")
		require.Contains(t, report.Links[0].Results[2].Target, "istio-reader-service-account")
		require.Nil(t, report.Links[0].Credential, "it is not ours to renew")
		require.Zero(t, writes(east)-1+writes(west)-4, "nothing is written")

		require.NoError(t, west.Delete(t.Context(), secret("istio-reader-service-account-istio-remote-secret-token")))
		report, err = new(peering.Peering).Verify(t.Context(), link)
		require.Error(t, err)
		require.Equal(t, probe.Failed, report.Status())
		last := report.Links[0].Results[len(report.Links[0].Results)-1]
		require.Equal(t, "credential", last.Check)
		require.Equal(t, "the token in Secret/istio-system/istio-remote-secret-west of east", last.Target, "not a reader that does not exist")
		require.True(t, apierrors.IsUnauthorized(last.Err))
	})
}

// TestFailedLinkAsksForAnotherCall: a loop that sleeps until RenewAt is back soon, also where the other links never expire.
func TestFailedLinkAsksForAnotherCall(t *testing.T) {
	for _, kind := range []secrets.Kind{secrets.KindDurable, secrets.KindBound} {
		synctest.Test(t, func(t *testing.T) {
			mesh := peeringtest.NewMesh("a", "b", "c")
			links := peering.Star(mesh.Member("a").Cluster, mesh.Member("b").Cluster, mesh.Member("c").Cluster)
			mesh.Member("c").Inject(peeringtest.Fault{Match: peeringtest.OnWrites(), Failure: peeringtest.Denied, Times: peeringtest.Always})
			p := &peering.Peering{Credential: kind}
			report, err := p.Ensure(t.Context(), links...)
			require.Error(t, err)
			require.WithinDuration(t, time.Now().Add(time.Minute), report.RenewAt(), time.Minute)
			mesh.Member("c").Heal()
			report, err = p.Ensure(t.Context(), links...)
			require.NoError(t, err)
			require.Equal(t, kind == secrets.KindDurable, report.RenewAt().IsZero())
			require.True(t, kind == secrets.KindDurable || time.Until(report.RenewAt()) > time.Hour)
		})
	}
}

// TestRefusalsNameTheirNextStep: 403 has many causes, each with another remedy.
func TestRefusalsNameTheirNextStep(t *testing.T) {
	for failure, hint := range map[peeringtest.Failure]string{
		peeringtest.Forbidden:     "permission to create serviceaccounts",
		peeringtest.OverQuota:     "ResourceQuota",
		peeringtest.Denied:        `admission webhook "policy.example.com"`,
		peeringtest.Terminating:   "being deleted",
		peeringtest.Unprocessable: "metadata.labels",
	} {
		t.Run(string(failure), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, _, west, link := pair()
				west.Inject(peeringtest.Fault{Match: peeringtest.OnWrites(), Failure: failure, Times: peeringtest.Always})
				report, err := new(peering.Peering).Ensure(t.Context(), link)
				require.Error(t, err)
				require.Contains(t, report.Links[0].Error.Hint, hint)
			})
		})
	}
}

// plain is a peering.Objects of somebody's own, of another type.
type plain struct{ peering.Objects }

// TestEveryRequestMayFailOnce: whatever implements the seam, a failure of a moment fails no link.
func TestEveryRequestMayFailOnce(t *testing.T) {
	for _, kind := range []secrets.Kind{secrets.KindDurable, secrets.KindBound} {
		for _, failure := range []peeringtest.Failure{peeringtest.Throttled, peeringtest.Reset} {
			for k := 1; ; k++ {
				if !sampled.Take(k) {
					continue
				}
				hit := false
				synctest.Test(t, func(t *testing.T) {
					_, east, west, link := pair()
					east.Cluster.Objects, west.Cluster.Objects = plain{east.Server}, plain{west.Server}
					p := &peering.Peering{Credential: kind}
					var n atomic.Int32
					count := func(string, peering.Object) bool { return n.Add(1) == int32(k) }
					faults := []*peeringtest.Injected{
						east.Inject(peeringtest.Fault{Match: count, Failure: failure}), west.Inject(peeringtest.Fault{Match: count, Failure: failure}),
					}
					report, err := p.Ensure(t.Context(), link)
					if err == nil {
						report, err = p.Rotate(t.Context(), link)
					}
					if err == nil {
						report, err = p.Remove(t.Context(), link)
					}
					hits := append(faults[0].Hits(), faults[1].Hits()...)
					require.NoError(t, err, "%s of %v", failure, hits)
					require.Equal(t, probe.Passed, report.Status(), "%s of %v: %v", failure, hits, report.Links[0].Results)
					hit = len(hits) > 0
				})
				if !hit {
					require.Greater(t, k, 40)
					break
				}
			}
		}
	}
}
