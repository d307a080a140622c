package fence

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meshpeer/meshpeer/peering"
)

// Name of a cluster's Lease; its label peering.LabelTo has the ID whatever the name had to become.
func Name(to peering.ID) string {
	name := "meshpeer-to-" + to.String()
	if len(validation.IsDNS1123Subdomain(name)) == 0 {
		return name
	}
	sum := sha256.Sum256([]byte(to.String())) // an ID may have capitals and underscores, as Istio's "Kubernetes"
	return "meshpeer-to.sha256-" + hex.EncodeToString(sum[:16])
}

// take writes this process into the Lease, if it is free.
func (f *Fences) take(ctx context.Context, to peering.ID) (*coordinationv1.Lease, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	lease := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: Name(to)}}
	err := f.client.Get(ctx, client.ObjectKeyFromObject(lease), lease)
	if apierrors.IsNotFound(err) {
		lease.Labels = map[string]string{peering.LabelManagedBy: peering.ManagedBy, peering.LabelTo: to.String()}
		f.sign(lease)
		return f.won(to, lease, f.client.Create(ctx, lease))
	}
	if err != nil {
		return nil, fmt.Errorf("fence of %s: %w", to, err)
	}
	// A record of our own that nobody here claims is a release that did not arrive.
	if holder := holderOf(lease); holder != "" && holder != f.identity {
		if wait := f.remaining(to, lease); wait > 0 {
			return nil, &HeldError{To: to, Holder: holder, RetryAfter: wait}
		}
	}
	f.sign(lease)
	return f.won(to, lease, f.client.Update(ctx, lease))
}

// won tells a race that was lost from a request that failed.
func (f *Fences) won(to peering.ID, lease *coordinationv1.Lease, err error) (*coordinationv1.Lease, error) {
	switch {
	case err == nil:
		f.mu.Lock()
		delete(f.seen, to)
		f.mu.Unlock()
		return lease, nil
	case apierrors.IsAlreadyExists(err), apierrors.IsConflict(err):
		return nil, &HeldError{To: to, Holder: "another process, which was faster", RetryAfter: time.Second}
	}
	return nil, fmt.Errorf("fence of %s: %w", to, err)
}

// remaining is how long a record that is not written again still counts. What is seen for the first time counts in full: its
// renewTime is of somebody else's clock.
func (f *Fences) remaining(to peering.ID, lease *coordinationv1.Lease) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.seen[to].version != lease.ResourceVersion {
		f.seen[to] = record{lease.ResourceVersion, time.Now()}
	}
	counts := f.o.Duration
	if s := lease.Spec.LeaseDurationSeconds; s != nil {
		counts = max(counts, time.Duration(*s)*time.Second) // of a controller that was configured otherwise
	}
	return counts - time.Since(f.seen[to].since)
}

// sign makes the Lease this process's, as of now.
func (f *Fences) sign(lease *coordinationv1.Lease) {
	now, seconds := metav1.NowMicro(), int32((f.o.Duration+time.Second-1)/time.Second)
	if holderOf(lease) != f.identity {
		transitions := int32(0)
		if lease.Spec.LeaseTransitions != nil {
			transitions = *lease.Spec.LeaseTransitions + 1
		}
		lease.Spec.LeaseTransitions, lease.Spec.AcquireTime = &transitions, &now
	}
	lease.Spec.HolderIdentity, lease.Spec.LeaseDurationSeconds, lease.Spec.RenewTime = &f.identity, &seconds, &now
}

func holderOf(lease *coordinationv1.Lease) string {
	if lease.Spec.HolderIdentity == nil {
		return ""
	}
	return *lease.Spec.HolderIdentity
}
