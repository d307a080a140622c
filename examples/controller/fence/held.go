package fence

import (
	"context"
	"fmt"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meshpeer/meshpeer/peering"
)

// callTimeout bounds the requests of one step about a Lease.
const callTimeout = 10 * time.Second

// held is a fence that this process has.
type held struct {
	*Fences
	to   peering.ID
	ctx  context.Context
	lose context.CancelCauseFunc

	lease *coordinationv1.Lease // as last written; the renewing goroutine's until that has ended
	sent  time.Time             // when the last renewal that arrived was sent
	ended chan struct{}
	once  sync.Once
}

func (f *Fences) hold(ctx context.Context, to peering.ID, lease *coordinationv1.Lease, sent time.Time) *held {
	h := &held{Fences: f, to: to, lease: lease, sent: sent, ended: make(chan struct{})}
	h.ctx, h.lose = context.WithCancelCause(ctx)
	go h.renew()
	return h
}

// release gives the fence up for the next one to take at once. What cannot be written is taken over after its time.
func (h *held) release() {
	h.once.Do(func() {
		h.lose(context.Canceled)
		<-h.ended
		ctx, cancel := context.WithTimeout(context.WithoutCancel(h.ctx), callTimeout)
		defer cancel()
		nobody := ""
		h.lease.Spec.HolderIdentity = &nobody
		_ = h.client.Update(ctx, h.lease) // under the resourceVersion of our own last write: nobody else's record is cleared
		h.unclaim(h.to)
	})
}

// until is when the context has to end if no renewal arrives.
func (h *held) until() time.Time { return h.sent.Add(h.o.Duration - h.o.Margin) }

// renew writes the Lease, three times before the context would have to end.
func (h *held) renew() {
	defer close(h.ended)
	for {
		select {
		case <-h.ctx.Done():
			return
		case <-time.After(min((h.o.Duration-h.o.Margin)/4, time.Until(h.until()))):
		}
		if time.Until(h.until()) <= 0 {
			h.lose(fmt.Errorf("%w: that of %s could not be renewed in time", ErrLost, h.to))
			return
		}
		if err := h.write(); err != nil {
			h.lose(err)
			return
		}
	}
}

// write renews once. Its error says that the Lease is another's; a request that failed is made again at the next turn.
func (h *held) write() error {
	limit := time.Now().Add(callTimeout)
	if h.until().Before(limit) {
		limit = h.until()
	}
	ctx, cancel := context.WithDeadline(h.ctx, limit)
	defer cancel()
	next, sent := h.lease.DeepCopy(), time.Now()
	h.sign(next)
	err := h.client.Update(ctx, next)
	switch {
	case err == nil:
		h.lease, h.sent = next, sent
	case apierrors.IsNotFound(err):
		return fmt.Errorf("%w: somebody deleted Lease %s", ErrLost, next.Name)
	case apierrors.IsConflict(err): // a renewal whose reply was lost, or somebody else
		live := &coordinationv1.Lease{}
		if err := h.client.Get(ctx, client.ObjectKeyFromObject(next), live); err != nil {
			return nil
		}
		if holder := holderOf(live); holder != h.identity || live.UID != h.lease.UID {
			return fmt.Errorf("%w: that of %s is held by %q", ErrLost, h.to, holder)
		}
		h.lease = live
	}
	return nil
}
