package peeringtest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"

	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/secrets"
)

// Istiods are the istiod replicas of a member: they read remote secrets from its API server and the clusters that these
// name, and answer /debug/clusterz.
type Istiods struct {
	mesh   *Mesh
	server *Server
	id     string

	mu        sync.Mutex
	replicas  []string
	stuck     map[string]istiod.Status
	failures  map[string]error
	version   string
	revisions map[string]string
	frozen    []*corev1.Secret  // what the replicas go on with; nil: what is there
	loses     bool              // endpoints, when a remote secret changes
	hollow    bool              // they are lost
	content   map[string]string // of Secrets, as each replica saw them last
}

// Scale sets the names of the replicas; no names make a cluster without istiod.
func (i *Istiods) Scale(names ...string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.replicas = names
}

// Stick makes a replica report status for every remote cluster, whatever it reads. It panics if there is no such replica.
func (i *Istiods) Stick(replica string, status istiod.Status) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.mustHave(replica)
	i.stuck[replica] = status
}

// FailReplica makes a replica unreachable with err; nil ends that. It panics if there is no such replica.
func (i *Istiods) FailReplica(replica string, err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.mustHave(replica)
	i.failures[replica] = err
}

// mustHave panics for a replica that is not there: a fault that hits nobody would let a test pass.
func (i *Istiods) mustHave(replica string) {
	if !slices.Contains(i.replicas, replica) {
		panic(fmt.Sprintf("peeringtest: member %q has no istiod replica %q; call Scale first", i.id, replica))
	}
}

// Replicas is peering.SyncReader.
func (i *Istiods) Replicas(context.Context) ([]istiod.Replica, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	var out []istiod.Replica
	for _, name := range i.replicas {
		out = append(out, istiod.Replica{Name: name, Version: i.version, Revision: i.revisions[name], Debug: func(ctx context.Context, path string) ([]byte, error) {
			return i.debug(ctx, name, path)
		}})
	}
	return out, nil
}

// debug answers as the monitoring port does: what the replica reads now, and what of it changed since it was last asked.
func (i *Istiods) debug(ctx context.Context, replica, path string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if err := i.failures[replica]; err != nil {
		return nil, err
	}
	clusters := i.clusters(replica)
	switch path {
	case "/debug/clusterz":
		return json.Marshal(clusters)
	case "/debug/endpointShardz":
		return json.Marshal(i.shards(clusters))
	case "/debug/networkz":
		return json.Marshal(i.gateways(clusters))
	}
	return nil, fmt.Errorf("404 %s", path)
}

func (i *Istiods) clusters(replica string) []istiod.RemoteCluster {
	clusters := []istiod.RemoteCluster{{ID: i.id, Status: istiod.Synced}}
	seen := map[string]bool{i.id: true} // istiod's own ID and second Secrets are ignored
	for _, secret := range i.secrets() {
		i.noteChange(replica, secret)
		remotes, err := secrets.Parse(secret)
		if err != nil {
			continue // refused: never listed
		}
		for _, r := range remotes {
			if seen[r.Cluster] {
				continue
			}
			seen[r.Cluster] = true
			status := i.sync(replica, r)
			if stuck := i.stuck[replica]; stuck != "" {
				status = stuck
			}
			if status != istiod.NotSeen {
				clusters = append(clusters, istiod.RemoteCluster{ID: r.Cluster, Secret: secret.Namespace + "/" + secret.Name, Status: status})
			}
		}
	}
	return clusters
}

// noteChange counts Secrets whose content is another than the replica saw before.
func (i *Istiods) noteChange(replica string, secret *corev1.Secret) {
	key := replica + " " + secret.Name
	before, known := i.content[key]
	i.content[key] = fmt.Sprint(secret.Data)
	if known && before != i.content[key] {
		i.hollow = i.hollow || i.loses
	}
}

// SetVersion sets what the image tag of the replicas says. Default "1.31.0".
func (i *Istiods) SetVersion(version string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.version = version
}

// SetRevision sets what label istio.io/rev of a replica says. Default "", the default revision.
func (i *Istiods) SetRevision(replica, revision string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.revisions[replica] = revision
}

// MissChanges makes the replicas keep the Secrets as they are now until Restart, as Istio 1.29.0 to 1.29.2 and 1.30.0 to
// 1.30.2 may do.
func (i *Istiods) MissChanges() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.frozen = i.live()
}

// Restart restarts all replicas: they read every Secret again.
func (i *Istiods) Restart() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.frozen, i.loses, i.hollow = nil, false, false
}

// LoseEndpoints makes the replicas forget the endpoints of remote clusters when a remote secret changes, while they still
// report the clusters as synced, as Istio 1.30.0 to 1.30.3 do.
func (i *Istiods) LoseEndpoints() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.loses = true
}

// secrets are those that the replicas work with.
func (i *Istiods) secrets() []*corev1.Secret {
	if i.frozen != nil {
		return i.frozen
	}
	return i.live()
}

// live are the Secrets that istiod watches: in its own namespace, with the label.
func (i *Istiods) live() []*corev1.Secret {
	i.server.mu.Lock()
	defer i.server.mu.Unlock()
	var out []*corev1.Secret
	for _, o := range i.server.sorted() {
		if s, ok := o.(*corev1.Secret); ok && s.Namespace == "istio-system" && s.Labels[secrets.LabelMultiCluster] == "true" {
			out = append(out, s.DeepCopy())
		}
	}
	return out
}

// sync lists what the informers list, all of which must be allowed.
func (i *Istiods) sync(replica string, r secrets.Remote) istiod.Status {
	remote := i.mesh.at(r.Endpoint.Server)
	if remote == nil {
		return istiod.TimedOut
	}
	minimal, err := rbac.Render(rbac.Options{Profile: rbac.Minimal, IstioVersion: i.version, Revisions: []string{i.revisions[replica]}})
	if err != nil {
		minimal, _ = rbac.Render(rbac.Options{Profile: rbac.Minimal, Revisions: []string{i.revisions[replica]}}) // a tag that is no version
	}
	remote.mu.Lock()
	defer remote.mu.Unlock()
	account := remote.identify(r.Token.Reveal())
	if account == nil || !remote.covers(user(account), minimal.ClusterRole.Rules, "") ||
		minimal.Role != nil && !remote.covers(user(account), minimal.Role.Rules, minimal.Role.Namespace) {
		return istiod.TimedOut
	}
	return istiod.Synced
}
