package cmd

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/meshpeer/meshpeer/examples/meshpeer/internal/members"
	"github.com/meshpeer/meshpeer/examples/meshpeer/internal/rollout"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/secrets"
)

// linkFlags say what a link is to be.
type linkFlags struct {
	profile    string
	account    string
	credential string
	lifetime   time.Duration
	tolerate   []string
	flavour    string
	sync       time.Duration
	undo       bool
	restart    bool
}

func (f *linkFlags) set() *pflag.FlagSet {
	set := pflag.NewFlagSet("link", pflag.ContinueOnError)
	set.StringVar(&f.profile, "profile", rbac.Minimal.String(), "role of each link's reader: minimal, asm, upstream or remote-control-plane")
	set.StringVar(&f.account, "account", "", "`[NAMESPACE/]NAME` of a ServiceAccount that is managed elsewhere and used by every link: no RBAC is written")
	set.StringVar(&f.credential, "credential", string(secrets.KindDurable), "token to mint: durable, or bound, which expires and asks for ensure before that")
	set.DurationVar(&f.lifetime, "lifetime", 0, "asked for, of a bound token")
	set.StringSliceVar(&f.tolerate, "tolerate", nil, "`CHECK` of the preflight whose failure does not stop a link")
	set.StringVar(&f.flavour, "flavour", string(preflight.ASM), "asm, or upstream: there, an istiod or gateway that is not found is missing, and not unknown")
	set.DurationVar(&f.sync, "sync-timeout", 0, "for istiods, until they read the other cluster (default 1m30s)")
	set.BoolVar(&f.undo, "undo-unsynced", false, "undo a link whose istiods did not read the other cluster in time")
	set.BoolVar(&f.restart, "restart-istiods", false, "restart the Deployments of istiods of versions that miss a changed remote secret (see docs/preflight.md)")
	return set
}

// restartTimeout bounds the restart of the istiods of one cluster.
const restartTimeout = 10 * time.Minute

func (a *app) restartIstiods(ctx context.Context, c *peering.Cluster) error {
	ctx, cancel := context.WithTimeout(ctx, restartTimeout)
	defer cancel()
	return rollout.Restart(ctx, c, a.istioNamespace(), a.istiodSelector())
}

// peering has the options of the flags.
func (a *app) peering() (*peering.Peering, error) {
	f := a.link
	profile, err := rbac.ParseProfile(f.profile)
	if err != nil {
		return nil, &members.UsageError{Text: "--profile: " + err.Error()}
	}
	if flavour := preflight.Flavour(f.flavour); flavour != preflight.ASM && flavour != preflight.Upstream {
		return nil, &members.UsageError{Text: fmt.Sprintf("--flavour %s: use asm or upstream", members.Quote(f.flavour))}
	}
	if kind := secrets.Kind(f.credential); kind != secrets.KindDurable && kind != secrets.KindBound {
		return nil, &members.UsageError{Text: fmt.Sprintf("--credential %s: use durable or bound", members.Quote(f.credential))}
	}
	p := &peering.Peering{
		Reader: rbac.Options{Profile: profile}, Credential: secrets.Kind(f.credential), Lifetime: f.lifetime, Tolerate: f.tolerate,
		Flavour: preflight.Flavour(f.flavour), SyncTimeout: f.sync, UndoUnsynced: f.undo, AwaitRefusal: true, Actor: a.Env("USER"),
	}
	if f.restart {
		p.RestartIstiods = a.restartIstiods
	}
	if f.account != "" {
		namespace, name, both := strings.Cut(f.account, "/")
		if !both {
			namespace, name = "", f.account
		}
		p.Account = &peering.Account{Namespace: namespace, Name: name}
	}
	return p, nil
}
