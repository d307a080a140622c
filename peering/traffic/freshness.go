package traffic

import (
	"context"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/meshpeer/meshpeer/internal/invalid"
	"github.com/meshpeer/meshpeer/probe"
)

// Freshness measures how soon the istiods of from see a change in to. That one calls to synced tells of its first sync only: it
// stays so when the credential has died. The zero value is ready to use. It is a [Check] of one rung, discovery-fresh:
//
//	p := peering.Peering{Workload: traffic.All(traffic.Freshness{}, &traffic.Workload{})}
//
// The change is made in a canary, an EndpointSlice of its own in to, and every istiod of from is asked for its endpoints until it
// shows it. The canary cannot draw traffic: it belongs to no Service, is never ready, and its addresses are those of 192.0.2.0/24,
// which is for documentation (RFC 5737). It can be told by the labels app.kubernetes.io/managed-by=meshpeer and meshpeer.io/canary.
//
// It proves what is, not what will be: a watch that is open outlives the credential that opened it, until the API server ends it
// (Kubernetes' client asks for 5 to 10 minutes), so an istiod may still be fresh after its token was revoked.
//
// The caller needs in from what it takes to ask istiods, and in to get, list, create, update and delete on endpointslices of the
// namespace.
type Freshness struct {
	Namespace string        // of to, which From's istiods discover; "" is to's system namespace
	Within    time.Duration // an istiod that does not show the change so long after it is Failed; 0 is 5 s
	Slow      time.Duration // one that takes longer is Warned; 0 is 1 s
	// Keep is how long a [Canary] stays after its last look before others may take it for left behind; 0 is 10 minutes.
	Keep time.Duration
}

// FreshnessCheck is the Check of a Freshness's Result.
const FreshnessCheck = "discovery-fresh"

// filled has the defaults in place of zero.
func (f Freshness) filled(to Side) Freshness {
	if f.Namespace == "" {
		f.Namespace = to.namespace()
	}
	for _, field := range []struct {
		value *time.Duration
		zero  time.Duration
	}{{&f.Within, 5 * time.Second}, {&f.Slow, time.Second}, {&f.Keep, 10 * time.Minute}} {
		if *field.value == 0 {
			*field.value = field.zero
		}
	}
	return f
}

// Validate implements [Check]: it names the first field that cannot be.
func (f Freshness) Validate() error {
	if f.Namespace != "" {
		if wrong := validation.IsDNS1123Label(f.Namespace); len(wrong) > 0 {
			return invalid.Field("Freshness.Namespace", f.Namespace, "is not valid", strings.Join(wrong, "; "))
		}
	}
	for _, field := range []struct {
		name  string
		value time.Duration
	}{{"Within", f.Within}, {"Slow", f.Slow}, {"Keep", f.Keep}} {
		if field.value < 0 {
			return invalid.Field("Freshness."+field.name, field.value.String(), "is below zero", "give a duration, or 0 for the default")
		}
	}
	return nil
}

// Rungs implements [Check]: one look, by a canary that is deleted after it.
func (f Freshness) Rungs(from, to Side) []Rung {
	return []Rung{{StageSync, FreshnessCheck, "istiod", probe.ProberFunc(func(ctx context.Context) probe.Result {
		return f.Measure(ctx, from, to).Result()
	})}}
}

// Measure looks once, and deletes the canary.
func (f Freshness) Measure(ctx context.Context, from, to Side) (m Measured) {
	f = f.filled(to)
	f.Keep = f.Within + time.Minute // nobody looks again
	c := f.Canary(from, to)
	defer func() {
		if err := c.Close(ctx); err != nil {
			m.Left = append(m.Left, fit(err).Error())
		}
	}()
	return c.Look(ctx)
}

// Canary is for those who look again and again, such as a controller: it stays in to between looks, and each changes it. A look
// is one update then. Close it at the end.
func (f Freshness) Canary(from, to Side) *Canary {
	return &Canary{options: f.filled(to), from: from, to: to}
}

// Recover deletes the canaries in to that programs left behind which were killed: those whose deadline is over. The first look of
// every canary does so too. It returns what it deleted, and joins the errors of those that it could not delete.
func (f Freshness) Recover(ctx context.Context, to Side) (removed []string, err error) {
	f = f.filled(to)
	objects, err := to.writable()
	if err != nil {
		return nil, err
	}
	return f.sweep(ctx, objects, to)
}
