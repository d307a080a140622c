package main

import (
	"context"
	"errors"
	"flag"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/rbac"
)

// options are the flags.
type options struct {
	namespace, membersDir                              string
	leaderElect, observe                               bool
	leaderNamespace                                    string
	metrics, health                                    string
	lease, fence, sourceEvery, retryAfter, lockTimeout time.Duration
	profile                                            rbac.Profile
	flavour                                            preflight.Flavour
	tolerate                                           []string
}

func parse(args []string, errs io.Writer) (o options, err error) {
	flags := flag.NewFlagSet("controller", flag.ContinueOnError)
	flags.SetOutput(errs)
	flags.StringVar(&o.namespace, "namespace", "", "of the Meshes to keep; empty: all namespaces")
	flags.StringVar(&o.membersDir, "members-dir", "", "directory of files that spec.members.file may name")
	flags.BoolVar(&o.leaderElect, "leader-elect", false, "run only while holding the leader's Lease, for more than one replica")
	flags.StringVar(&o.leaderNamespace, "leader-namespace", namespace(), "of the leader's Lease and of the fences")
	flags.StringVar(&o.metrics, "metrics-bind-address", ":8080", "0 serves none")
	flags.StringVar(&o.health, "health-probe-bind-address", ":8081", "of /healthz and /readyz")
	flags.BoolVar(&o.observe, "observe", false, "treat every Mesh as of mode Observe: needs no right to write into members")
	flags.DurationVar(&o.lease, "lease-duration", 15*time.Second, "of the leader's Lease")
	flags.DurationVar(&o.fence, "fence-duration", 90*time.Second, "how long the Lease of a killed replica keeps others from its links")
	flags.DurationVar(&o.sourceEvery, "source-every", time.Minute, "how often members are read, besides when their source changes")
	flags.DurationVar(&o.retryAfter, "retry-after", time.Minute, "when a link that failed is tried again")
	flags.DurationVar(&o.lockTimeout, "lock-timeout", 30*time.Second, "after which what a killed process began on a link is taken over; the fence comes before it")
	profile := flags.String("reader-profile", rbac.Minimal.String(), "what each link's reader may do: asm, upstream, remote-control-plane or minimal")
	flavour := flags.String("flavour", string(preflight.Upstream), "who runs the control planes: asm or upstream")
	tolerate := flags.String("tolerate", "", "preflight checks whose failure stops no link, joined by commas")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, errors.New("unexpected argument " + flags.Arg(0))
	}
	if o.leaderNamespace == "" && !o.observe {
		return o, errors.New("-leader-namespace is empty, and this is no Pod that would say: name the namespace of the Leases")
	}
	if o.lease < 2*time.Second || o.fence < time.Second || o.sourceEvery < time.Second || o.retryAfter < time.Second {
		return o, errors.New("-lease-duration is at least 2s, -fence-duration, -source-every and -retry-after are at least 1s")
	}
	o.profile, err = rbac.ParseProfile(*profile)
	o.flavour = preflight.Flavour(*flavour)
	if o.flavour != preflight.ASM && o.flavour != preflight.Upstream {
		err = errors.Join(err, errors.New("-flavour is asm or upstream, not "+*flavour))
	}
	if *tolerate != "" {
		o.tolerate = strings.Split(*tolerate, ",")
	}
	return o, err
}

// namespace of the Pod that this runs in; "" outside of one.
func namespace() string {
	name, err := os.ReadFile("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(name))
}

// synced is ready once the caches are, in a replica that does not lead too.
func synced(mgr manager.Manager) healthz.Checker {
	return func(r *http.Request) error {
		ctx, cancel := context.WithTimeout(r.Context(), time.Second)
		defer cancel()
		if !mgr.GetCache().WaitForCacheSync(ctx) {
			return errors.New("the caches are not synced")
		}
		return nil
	}
}
