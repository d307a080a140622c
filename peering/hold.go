package peering

import (
	"context"
	"strconv"
	"sync"
	"time"
)

// holding is what a replica has of a remote cluster. After a rotation "synced" alone does not prove anything: it describes
// the first sync, and some versions lose endpoints or gateways when the credential changes.
type holding struct {
	hosts    map[string]bool // services with endpoints there
	gateways map[string]bool // network gateways there
}

// holding reads /debug/endpointShardz and /debug/networkz (pilot/pkg/xds/debug.go).
func (r Replica) holding(ctx context.Context, id ID) (*holding, error) {
	h := &holding{hosts: map[string]bool{}, gateways: map[string]bool{}}
	shards, err := r.shards(ctx)
	if err != nil {
		return nil, err
	}
	for host, namespaces := range shards {
		for namespace, s := range namespaces {
			if len(s.Shards["Kubernetes/"+id.String()]) > 0 {
				h.hosts[namespace+"/"+host] = true
			}
		}
	}
	gateways, err := r.gateways(ctx)
	if err != nil {
		return nil, err
	}
	for _, g := range gateways {
		if g.Cluster == id.String() {
			h.gateways[g.Network+" "+g.Addr+":"+strconv.Itoa(g.Port)] = true
		}
	}
	return h, nil
}

// covers says whether h has all that before had.
func (h *holding) covers(before *holding) bool {
	for _, pair := range [][2]map[string]bool{{before.hosts, h.hosts}, {before.gateways, h.gateways}} {
		for k := range pair[0] {
			if !pair[1][k] {
				return false
			}
		}
	}
	return true
}

// remember notes what every replica holds just before the remote secret changes. A replica that cannot tell is not compared.
func (w *work) remember(ctx context.Context) {
	var mu sync.Mutex
	held := map[string]*holding{}
	var wg sync.WaitGroup
	for _, r := range w.from.replicas {
		wg.Go(func() {
			if h, err := r.holding(ctx, w.To.ID); err == nil {
				mu.Lock()
				defer mu.Unlock()
				held[r.Name] = h
			}
		})
	}
	wg.Wait()
	w.held, w.changed = held, time.Now()
}

// settled is how long a replica is given to notice the changed Secret: it watches Secrets, and a swap was seen to take a
// tenth of that. Before, "synced" may still be about the old credential.
const settled = time.Second

// kept says whether a replica that is synced has again what it had.
func (w *work) kept(ctx context.Context, r Replica) bool {
	if !w.changed.IsZero() && time.Since(w.changed) < settled {
		return false
	}
	before := w.held[r.Name]
	if before == nil {
		return true
	}
	now, err := r.holding(ctx, w.To.ID)
	return err == nil && now.covers(before)
}
