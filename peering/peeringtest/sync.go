package peeringtest

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/secrets"
)

// watched are the remote secrets of a member, each read once.
type watched struct {
	at  uint64 // store.remotes
	all []*remoteSecret
}

type remoteSecret struct {
	object  *corev1.Secret
	name    string // namespace/name
	written time.Time
	remotes []remoteCluster // empty if istiod would refuse the Secret
}

type remoteCluster struct {
	id     string
	server *Server // nil: nothing listens at the endpoint, or nothing that its CA vouches for
	token  string
	claims claims
	valid  bool // the token is one of this kit's
}

// watch reads the Secrets that are new or changed: in istiod's own namespace, with the label.
func (i *Istiods) watch() {
	if at := i.server.store.remotes.Load(); at == i.watched.at {
		return
	}
	known := map[*corev1.Secret]*remoteSecret{}
	for _, s := range i.watched.all {
		known[s.object] = s
	}
	s := i.server
	s.mu.Lock()
	found := s.store.in(group{"Secret", byValue, secrets.LabelMultiCluster, "true"})
	i.watched.at, i.watched.all = s.store.remotes.Load(), nil
	for _, o := range found {
		secret, ok := o.(*corev1.Secret)
		if !ok || secret.Namespace != "istio-system" {
			continue
		}
		if known[secret] == nil {
			known[secret] = &remoteSecret{object: secret, name: secret.Namespace + "/" + secret.Name, written: s.store.written[key(secret)]}
			defer i.parse(known[secret]) // without the lock
		}
		i.watched.all = append(i.watched.all, known[secret])
	}
	s.mu.Unlock()
}

func (i *Istiods) parse(s *remoteSecret) {
	remotes, _ := secrets.Parse(s.object)
	for _, r := range remotes {
		c := remoteCluster{id: r.Cluster, server: i.mesh.at(r.Endpoint.Server), token: r.Token.Reveal()}
		if c.server != nil && !c.server.trustedBy(r.Endpoint) {
			c.server = nil
		}
		c.claims, c.valid = readClaims(c.token)
		s.remotes = append(s.remotes, c)
	}
}

// verdict is whether a replica can list in a remote cluster all that its informers list.
type verdict struct {
	watcher
	good bool
}

// judge looks again if something changed.
func (v *verdict) judge(c *remoteCluster, w *wanted) {
	if c.server == nil || !c.valid || v.on != nil && !v.stale.Load() {
		return
	}
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	private := c.claims.Private
	on := []id{{"ServiceAccount", private.Namespace, private.Account.Name}, {"Secret", private.Namespace, private.Secret.Name}}
	_, account := c.server.bearer(c.token, c.claims)
	v.good = account != nil
	if v.good {
		who := accountIdentity(account)
		for _, subject := range who.subjects() {
			on = append(on, subjectID(subject, ""), subjectID(subject, w.namespace))
		}
		for _, b := range c.server.bindings(who, w.namespace) {
			on = append(on, id{b.ref.Kind, map[bool]string{false: b.namespace}[b.ref.Kind == "ClusterRole"], b.ref.Name})
		}
		v.good = c.server.covers(who, w)
	}
	c.server.store.follow(&v.watcher, on)
}

func (v *verdict) drop(c *remoteCluster) {
	if c.server != nil {
		c.server.mu.Lock()
		c.server.store.unfollow(&v.watcher)
		c.server.mu.Unlock()
	}
}

// status of a remote cluster, and when it may change by itself (zero: never).
func (r *replica) status(s *remoteSecret, c *remoteCluster, v *verdict, now time.Time) (istiod.Status, time.Time) {
	if r.stuck != "" {
		return r.stuck, time.Time{}
	}
	var until time.Time
	if r.Lag > 0 {
		since := s.written
		if since.Before(r.started) {
			since = r.started
		}
		if until = since.Add(r.Lag); now.Before(until) {
			return istiod.Syncing, until
		}
		until = time.Time{}
	}
	if !v.good || c.claims.Expires != 0 && now.Unix() >= c.claims.Expires {
		return istiod.TimedOut, until
	}
	if c.claims.Expires != 0 {
		until = time.Unix(c.claims.Expires, 0)
	}
	return istiod.Synced, until
}

// Reads says whether every replica reads a cluster now: it is synced, and the credential in its remote secret still opens the
// API server with all rights that istiod needs. What a replica says of itself (peering/istiod) may be older.
func (i *Istiods) Reads(cluster string) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, r := range i.replicas {
		i.look(r)
		if !i.reads(r, cluster) {
			return false
		}
	}
	return len(i.replicas) > 0
}

func (i *Istiods) reads(r *replica, cluster string) bool {
	if !slices.ContainsFunc(r.page.clusters, func(c istiod.RemoteCluster) bool { return c.ID == cluster && c.Status == istiod.Synced }) {
		return false
	}
	if i.hosted || cluster == i.id {
		return true
	}
	for _, s := range r.page.of {
		for n := range s.remotes {
			if c := &s.remotes[n]; c.id == cluster { // the first one: istiod ignores others
				return i.opens(r, c)
			}
		}
	}
	return false
}

// opens asks the remote API server itself.
func (i *Istiods) opens(r *replica, c *remoteCluster) bool {
	if c.server == nil || !c.valid {
		return false
	}
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	_, account := c.server.bearer(c.token, c.claims)
	return account != nil && c.server.covers(accountIdentity(account), i.mesh.needs.of(r))
}
