package peering_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
	"github.com/meshpeer/meshpeer/secrets"
)

// TestRemoveLeavesTheSuccessorAlone: between the look and the delete, somebody replaced the object by one of the same name.
func TestRemoveLeavesTheSuccessorAlone(t *testing.T) {
	for kind, like := range map[string]func(t *testing.T, m *peeringtest.Member) peering.Object{
		"ClusterRole": func(t *testing.T, m *peeringtest.Member) peering.Object {
			return clusterRole(t, m, "meshpeer-reader-east")
		},
		"ServiceAccount": func(*testing.T, *peeringtest.Member) peering.Object { return serviceAccount("meshpeer-reader-east") },
		"Secret":         func(*testing.T, *peeringtest.Member) peering.Object { return secret("meshpeer-reader-east-1") },
	} {
		t.Run(kind, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, _, west, link := pair()
				p := new(peering.Peering)
				_, err := p.Ensure(t.Context(), link)
				require.NoError(t, err)
				west.NoTokenController = true // it deletes token Secrets whose account is gone, also the successor
				var replaced atomic.Bool
				var successor peering.Object
				west.Before = func(c peeringtest.Call) error {
					if c.Verb != "delete" || c.Kind != kind || !replaced.CompareAndSwap(false, true) {
						return nil
					}
					old, err := west.Get(t.Context(), like(t, west))
					require.NoError(t, err)
					require.NoError(t, west.Delete(t.Context(), old))
					old.SetUID("")
					old.SetResourceVersion("")
					old.SetLabels(nil)
					successor, err = west.Create(t.Context(), old)
					require.NoError(t, err)
					return nil
				}
				report, err := p.Remove(t.Context(), link)
				require.True(t, apierrors.IsConflict(err), "%v", err)
				require.Len(t, report.Links[0].Left, 1)
				found, err := west.Get(t.Context(), successor)
				require.NoError(t, err, "it is another object, and not ours to delete")
				require.Equal(t, successor.GetUID(), found.GetUID())
			})
		})
	}
}

// TestTokenOfAnotherAccountOfTheName: the user's name is right and the UID is not, or the other way round.
func TestTokenOfAnotherAccountOfTheName(t *testing.T) {
	for name, user := range map[string]renamed{"another UID": {uid: "another"}, "another name": {name: "system:serviceaccount:default:other", uid: "same"}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, _, west, link := pair()
				p := new(peering.Peering)
				_, err := p.Ensure(t.Context(), link)
				require.NoError(t, err)
				account, err := west.Get(t.Context(), serviceAccount("meshpeer-reader-east"))
				require.NoError(t, err)
				as, lies := west.As, atomic.Bool{}
				lies.Store(true)
				west.As = func(e secrets.Endpoint, token secrets.Token) (peering.Objects, error) {
					objects, err := as(e, token)
					if !lies.Load() {
						return objects, err
					}
					user := user
					user.Objects = objects
					if user.uid == "same" {
						user.uid = string(account.GetUID())
					}
					return user, err
				}
				_, err = p.Verify(t.Context(), link)
				var wrong *peering.WrongIdentityError
				require.ErrorAs(t, err, &wrong)
				require.Equal(t, string(account.GetUID()), wrong.WantUID)

				_, err = p.Ensure(t.Context(), link)
				require.ErrorAs(t, err, &wrong, "the new token is looked at too")
				plan, err := p.Plan(t.Context(), peering.Present, link)
				require.NoError(t, err)
				require.Nil(t, plan.Links[0].Error, "a wrong token is replaced, it is no failure")
				require.Contains(t, planned(plan), "mint created")
				lies.Store(false)
				plan, err = p.Plan(t.Context(), peering.Present, link)
				require.NoError(t, err)
				require.True(t, plan.Empty())
			})
		})
	}
}

func planned(p *peering.Plan) (steps []string) {
	for _, s := range p.Steps() {
		steps = append(steps, string(s.Stage)+" "+string(s.Action))
	}
	return steps
}

// TestUnknownAccountUIDIsNotCompared: a source may not tell it.
func TestUnknownAccountUIDIsNotCompared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, _, west, link := pair()
		p := &peering.Peering{Tokens: func(*peering.Cluster) secrets.TokenSource {
			return secrets.TokenSourceFunc(func(ctx context.Context, r secrets.Request) (secrets.Token, error) {
				token, err := durableIn(west, r).Token(ctx, r)
				ref := token.Ref()
				ref.ServiceAccountUID = ""
				return token.WithRef(ref), err
			})
		}}
		_, err := p.Ensure(t.Context(), link)
		require.NoError(t, err)
	})
}

// TestTokenThatIsNotOnRecord: somebody put another good token of the same account into the remote secret.
func TestTokenThatIsNotOnRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, east, west, link := pair()
		p := new(peering.Peering)
		_, err := p.Ensure(t.Context(), link)
		require.NoError(t, err)
		other, err := durableIn(west, secrets.Request{Namespace: "istio-system"}).Token(t.Context(), secrets.Request{ServiceAccount: "meshpeer-reader-east", Name: "by-hand"})
		require.NoError(t, err)
		built, err := secrets.Build(secrets.Remote{Cluster: "west", Endpoint: west.Endpoint, Token: other}, secrets.Options{})
		require.NoError(t, err)
		o, err := east.Get(t.Context(), secret("istio-remote-secret-west"))
		require.NoError(t, err)
		o.(*corev1.Secret).Data = built.Data
		_, err = east.Update(t.Context(), o)
		require.NoError(t, err)

		report, err := p.Ensure(t.Context(), link)
		require.NoError(t, err)
		require.Equal(t, "meshpeer-reader-east-2", report.Links[0].Credential.Name)
		require.NotEqual(t, other.Reveal(), bearerOf(t, east, west).Reveal())
		require.Equal(t, "the token is not the one on record", report.Links[0].Changes[3].Reason)
	})
}

// TestCanceledWaitUndoesNothing: UndoUnsynced is about istiods, not about a caller who gives up.
func TestCanceledWaitUndoesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, east, west, link := pair()
		east.Istiods.Stick("istiod-1", istiod.Syncing)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		report, err := (&peering.Peering{UndoUnsynced: true}).Ensure(ctx, link)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Empty(t, report.Links[0].Undone)
		require.NotEmpty(t, contents(t, east))
		require.NotEmpty(t, contents(t, west))
	})
}

// TestOldTokenOutlivesTheSettlingTime: an istiod that calls the cluster synced right after the change may speak of before.
func TestOldTokenOutlivesTheSettlingTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, east, west, link := pair()
		p := new(peering.Peering)
		_, err := p.Ensure(t.Context(), link)
		require.NoError(t, err)
		var shared, revoked time.Time
		east.After = func(c peeringtest.Call) error {
			if c.Verb == "update" && c.Kind == "Secret" {
				shared = time.Now()
			}
			return nil
		}
		west.Before = func(c peeringtest.Call) error {
			if c.Verb == "delete" && c.Kind == "Secret" {
				revoked = time.Now()
			}
			return nil
		}
		_, err = p.Rotate(t.Context(), link)
		require.NoError(t, err)
		require.GreaterOrEqual(t, revoked.Sub(shared), time.Second)
		require.Less(t, revoked.Sub(shared), 3*time.Second)
	})
}

// TestFreshAccountIsSomebodysWork: another run has just made the account and nothing else yet. It is given time to finish.
func TestFreshAccountIsSomebodysWork(t *testing.T) {
	for name, tt := range map[string]struct {
		run  string
		age  time.Duration
		p    peering.Peering
		want time.Duration
	}{
		"just made":       {run: "other", want: 30 * time.Second},
		"some time ago":   {run: "other", age: 20 * time.Second, want: 10 * time.Second},
		"long ago":        {run: "other", age: 31 * time.Second},
		"of no run":       {run: ""},
		"little patience": {run: "other", p: peering.Peering{LockTimeout: 2 * time.Second}, want: 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, _, west, link := pair()
				account := serviceAccount("meshpeer-reader-east")
				account.SetLabels(map[string]string{peering.LabelManagedBy: peering.ManagedBy, peering.LabelFrom: "east", peering.LabelTo: "west"})
				if tt.run != "" {
					account.SetAnnotations(map[string]string{peering.AnnotationRun: tt.run})
				}
				must(t, west, account)
				time.Sleep(tt.age)
				start, waited := time.Now(), 0
				tt.p.Observe = func(e peering.Event) {
					if e.Stage == peering.StageRead {
						waited++
						require.Equal(t, "ServiceAccount/istio-system/meshpeer-reader-east", e.Object)
					}
				}
				plan, err := tt.p.Plan(t.Context(), peering.Present, link)
				require.NoError(t, err)
				require.Nil(t, plan.Links[0].Error)
				took := time.Since(start)
				require.GreaterOrEqual(t, took, tt.want)
				require.Less(t, took, tt.want+2*time.Second)
				require.Equal(t, tt.want > 0, waited > 0)
			})
		})
	}
}

// TestRemoveOfAnObjectThatChanged: somebody touched our object after we looked. It is still ours, and goes.
func TestRemoveOfAnObjectThatChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, _, west, link := pair()
		p := new(peering.Peering)
		_, err := p.Ensure(t.Context(), link)
		require.NoError(t, err)
		var touched atomic.Bool
		west.Before = func(c peeringtest.Call) error {
			if c.Verb != "delete" || c.Kind != "ClusterRole" || !touched.CompareAndSwap(false, true) {
				return nil
			}
			role := clusterRole(t, west, "meshpeer-reader-east")
			role.SetAnnotations(map[string]string{"touched": "yes"})
			_, err := west.Update(t.Context(), role)
			return err
		}
		report, err := p.Remove(t.Context(), link)
		require.NoError(t, err)
		require.True(t, touched.Load())
		require.Empty(t, report.Links[0].Left)
	})
}

// TestFreshTokenIsSomebodysWork: another run has just made the next token. It is given time to share it.
func TestFreshTokenIsSomebodysWork(t *testing.T) {
	for name, tt := range map[string]struct {
		age, want time.Duration
	}{"just made": {0, 30 * time.Second}, "some time ago": {20 * time.Second, 10 * time.Second}, "long ago": {31 * time.Second, 0}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, _, west, link := pair()
				p := new(peering.Peering)
				_, err := p.Ensure(t.Context(), link)
				require.NoError(t, err)
				next := secret("meshpeer-reader-east-2")
				next.SetLabels(map[string]string{peering.LabelManagedBy: peering.ManagedBy, peering.LabelFrom: "east", peering.LabelTo: "west", peering.LabelGeneration: "2"})
				next.SetAnnotations(map[string]string{peering.AnnotationRun: "other"})
				must(t, west, next)
				time.Sleep(tt.age)
				start := time.Now()
				_, err = p.Plan(t.Context(), peering.Rotated, link)
				require.NoError(t, err)
				require.GreaterOrEqual(t, time.Since(start), tt.want)
				require.Less(t, time.Since(start), tt.want+2*time.Second)
			})
		})
	}
}
