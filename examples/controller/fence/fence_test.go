package fence_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/meshpeer/meshpeer/examples/controller/fence"
	"github.com/meshpeer/meshpeer/examples/controller/mesh"
	"github.com/meshpeer/meshpeer/peering"
)

var (
	_    mesh.Fence = (*fence.Fences)(nil)
	east            = peering.MustID("east")
)

func server(t *testing.T) client.WithWatch {
	t.Helper()
	scheme := runtime.NewScheme()
	require.NoError(t, coordinationv1.AddToScheme(scheme))
	return fake.NewClientBuilder().WithScheme(scheme).Build()
}

// cut is a connection that can be cut off; a write may take effect with its reply lost.
type cut struct{ off, deaf atomic.Bool }

var errCut = errors.New("connection refused")

func (c *cut) through(to client.WithWatch) client.Client {
	return interceptor.NewClient(to, interceptor.Funcs{
		Get: func(ctx context.Context, to client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
			if c.off.Load() {
				return errCut
			}
			return to.Get(ctx, key, o, opts...)
		},
		Update: func(ctx context.Context, to client.WithWatch, o client.Object, opts ...client.UpdateOption) error {
			if c.off.Load() {
				return errCut
			}
			err := to.Update(ctx, o.DeepCopyObject().(client.Object), opts...)
			if c.deaf.Load() {
				return errCut
			}
			if err == nil {
				err = to.Get(ctx, client.ObjectKeyFromObject(o), o)
			}
			return err
		},
	})
}

// TestOneAtATime: whoever was cut off has stopped before the other may begin.
func TestOneAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api, line := server(t), new(cut)
		first := fence.New(line.through(api), "meshpeer-system", "first", fence.Options{})
		second := fence.New(api, "meshpeer-system", "second", fence.Options{})
		held, release, err := first.Hold(t.Context(), east)
		require.NoError(t, err)

		for range 20 { // as long as the first renews, nobody else gets in
			time.Sleep(time.Minute)
			_, _, err = second.Hold(t.Context(), east)
			require.ErrorIs(t, err, mesh.ErrHeld)
			require.ErrorContains(t, err, "first")
			require.NoError(t, held.Err())
		}

		line.off.Store(true)
		began := time.Now()
		var ended time.Time
		go func() {
			<-held.Done()
			ended = time.Now()
		}()
		var other context.Context
		var otherRelease func()
		for other == nil {
			time.Sleep(time.Second)
			other, otherRelease, err = second.Hold(t.Context(), east)
			require.Less(t, time.Since(began), 3*time.Minute, "taken over after its time")
		}
		require.NoError(t, err)
		require.ErrorIs(t, context.Cause(held), fence.ErrLost)
		require.False(t, ended.IsZero())
		require.GreaterOrEqual(t, time.Since(ended), 44*time.Second, "the margin is for what is undone after the end")

		line.off.Store(false)
		release() // late, and of a record that is not its own any more
		time.Sleep(time.Hour)
		require.NoError(t, other.Err(), "the successor keeps it")
		otherRelease()
		require.ErrorIs(t, other.Err(), context.Canceled)
	})
}

func TestReleasedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := server(t)
		first := fence.New(api, "meshpeer-system", "first", fence.Options{})
		second := fence.New(api, "meshpeer-system", "second", fence.Options{})
		ctx, cancel := context.WithCancel(t.Context())
		held, release, err := first.Hold(ctx, east)
		require.NoError(t, err)
		_, _, err = first.Hold(ctx, east)
		require.ErrorIs(t, err, mesh.ErrHeld, "two goroutines of a process are two")

		cancel()
		<-held.Done()
		_, _, err = second.Hold(t.Context(), east)
		require.ErrorIs(t, err, mesh.ErrHeld, "what the first undoes is still behind its fence")
		release()
		release()
		_, release, err = second.Hold(t.Context(), east)
		require.NoError(t, err)
		release()
		_, release, err = first.Hold(t.Context(), east)
		require.NoError(t, err)
		release()

		var leases coordinationv1.LeaseList
		require.NoError(t, api.List(t.Context(), &leases))
		require.Len(t, leases.Items, 1)
		require.Equal(t, "meshpeer-to-east", leases.Items[0].Name)
		require.Empty(t, *leases.Items[0].Spec.HolderIdentity)
		require.EqualValues(t, 2, *leases.Items[0].Spec.LeaseTransitions)
	})
}

// A renewal whose reply was lost is no loss; one that never arrives is.
func TestLostReplies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api, line := server(t), new(cut)
		fences := fence.New(line.through(api), "meshpeer-system", "first", fence.Options{})
		held, release, err := fences.Hold(t.Context(), east)
		require.NoError(t, err)
		line.deaf.Store(true)
		time.Sleep(20 * time.Second)
		line.deaf.Store(false)
		time.Sleep(10 * time.Minute)
		require.NoError(t, held.Err())

		line.off.Store(true)
		release() // does not arrive
		line.off.Store(false)
		_, release, err = fences.Hold(t.Context(), east)
		require.NoError(t, err, "its own record keeps nobody out but others")
		release()
	})
}

func TestLostAtOnce(t *testing.T) {
	for name, take := range map[string]func(context.Context, client.Client, *coordinationv1.Lease) error{
		"deleted": func(ctx context.Context, c client.Client, l *coordinationv1.Lease) error { return c.Delete(ctx, l) },
		"taken": func(ctx context.Context, c client.Client, l *coordinationv1.Lease) error {
			somebody := "somebody"
			l.Spec.HolderIdentity = &somebody
			return c.Update(ctx, l)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := server(t)
				held, release, err := fence.New(api, "meshpeer-system", "first", fence.Options{}).Hold(t.Context(), east)
				require.NoError(t, err)
				defer release()
				lease := &coordinationv1.Lease{}
				require.NoError(t, api.Get(t.Context(), client.ObjectKey{Namespace: "meshpeer-system", Name: "meshpeer-to-east"}, lease))
				require.NoError(t, take(t.Context(), api, lease))
				time.Sleep(15 * time.Second)
				require.ErrorIs(t, context.Cause(held), fence.ErrLost)
			})
		})
	}
}

// Of many that find it free at the same moment one gets it.
func TestRace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := server(t)
		var won atomic.Int32
		for i := range 8 {
			go func() {
				_, release, err := fence.New(api, "meshpeer-system", string(rune('a'+i)), fence.Options{}).Hold(t.Context(), east)
				if err == nil {
					won.Add(1)
					time.Sleep(time.Second)
					release()
				} else if !errors.Is(err, mesh.ErrHeld) {
					t.Error(err)
				}
			}()
		}
		synctest.Wait()
		require.EqualValues(t, 1, won.Load())
		time.Sleep(2 * time.Second)
	})
}

func TestNoAnswerIsNotHeld(t *testing.T) {
	line := new(cut)
	line.off.Store(true)
	_, _, err := fence.New(line.through(server(t)), "meshpeer-system", "first", fence.Options{}).Hold(t.Context(), east)
	require.ErrorIs(t, err, errCut)
	require.NotErrorIs(t, err, mesh.ErrHeld)
}

func TestName(t *testing.T) {
	kubernetes, err := peering.ParseIstioID("Kubernetes")
	require.NoError(t, err)
	lower, err := peering.ParseIstioID("kubernetes")
	require.NoError(t, err)
	require.Equal(t, "meshpeer-to-kubernetes", fence.Name(lower))
	require.Regexp(t, `^meshpeer-to\.sha256-[0-9a-f]{32}$`, fence.Name(kubernetes))
}
