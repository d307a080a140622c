package probe

import (
	"context"
	"net/http"

	"github.com/meshpeer/meshpeer/internal/invalid"
)

// Asker sends one request and says which cluster answered. An error means that there was no good answer.
type Asker interface {
	Ask(ctx context.Context) (Attribution, error)
}

// AskerFunc is a function as an [Asker].
type AskerFunc func(ctx context.Context) (Attribution, error)

// Ask calls f.
func (f AskerFunc) Ask(ctx context.Context) (Attribution, error) { return f(ctx) }

// Locator knows to which cluster a pod name or an address belongs: a pod's, or an east-west gateway's, which stands for
// its cluster. It returns every cluster that has it, none if none does.
type Locator interface {
	Locate(ctx context.Context, podOrAddress string) (clusters []string, err error)
}

// LocatorFunc is a function as a [Locator].
type LocatorFunc func(ctx context.Context, podOrAddress string) ([]string, error)

// Locate calls f.
func (f LocatorFunc) Locate(ctx context.Context, podOrAddress string) ([]string, error) {
	return f(ctx, podOrAddress)
}

// Who asks an httpbin who it is, and compares its word with what the client's proxy counted and with what the clusters say
// is ready: check "answered-by". A sign whose fields are not set is left out; with fewer than two sources nothing is
// proved.
type Who struct {
	From Sender // nil: Direct{}
	URL  string // of the httpbin, e.g. http://httpbin:8000
	// Path is /hostname if "", which needs USE_REAL_HOSTNAME in the httpbin, or /env, which needs go-httpbin v2.16.0
	// and HTTPBIN_ENV_CLUSTER. The word and the answer come from one request: another cluster could answer a second.
	Path string

	Locator Locator // finds the pod that /hostname names, and the addresses that the proxy counted at

	// Proxy reads the client's proxy before and after; that sign says nothing if there is other traffic to the service in between.
	Proxy   *PilotAgent
	Service string // Envoy's name of the service, e.g. outbound|8000||httpbin.default.svc.cluster.local

	// LocalReady counts the ready endpoints in the client's own cluster. None, before and after, means that Elsewhere
	// answered: the only other cluster that has the service.
	LocalReady func(ctx context.Context) (int, error)
	Elsewhere  string
}

// Ask implements [Asker].
func (w Who) Ask(ctx context.Context) (Attribution, error) {
	if err := w.validate(); err != nil {
		return Attribution{Proof: Unproved}, err
	}
	before := w.look(ctx)
	url := under(w.URL, w.path())
	got, err := send(ctx, w.From, Request{URL: url})
	if err == nil && got.Status() != http.StatusOK {
		err = &AnswerError{URL: shownURL(url), Response: got, Want: "200"}
	}
	if err != nil {
		return Attribution{Proof: Unproved}, err
	}
	after := w.look(ctx)
	signs := []Sign{w.appSign(ctx, got)}
	if w.Proxy != nil {
		signs = append(signs, w.proxySign(ctx, before, after))
	}
	if w.LocalReady != nil {
		signs = append(signs, w.endpointSign(before, after))
	}
	return Attribute(signs...), nil
}

func (w Who) path() string {
	if w.Path == "" {
		return "/hostname"
	}
	return w.Path
}

func (w Who) validate() error {
	switch {
	case w.Path != "" && w.Path != "/hostname" && w.Path != "/env":
		return invalid.Field("Who.Path", w.Path, "it does not say who answers", "use /hostname or /env")
	case w.Proxy != nil && w.Service == "":
		return invalid.Field("Who.Service", "", "it is needed to read the Proxy", "write it like outbound|8000||httpbin.default.svc.cluster.local")
	case w.LocalReady != nil && w.Elsewhere == "":
		return invalid.Field("Who.Elsewhere", "", "it is needed with LocalReady", "name the only other cluster that has the service")
	}
	return nil
}

// Probe implements [Prober]: Passed if a cluster is proved, Warned if one is observed, else Unknown.
func (w Who) Probe(ctx context.Context) Result {
	return examine("answered-by", shownURL(w.URL), func() Result {
		a, err := w.Ask(ctx)
		if err != nil {
			return failed(Sighting{Err: err})
		}
		r := Result{Status: a.Proof.Status(), Summary: "answered by " + a.String()}
		if a.Proof != Proved {
			r.Hint = "give Who a second source: Proxy with a Locator, or LocalReady"
		}
		return r
	})
}
