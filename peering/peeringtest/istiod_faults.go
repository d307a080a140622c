package peeringtest

import (
	"bytes"
	"maps"

	corev1 "k8s.io/api/core/v1"

	"github.com/meshpeer/meshpeer/peering/istiod"
)

// Stick makes a replica report status for every remote cluster, whatever it reads; "" ends that, and so does a restart. It
// panics if there is no such replica.
func (i *Istiods) Stick(name string, status istiod.Status) {
	i.mu.Lock()
	defer i.mu.Unlock()
	r := i.mustHave(name)
	r.stuck = status
	r.forget()
}

// FailReplica makes a replica unreachable with err; nil ends that. It panics if there is no such replica.
func (i *Istiods) FailReplica(name string, err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.mustHave(name).failure = err
}

// SetVersion sets what the image tag of all replicas says, and of those to come. Default "1.31.0".
func (i *Istiods) SetVersion(version string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.version = version
	for _, r := range i.replicas {
		r.Version = version
		r.forget()
	}
}

// SetRevision sets what label istio.io/rev of a replica says. Default "", the default revision. It panics if there is no such
// replica.
func (i *Istiods) SetRevision(name, revision string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	r := i.mustHave(name)
	r.Revision = revision
	r.forget()
}

// MissChanges makes the replicas keep the Secrets as they are now until they are restarted, as Istio 1.29.0 to 1.29.2 and
// 1.30.0 to 1.30.2 may do.
func (i *Istiods) MissChanges() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.watch()
	for _, r := range i.replicas {
		r.frozen = append([]*remoteSecret{}, i.watched.all...)
		r.forget()
	}
}

// LoseEndpoints makes the replicas forget the endpoints of remote clusters when a remote secret changes, while they still
// report the clusters as synced, until they are restarted, as Istio 1.30.0 to 1.30.3 do.
func (i *Istiods) LoseEndpoints() {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, r := range i.replicas {
		r.loses = true
	}
}

// GoStale makes a replica answer as it does now, whatever changes, until it is restarted: as one does whose watches of other
// clusters have died with their credential, and which still reports these as synced. It panics if there is no such replica.
func (i *Istiods) GoStale(name string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	r := i.mustHave(name)
	i.look(r)
	i.shards(r)
	i.gateways(r)
	r.stale = true
}

// noteChanges counts Secrets whose content is another than the replica saw before.
func (r *replica) noteChanges(all []*remoteSecret) {
	for _, s := range all {
		before := r.seen[s.object.Name]
		r.seen[s.object.Name] = s.object
		if r.loses && before != nil && before != s.object && !sameData(before, s.object) {
			r.hollow = true
		}
	}
}

func sameData(a, b *corev1.Secret) bool { return maps.EqualFunc(a.Data, b.Data, bytes.Equal) }
