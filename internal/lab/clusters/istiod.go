//go:build linux

package clusters

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/internal/lab/network"
)

// Istiod is one replica of a cluster's control plane.
type Istiod struct {
	// Name of the Pod in istio-system, e.g. istiod-1, and of the log.
	Name string
	// Cluster whose API server is its configuration source.
	Cluster *Cluster

	revision *revision
	box      *network.Box
	program  *program
}

// Stop ends the process; its Pod stays and becomes not Ready. A no-op when it is not running.
func (i *Istiod) Stop() error {
	i.program.stop(2 * time.Second)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return i.report(ctx, false)
}

// Remove ends the process and deletes its Pod, as a rollout does with a replica that it replaces.
func (i *Istiod) Remove(ctx context.Context) error {
	i.program.stop(2 * time.Second)
	if i.Cluster.options.Hosted {
		return nil
	}
	return i.Cluster.api.do(ctx, "DELETE", "/api/v1/namespaces/"+istioSystem+"/pods/"+i.Name+"?gracePeriodSeconds=0", "", nil, nil)
}

// Start makes the Pod if it is not there, starts the process, and waits until both are ready. A no-op when they are.
func (i *Istiod) Start(ctx context.Context) error {
	if err := i.register(ctx); err != nil {
		return err
	}
	if err := i.program.start(); err != nil {
		return err
	}
	err := i.program.await(ctx, func(ctx context.Context) error {
		_, err := i.get(ctx, portHTTP, "/ready")
		return err
	})
	if err != nil {
		return err
	}
	return i.report(ctx, true)
}

// startIstiods starts all replicas at once. They wait by themselves for the custom resources.
func (c *Cluster) startIstiods(ctx context.Context) error {
	if len(c.Istiods) == 0 {
		return nil
	}
	if !c.options.Hosted {
		account := corev1.ServiceAccount{
			TypeMeta:                     metav1.TypeMeta{APIVersion: "v1", Kind: "ServiceAccount"},
			ObjectMeta:                   metav1.ObjectMeta{Name: "istiod", Namespace: istioSystem},
			AutomountServiceAccountToken: new(bool),
		}
		if err := c.api.apply(ctx, "/api/v1/namespaces/"+istioSystem+"/serviceaccounts/istiod", account); err != nil {
			return err
		}
	}
	tasks := make([]func(context.Context) error, len(c.Istiods))
	for n, istiod := range c.Istiods {
		tasks[n] = istiod.Start
	}
	return parallel(ctx, tasks...)
}

// newIstiod writes the files of the n-th replica of a revision, n from 1, and composes its command line
// (pilot/cmd/pilot-discovery/app/cmd.go).
func (c *Cluster) newIstiod(r *revision, n int) (*Istiod, error) {
	name := fmt.Sprintf("istiod%s-%d", r.suffix(), n)
	box, err := c.net.Pod(len(c.Istiods)+1, portHTTP, portXDSPlain, portXDS, portMonitor)
	if err != nil {
		return nil, err
	}
	i := &Istiod{Name: name, Cluster: c, revision: r, box: box, program: c.program("pilot-discovery")}
	p := i.program
	p.bin = r.istio.Bin
	p.name, p.dir, p.box = c.ID+"/"+name, filepath.Join(c.dir, name), box
	p.onExit = func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = i.report(ctx, false)
	}
	for _, dir := range []string{"etc/istio/config", "var/lib/istio/inject"} {
		if err := os.MkdirAll(filepath.Join(p.dir, dir), 0o700); err != nil {
			return nil, fmt.Errorf("lab: %w", err)
		}
	}
	for file, text := range map[string]string{"mesh.yaml": c.meshConfig(r), "networks.yaml": "networks: {}\n"} {
		if err := os.WriteFile(filepath.Join(p.dir, file), []byte(text), 0o600); err != nil {
			return nil, fmt.Errorf("lab: %w", err)
		}
	}
	if err := c.writeKubeconfig(filepath.Join(p.dir, "kubeconfig"), userIstiod); err != nil {
		return nil, err
	}
	p.args = []string{
		"pilot-discovery", "discovery", "--kubeconfig", "kubeconfig", "--clusterID", c.ID,
		"--meshConfig", "mesh.yaml", "--networksConfig", "networks.yaml", "--ctrlz_port", "0", "--httpsAddr", c.webhooks(),
		"--httpAddr", box.Listen(portHTTP), "--grpcAddr", box.Listen(portXDSPlain),
		"--secureGRPCAddr", box.Listen(portXDS), "--monitoringAddr", box.Listen(portMonitor),
	}
	env := i.env()
	for _, key := range slices.Sorted(maps.Keys(env)) {
		p.env = append(p.env, key+"="+env[key])
	}
	return i, nil
}

// meshConfig keeps proxies small and their ends quick.
func (c *Cluster) meshConfig(r *revision) string {
	proxy := fmt.Sprintf("meshId: lab, discoveryAddress: \"istiod%s.istio-system.svc:15012\"", r.suffix())
	if c.lab.plane != nil {
		proxy += fmt.Sprintf(", concurrency: 1, binaryPath: %q, terminationDrainDuration: 1s", c.lab.envoy)
	}
	return c.options.Topology.meshConfig() + "rootNamespace: istio-system\ndefaultConfig: {" + proxy + "}\n"
}

// webhooks is where istiod serves injection.
func (c *Cluster) webhooks() string {
	if c.lab.plane == nil {
		return ""
	}
	return ":15017"
}

func (i *Istiod) env() map[string]string {
	c := i.Cluster
	env := map[string]string{
		"POD_NAMESPACE": istioSystem, "POD_NAME": i.Name, "CLUSTER_ID": c.ID, "REVISION": i.revision.name,
		"JWT_POLICY": "third-party-jwt", "PILOT_CERT_PROVIDER": "istiod", "ROOT_CA_DIR": filepath.Join(c.dir, "cacerts"),
		"PILOT_ENABLE_ANALYSIS": "false", "INJECT_ENABLED": "false",
		"INJECTION_WEBHOOK_CONFIG_NAME": "", "VALIDATION_WEBHOOK_CONFIG_NAME": "",
		// Stock Envoy lacks Istio's own filters.
		"PILOT_ENABLE_ALPN_FILTER": "false", "PILOT_ENABLE_METADATA_EXCHANGE": "false", "PILOT_DISABLE_MX_ALPN": "true",
	}
	if t := c.options.RemoteClusterTimeout; t > 0 {
		env["PILOT_REMOTE_CLUSTER_TIMEOUT"] = t.String()
	}
	if c.options.Hosted {
		env["PILOT_MULTICLUSTER_KUBECONFIG_PATH"] = filepath.Join(c.dir, "remotes")
	}
	if c.lab.plane != nil {
		env["INJECT_ENABLED"], env["INJECTION_WEBHOOK_CONFIG_NAME"] = "true", "istio-sidecar-injector"+i.revision.suffix()
	}
	maps.Copy(env, c.options.IstiodEnv)
	return env
}

func (c *Cluster) istiodPrograms() []*program {
	var all []*program
	for _, i := range c.Istiods {
		all = append(all, i.program)
	}
	return all
}
