// Command controller keeps the clusters of each Mesh peered: it makes links, renews their credentials, proves that they work, and
// revokes what a leaver or a deleted Mesh leaves. Package mesh is the controller as a library.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/meshpeer/meshpeer/examples/controller/api/v1alpha1"
	"github.com/meshpeer/meshpeer/examples/controller/fence"
	"github.com/meshpeer/meshpeer/examples/controller/members"
	"github.com/meshpeer/meshpeer/examples/controller/mesh"
	"github.com/meshpeer/meshpeer/examples/controller/metrics"
	"github.com/meshpeer/meshpeer/examples/controller/source"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/rbac"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := 0
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "controller:", err)
		code = 1
	}
	stop()
	os.Exit(code)
}

// run reads flags and runs the manager until ctx ends. Records of what was changed in members go to out, logs to errs.
func run(ctx context.Context, args []string, out, errs io.Writer) error {
	o, err := parse(args, errs)
	if err != nil {
		return err
	}
	config, err := ctrl.GetConfig()
	if err != nil {
		return err
	}
	log := logr.FromSlogHandler(slog.NewJSONHandler(errs, nil))
	ctrl.SetLogger(log)
	klog.SetLogger(log)
	mgr, err := newManager(config, o)
	if err != nil {
		return err
	}
	if err := setup(mgr, config, o, out); err != nil {
		return err
	}
	return mgr.Start(ctx)
}

func newManager(config *rest.Config, o options) (manager.Manager, error) {
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return nil, err
	}
	caches := cache.Options{ByObject: source.CacheOptions()}
	if o.namespace != "" {
		caches.DefaultNamespaces = map[string]cache.Config{o.namespace: {}}
	}
	// What a stop interrupts is undone within 30 s, and its status written; the Leases are released after that.
	grace := 60 * time.Second
	renew, retry := o.lease*2/3, o.lease/8
	return ctrl.NewManager(config, manager.Options{
		Scheme: scheme, Cache: caches,
		Metrics:                metricsserver.Options{BindAddress: o.metrics},
		HealthProbeBindAddress: o.health,
		LeaderElection:         o.leaderElect, LeaderElectionID: "meshpeer-controller", LeaderElectionNamespace: o.leaderNamespace,
		LeaderElectionReleaseOnCancel: true, LeaseDuration: &o.lease, RenewDeadline: &renew, RetryPeriod: &retry,
		GracefulShutdownTimeout: &grace,
	})
}

// setup puts the parts together.
func setup(mgr manager.Manager, config *rest.Config, o options, out io.Writer) error {
	live, err := client.New(config, client.Options{Scheme: mgr.GetScheme(), Mapper: mgr.GetRESTMapper()})
	if err != nil {
		return err
	}
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	told := metrics.New()
	if err := ctrlmetrics.Registry.Register(told); err != nil {
		return err
	}
	connections := members.New(told)
	r := &mesh.Reconciler{
		Client: mgr.GetClient(), Reader: mgr.GetAPIReader(), Events: mgr.GetEventRecorder("meshpeer-controller"),
		Sources: func(m *v1alpha1.Mesh) (mesh.Source, error) {
			return source.For(mgr.GetAPIReader(), o.membersDir, m)
		},
		Connector: connections, Metrics: told, SourceEvery: o.sourceEvery, RetryAfter: o.retryAfter, ObserveOnly: o.observe,
		Base: peering.Peering{
			Reader: rbac.Options{Profile: o.profile}, Flavour: o.flavour, Tolerate: o.tolerate, LockTimeout: o.lockTimeout,
			Audit: peering.AuditTo(out), Actor: host, Observe: tell(mgr.GetLogger().WithName("peering")),
		},
	}
	if !o.observe {
		r.Fence = fence.New(live, o.leaderNamespace, host+"-"+rand.Text(), fence.Options{Duration: o.fence})
	}
	// A refused credential makes the source due: it may have another one by now.
	connections.Refused = func(name types.NamespacedName, _ peering.ID) { r.Poke(name) }
	if err := r.SetupWithManager(mgr, func(b *builder.Builder) error { return source.Watch(b, mgr, o.membersDir) }); err != nil {
		return err
	}
	if err := mgr.Add(manager.RunnableFunc(func(ctx context.Context) error {
		<-ctx.Done()
		connections.Close()
		return nil
	})); err != nil {
		return err
	}
	return errors.Join(mgr.AddHealthzCheck("ping", healthz.Ping), mgr.AddReadyzCheck("caches", synced(mgr)))
}

// tell logs what fails and what is waited for, once while it stays the same: what was changed is on record elsewhere.
func tell(log logr.Logger) func(peering.Event) {
	var last sync.Map // link and object -> what was said of it
	return func(e peering.Event) {
		key, text := fmt.Sprint(e.From, e.To, e.On, e.Object), e.Reason+e.Error
		if e.Action != "" && e.Error == "" {
			last.Delete(key)
			return
		}
		if before, told := last.Swap(key, text); !told || before != text {
			log.Info(string(e.Stage), "from", e.From.String(), "to", e.To.String(), "on", e.On.String(), "object", e.Object, "reason", e.Reason, "error", e.Error)
		}
	}
}
