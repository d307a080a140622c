package peering_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
)

// TestEveryWriteCanFail makes each write of a new link fail, each in several ways: the end is the start.
func TestEveryWriteCanFail(t *testing.T) {
	kinds := []string{"ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Secret meshpeer-reader-east-1", "Secret istio-remote-secret-west"}
	faults := map[string]func(m *peeringtest.Member, hit func(peeringtest.Call) bool, cancel func()){
		"refused": func(m *peeringtest.Member, hit func(peeringtest.Call) bool, _ func()) {
			m.Before = func(c peeringtest.Call) error {
				if hit(c) {
					return apierrors.NewForbidden(schema.GroupResource{Resource: c.Kind}, c.Name, errors.New("no"))
				}
				return nil
			}
		},
		"server gone": func(m *peeringtest.Member, hit func(peeringtest.Call) bool, _ func()) {
			m.Before = func(c peeringtest.Call) error {
				if hit(c) {
					return errors.New("connection refused")
				}
				return nil
			}
		},
		"caller gives up after it": func(m *peeringtest.Member, hit func(peeringtest.Call) bool, cancel func()) {
			m.After = func(c peeringtest.Call) error {
				if hit(c) {
					cancel()
				}
				return nil
			}
		},
	}
	for fault, inject := range faults {
		for _, target := range kinds {
			t.Run(fault+" at "+target, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					_, east, west, link := pair()
					beforeEast, beforeWest := contents(t, east), contents(t, west)
					ctx, cancel := context.WithCancel(t.Context())
					hit := func(c peeringtest.Call) bool {
						return c.Verb == "create" && (c.Kind == target || c.Kind+" "+c.Name == target)
					}
					inject(east, hit, cancel)
					inject(west, hit, cancel)
					report, err := new(peering.Peering).Ensure(ctx, link)
					require.Error(t, err)
					var failed *peering.Error
					require.ErrorAs(t, err, &failed)
					if last := "Secret istio-remote-secret-west"; fault == "caller gives up after it" && target == last {
						require.Equal(t, peering.StageSync, failed.Stage, "the link is made: waiting for istiod is what ended")
						require.Empty(t, report.Links[0].Undone)
						return
					}
					require.Empty(t, report.Links[0].Left)
					require.Equal(t, beforeEast, contents(t, east))
					require.Equal(t, beforeWest, contents(t, west))
				})
			})
		}
	}
}

// TestLostReplies lets each creation take effect and its answer be lost: the nonce tells that it was ours.
func TestLostReplies(t *testing.T) {
	for _, target := range []string{"ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Secret istio-remote-secret-west"} {
		t.Run(target, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, east, west, link := pair()
				lose := func(c peeringtest.Call) error {
					if c.Verb == "create" && (c.Kind == target || c.Kind+" "+c.Name == target) {
						return errors.New("connection reset by peer")
					}
					return nil
				}
				east.After, west.After = lose, lose
				_, err := new(peering.Peering).Ensure(t.Context(), link)
				require.NoError(t, err)
			})
		})
	}
}

func TestUpdatesAreTakenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, east, west, link := pair()
		p := new(peering.Peering)
		_, err := p.Ensure(t.Context(), link)
		require.NoError(t, err)
		require.NoError(t, west.Delete(t.Context(), secret("meshpeer-reader-east-1")), "so that a new token is minted")
		role := clusterRole(t, west, "meshpeer-reader-east")
		role.Rules = role.Rules[:5]
		_, err = west.Update(t.Context(), role)
		require.NoError(t, err)

		east.Before = func(c peeringtest.Call) error {
			if c.Verb == "update" {
				return errors.New("connection refused")
			}
			return nil
		}
		report, err := p.Ensure(t.Context(), link)
		require.Error(t, err)
		require.Empty(t, report.Links[0].Left)
		require.Len(t, clusterRole(t, west, "meshpeer-reader-east").Rules, 5, "the role is as it was")
		_, err = west.Get(t.Context(), secret("meshpeer-reader-east-2"))
		require.True(t, apierrors.IsNotFound(err), "the new token is revoked")
	})
}

func TestWhatCannotBeUndoneIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, _, west, link := pair()
		var gone atomic.Bool
		west.Before = func(c peeringtest.Call) error {
			if c.Kind == "Secret" && c.Verb == "create" {
				time.Sleep(time.Second) // the roles are made meanwhile
				gone.Store(true)
			}
			if gone.Load() {
				return errors.New("connection refused")
			}
			return nil
		}
		report, err := new(peering.Peering).Ensure(t.Context(), link)
		require.Error(t, err)
		var left []string
		for _, c := range report.Links[0].Left {
			left = append(left, c.Object)
		}
		require.Equal(t, []string{"Token/istio-system/meshpeer-reader-east-1", "ClusterRoleBinding/meshpeer-reader-east", "ClusterRole/meshpeer-reader-east", "ServiceAccount/istio-system/meshpeer-reader-east"}, left)
	})
}

func TestTokenControllerNeverAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, east, west, link := pair()
		before := contents(t, west)
		west.NoTokenController = true
		report, err := new(peering.Peering).Ensure(t.Context(), link)
		require.ErrorContains(t, err, "token")
		require.Equal(t, peering.StageMint, report.Links[0].Error.Stage)
		require.Equal(t, before, contents(t, west))
		require.Empty(t, contents(t, east))
		require.Len(t, report.Links[0].Undone, 3, fmt.Sprint(report.Links[0].Undone))
	})
}
