//go:build linux

package clusters

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"k8s.io/client-go/rest"

	"github.com/meshpeer/meshpeer/internal/lab/audit"
	"github.com/meshpeer/meshpeer/internal/lab/dataplane"
	"github.com/meshpeer/meshpeer/internal/lab/network"
	"github.com/meshpeer/meshpeer/internal/lab/pki"
)

// Cluster is one running cluster.
type Cluster struct {
	// ID is the cluster ID its istiods run under; Network the label topology.istio.io/network of istio-system.
	ID, Network string
	// Config is for the user "admin" of group system:masters. Copy it before changing it.
	Config *rest.Config
	// Kubeconfig is the path of a file (mode 0600) with the same credential.
	Kubeconfig string
	// Server is the API server's URL, CA the certificate it is verified with (PEM; another one for each cluster).
	Server string
	CA     []byte
	// Istiods are the replicas, in the order of their names istiod-1, istiod-2 …, then those of further revisions.
	Istiods []*Istiod

	options     ClusterOptions
	lab         *Lab
	dir         string
	net         network.Network
	ca          *pki.Authority
	tokens      map[string]string // user → static token
	api         *api
	etcd        *program
	apiserver   *program
	controllers *program
	agent       *nodeAgent
	revisions   []*revision // the default one first; none without istiod
	plane       *dataplane.Plane
}

// users of the static token file. All but UserLimited are in the group system:masters.
const (
	// UserAdmin is the user that Cluster.Config acts as.
	UserAdmin = "admin"
	// UserLimited may authenticate and nothing else.
	UserLimited = "limited"

	userControllers = "lab-controllers"
	userIstiod      = "lab-istiod"
	userLab         = "lab"
)

var users = []string{UserAdmin, userControllers, userIstiod, userLab, UserLimited}

// newCluster makes files, addresses and configurations; nothing runs yet.
func newCluster(l *Lab, o ClusterOptions, index int) (*Cluster, error) {
	c := &Cluster{
		ID: o.ID, Network: o.Network, options: o, lab: l, dir: filepath.Join(l.Dir, o.ID),
		tokens: map[string]string{}, agent: &nodeAgent{server: &http.Server{}, boxes: map[string]*network.Box{}},
	}
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return nil, fmt.Errorf("lab: %w", err)
	}
	var err error
	if c.net, err = network.New(index, l.Loopback); err != nil {
		return nil, err
	}
	if c.ca, err = pki.New(o.ID + " kubernetes"); err != nil {
		return nil, fmt.Errorf("lab: %w", err)
	}
	for _, user := range users {
		secret := make([]byte, 16)
		if _, err := rand.Read(secret); err != nil {
			return nil, fmt.Errorf("lab: %w", err)
		}
		c.tokens[user] = hex.EncodeToString(secret)
	}
	c.CA, c.Server = c.ca.PEM, "https://"+c.net.Server().String()
	if c.Config, err = c.ConfigFor(UserAdmin); err != nil {
		return nil, err
	}
	own, err := c.ConfigFor(userLab)
	if err != nil {
		return nil, err
	}
	if c.api, err = newAPI(own); err != nil {
		return nil, err
	}
	c.Kubeconfig = filepath.Join(c.dir, "kubeconfig")
	if err := c.writeKubeconfig(c.Kubeconfig, UserAdmin); err != nil {
		return nil, err
	}
	return c, c.prepare(index)
}

// ConfigFor is a new rest.Config for a user of the static token file: UserAdmin or UserLimited.
func (c *Cluster) ConfigFor(user string) (*rest.Config, error) {
	if !slices.Contains(users, user) {
		return nil, fmt.Errorf("lab: no user %q: there are %q and %q", user, UserAdmin, UserLimited)
	}
	return &rest.Config{
		Host:            c.Server,
		BearerToken:     c.tokens[user],
		TLSClientConfig: rest.TLSClientConfig{CAData: c.CA},
	}, nil
}

// start brings the cluster up to Ready istiods.
func (c *Cluster) start(ctx context.Context) error {
	began := time.Now()
	if err := parallel(ctx, c.startEtcd, c.prepareInjection); err != nil {
		return err
	}
	if err := c.StartAPIServer(ctx); err != nil {
		return err
	}
	c.lab.say("%s: API server %s is ready after %.1f s", c.ID, c.Server, time.Since(began).Seconds())
	if err := c.controllers.start(); err != nil {
		return err
	}
	if err := c.bootstrap(ctx); err != nil {
		return err
	}
	if len(c.Istiods) > 0 {
		c.lab.say("%s: %d istiod ready after %.1f s", c.ID, len(c.Istiods), time.Since(began).Seconds())
	}
	return c.startPlane(ctx)
}

// stop ends the processes; API server before etcd, without which it would hang.
func (c *Cluster) stop() {
	tasks := []func(context.Context) error{}
	for _, p := range append(c.istiodPrograms(), c.controllers) {
		tasks = append(tasks, func(context.Context) error { p.stop(time.Second); return nil })
	}
	tasks = append(tasks, func(context.Context) error { c.plane.Stop(); return nil })
	_ = parallel(context.Background(), tasks...)
	c.agent.close()
	c.apiserver.stop(2 * time.Second)
	c.etcd.stop(time.Second)
}

// StopAPIServer ends kube-apiserver; etcd keeps its data. Clients see a refused connection.
func (c *Cluster) StopAPIServer() { c.apiserver.stop(2 * time.Second) }

// StartAPIServer starts kube-apiserver at its old address and waits until /readyz says ok.
func (c *Cluster) StartAPIServer(ctx context.Context) error {
	if err := c.apiserver.start(); err != nil {
		return err
	}
	return c.apiserver.await(ctx, func(ctx context.Context) error {
		return c.api.do(ctx, "GET", "/readyz", "", nil, nil)
	})
}

// PauseControllers freezes kube-controller-manager (SIGSTOP), so that no token Secret is filled and no Deployment acts.
func (c *Cluster) PauseControllers() error { return c.controllers.signal(syscall.SIGSTOP) }

// ResumeControllers undoes PauseControllers.
func (c *Cluster) ResumeControllers() error { return c.controllers.signal(syscall.SIGCONT) }

const auditFile = "audit.log"

// Audit marks the end of the audit log. Every request that was answered before is in front of the mark.
func (c *Cluster) Audit() audit.Mark { return audit.End(c.AuditLog()) }

// AuditLog is the file with the whole audit log, a line of JSON for each event.
func (c *Cluster) AuditLog() string { return filepath.Join(c.dir, auditFile) }

// AuditSince returns the requests logged after the mark: see audit.Since.
func (c *Cluster) AuditSince(mark audit.Mark) ([]audit.Event, error) {
	return audit.Since(c.AuditLog(), mark)
}
