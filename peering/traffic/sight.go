package traffic

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/meshpeer/meshpeer/internal/printable"
	"github.com/meshpeer/meshpeer/peering/istiod"
)

// Sight is what one istiod showed of a change.
type Sight struct {
	Replica string
	// After is how long after the change was sent the istiod was seen to show it, at most: the time of the write and of the
	// request that showed it are in it. If not Seen, it is how long it was seen not to show it.
	After time.Duration
	Seen  bool
	// Status is what an istiod that did not show it says of To.
	Status istiod.Status
	// Err is why the istiod could not be asked: whether it shows the change is unknown then.
	Err error
}

const (
	firstLook = 20 * time.Millisecond  // the first pause between two looks at one istiod
	lastLook  = 500 * time.Millisecond // the longest, unless its documents take longer
	oneLook   = 30 * time.Second       // for one document: that of a large mesh has some 60 MB
	lists     = 4                      // how often istiods are listed for one look
)

var errRestless = errors.New("istiods come and go: look again when a rollout is over")

// watch looks at all istiods at once, until each shows the change or Within is over, and then at those that have come meanwhile.
// One that has gone does not count.
func (c *Canary) watch(ctx context.Context, m mark, replicas []istiod.Replica) ([]Sight, error) {
	seen := map[string]Sight{}
	key := func(r istiod.Replica) string { return r.Name + " " + r.UID }
	for range lists {
		ask := slices.DeleteFunc(slices.Clone(replicas), func(r istiod.Replica) bool { _, asked := seen[key(r)]; return asked })
		sights := make([]Sight, len(ask))
		var wg sync.WaitGroup
		for i, r := range ask {
			wg.Go(func() { sights[i] = c.observe(ctx, m, r) })
		}
		wg.Wait()
		for i, r := range ask {
			seen[key(r)] = sights[i]
		}
		now, err := c.from.istiods(ctx)
		if err != nil {
			return sorted(seen), err
		}
		all := map[string]Sight{}
		for _, r := range now {
			if s, ok := seen[key(r)]; ok {
				all[key(r)] = s
			}
		}
		if len(all) == len(now) {
			return sorted(all), nil
		}
		replicas = now
	}
	return sorted(seen), errRestless
}

func sorted(all map[string]Sight) (sights []Sight) {
	for _, s := range all {
		sights = append(sights, s)
	}
	slices.SortFunc(sights, func(a, b Sight) int { return strings.Compare(a.Replica, b.Replica) })
	return sights
}

// observe asks one istiod until it shows the change. It is not fresh only if a document lacks the change that was asked for when
// Within was over.
func (c *Canary) observe(ctx context.Context, m mark, r istiod.Replica) Sight {
	name, deadline := printable.Line(r.Name), m.done.Add(c.options.Within)
	for pause := firstLook; ; pause = min(2*pause, lastLook) {
		asked := time.Now()
		shown, err := c.shows(ctx, m, r)
		now := time.Now()
		switch {
		case err == nil && shown:
			return Sight{Replica: name, After: now.Sub(m.sent), Seen: true}
		case ctx.Err() != nil:
			return Sight{Replica: name, Err: context.Cause(ctx)}
		case asked.Before(deadline):
		case err != nil:
			return Sight{Replica: name, Err: fit(err)}
		default:
			status, _ := r.Status(ctx, c.to.ID, "")
			return Sight{Replica: name, After: asked.Sub(m.done), Status: istiod.Status(printable.Line(string(status)))}
		}
		// An istiod is not kept busy with documents: it has half of the time for itself.
		wait := min(max(pause, now.Sub(asked)), deadline.Sub(now))
		if wait <= 0 { // the last look; no timer that is due at once, see istiod's poll
			continue
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
	}
}

// shows says whether an istiod has the endpoint of the change.
func (c *Canary) shows(ctx context.Context, m mark, r istiod.Replica) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, oneLook)
	defer cancel()
	endpoints, err := r.Endpoints(ctx, c.to.ID, c.options.Namespace, canaryService)
	return slices.ContainsFunc(endpoints, func(e istiod.ShardEndpoint) bool {
		return e.ServicePortName == m.portName && (e.Address == m.address || slices.Contains(e.Addresses, m.address))
	}), err
}
