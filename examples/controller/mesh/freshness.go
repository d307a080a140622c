package mesh

import (
	"cmp"
	"context"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/examples/controller/api/v1alpha1"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/traffic"
	"github.com/meshpeer/meshpeer/probe"
)

// Freshness measures how long a change in To takes to reach every istiod of From.
type Freshness interface {
	// Measure looks once, and leaves nothing behind in To. within is how long each istiod has.
	Measure(ctx context.Context, link peering.Link, within time.Duration) traffic.Measured
}

// Canaries measure with an EndpointSlice that is deleted after each look. One that were kept would cost an update in place of five
// requests, and would have to be found again by the next leader.
type Canaries struct{}

// Measure implements Freshness.
func (Canaries) Measure(ctx context.Context, link peering.Link, within time.Duration) traffic.Measured {
	from, to := link.Sides()
	return traffic.Freshness{Within: within}.Measure(ctx, from, to)
}

// measures says whether the Mesh asks for it. A canary is a write into a member.
func (p *pass) measures() bool { return p.mesh.Spec.Freshness != nil && !p.observes() }

// atATime is how many links are measured side by side: each look reads the endpoints of every istiod of a From.
const atATime = 16

// measure asks how fresh From's knowledge of To is.
func (p *pass) measure(ctx context.Context, pairs []Pair) {
	if !p.measures() || len(pairs) == 0 {
		return
	}
	freshness := p.Freshness
	if freshness == nil {
		freshness = Canaries{}
	}
	links, _ := p.clusters(ctx, pairs, false) // of a link whose clusters cannot be connected to, Ready tells
	slots := make(chan struct{}, atATime)
	var wg sync.WaitGroup
	for _, link := range links {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			p.noteMeasured(pairOf(link), freshness.Measure(ctx, link, p.mesh.Spec.Freshness.Within.Duration))
		})
	}
	wg.Wait()
}

// noteMeasured writes down what one look showed. Where an istiod does not show the change, the figure is how long it was asked.
func (p *pass) noteMeasured(pair Pair, m traffic.Measured) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l, result := p.links[pair], m.Result()
	p.probed[pair] = time.Now()
	clearFaults(l, v1alpha1.DiscoveryFresh)
	switch result.Status {
	case probe.Passed, probe.Warned:
	case probe.Failed:
		setFault(l, v1alpha1.DiscoveryFresh, metav1.ConditionFalse, ReasonStale, result.Summary+": "+result.Hint)
	default:
		setFault(l, v1alpha1.DiscoveryFresh, metav1.ConditionUnknown, ReasonNotSeen, result.Summary+": "+result.Hint)
		return
	}
	if took, every := m.Slowest(); every {
		p.metrics().Freshness(p.key, pair, took, true)
	} else {
		p.metrics().Freshness(p.key, pair, cmp.Or(m.Took, p.mesh.Spec.Freshness.Within.Duration), false)
	}
}
