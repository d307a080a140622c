package probe

import (
	"context"
	"fmt"
	"strings"
)

// Sighting is what was seen of a request that went wrong.
type Sighting struct {
	Response  Response   // the answer, if there was one
	Err       error      // why there was none, or what is wrong with it
	Endpoints []Endpoint // what the client's proxy has for the service, if it was read; nil says nothing
}

// Diagnosis is what most likely lies behind a [Sighting].
type Diagnosis struct {
	Symptom string // stable name
	Status  Status // Failed, or Unknown if the check itself could not be made
	Cause   string // one sentence
	Remedy  string // the next step
}

// Diagnose names the first symptom of the table that fits; "unexplained" if none does.
func Diagnose(seen Sighting) Diagnosis {
	for _, s := range symptoms {
		if s.fits(seen) {
			return s.Diagnosis
		}
	}
	return unexplained
}

var unexplained = Diagnosis{
	"unexplained", Failed, "it is none of the known symptoms",
	"look at the access logs of the client's proxy, the east-west gateway and the server's proxy, in this order",
}

// Explain is p, with a better diagnosis where it has Failed: what the client's proxy has for the service, by Envoy's name,
// tells a service that was not discovered from an address that cannot be reached.
func Explain(p Prober, proxy PilotAgent, service string) Prober {
	return ProberFunc(func(ctx context.Context) Result {
		r := guarded(ctx, p)
		if r.Status != Failed {
			return r
		}
		endpoints, err := proxy.Endpoints(ctx, service)
		if err != nil {
			r.Summary += "; the client's proxy could not be read"
			return r
		}
		if d := Diagnose(Sighting{Err: r.Err, Endpoints: endpoints}); d.Symptom != unexplained.Symptom {
			if !strings.HasSuffix(r.Summary, d.Cause) { // the prober may have come to the same
				r.Summary += "; " + d.Cause
			}
			r.Hint = d.Remedy
		}
		r.Summary += "; the client's proxy has " + listed(endpoints)
		return r
	})
}

func listed(endpoints []Endpoint) string {
	if len(endpoints) == 0 {
		return "no endpoint"
	}
	var parts []string
	for _, e := range endpoints[:min(len(endpoints), 10)] {
		parts = append(parts, fmt.Sprintf("%s (%s, %d failed to connect)", e.Address, e.Health, e.ConnectFailed))
	}
	if more := len(endpoints) - len(parts); more > 0 {
		parts = append(parts, fmt.Sprintf("%d more", more))
	}
	return strings.Join(parts, ", ")
}
