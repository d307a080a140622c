package peeringtest

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/meshpeer/meshpeer/peering/istiod"
)

// page is what a replica answered last, and what that rested on. It is made again only when one of these changed.
type page struct {
	of       []*remoteSecret
	verdicts []*verdict
	until    time.Time // zero: it holds as long as the rest does
	clusters []istiod.RemoteCluster
	clusterz []byte
	sources  []source // the synced clusters

	shardz, networkz document
}

// source is a synced cluster with its member.
type source struct {
	id     string
	server *Server
}

// document is a page about the services of all sources, with what each had counted when it was made.
type document struct {
	body   []byte
	counts []uint64
}

// forget lets the replica look at everything again.
func (r *replica) forget() {
	if r.stale {
		return
	}
	for s, all := range r.states {
		for n := range all {
			all[n].drop(&s.remotes[n])
		}
	}
	clear(r.states)
	r.page = page{}
}

// look brings the page of a replica up to date.
func (i *Istiods) look(r *replica) {
	if i.hosted {
		i.lookHosted(r)
		return
	}
	if r.stale {
		return
	}
	i.watch()
	all := i.watched.all
	if r.frozen != nil {
		all = r.frozen
	}
	now := i.server.now()
	if r.page.holds(all, now) {
		return
	}
	if !slices.Equal(all, r.page.of) {
		r.noteChanges(all)
		r.prune(all)
	}
	p := page{of: all, verdicts: make([]*verdict, 0, len(all))}
	clusters := append(make([]istiod.RemoteCluster, 0, len(all)+1), istiod.RemoteCluster{ID: i.id, Status: istiod.Synced})
	wanted := i.mesh.needs.of(r)
	seen := make(map[string]bool, len(all)+1)
	seen[i.id] = true // istiod's own ID and second Secrets are ignored
	for _, s := range all {
		if r.states[s] == nil {
			r.states[s] = make([]verdict, len(s.remotes))
		}
		for n := range s.remotes {
			c, v := &s.remotes[n], &r.states[s][n]
			if seen[c.id] {
				continue
			}
			seen[c.id] = true
			v.judge(c, wanted)
			status, until := r.status(s, c, v, now)
			if !until.IsZero() && (p.until.IsZero() || until.Before(p.until)) {
				p.until = until
			}
			p.verdicts = append(p.verdicts, v)
			if status != istiod.NotSeen {
				clusters = append(clusters, istiod.RemoteCluster{ID: c.id, Secret: s.name, Status: status})
			}
		}
	}
	i.print(&p, clusters, &r.page)
	r.page = p
}

func (p *page) holds(all []*remoteSecret, now time.Time) bool {
	if p.clusterz == nil || !p.until.IsZero() && !now.Before(p.until) || !slices.Equal(all, p.of) {
		return false
	}
	return !slices.ContainsFunc(p.verdicts, func(v *verdict) bool { return v.stale.Load() })
}

// prune lets go of Secrets that are there no more.
func (r *replica) prune(all []*remoteSecret) {
	there := make(map[*remoteSecret]bool, len(all))
	for _, s := range all {
		there[s] = true
	}
	for s, states := range r.states {
		if !there[s] {
			for n := range states {
				states[n].drop(&s.remotes[n])
			}
			delete(r.states, s)
		}
	}
}

// lookHosted: a control plane elsewhere reads every other member, by means of its host.
func (i *Istiods) lookHosted(r *replica) {
	if r.page.clusterz != nil {
		return
	}
	clusters := []istiod.RemoteCluster{{ID: i.id, Status: istiod.Synced}}
	for _, m := range i.mesh.members {
		if m.Server == i.server {
			continue
		}
		status := istiod.Synced
		if r.stuck != "" {
			status = r.stuck
		}
		if status != istiod.NotSeen {
			id := m.Server.id
			clusters = append(clusters, istiod.RemoteCluster{ID: id, Secret: "istio-system/" + id, Status: status})
		}
	}
	var p page
	i.print(&p, clusters, &r.page)
	r.page = p
}

// print fills p with clusters; what the page before it says already is taken over.
func (i *Istiods) print(p *page, clusters []istiod.RemoteCluster, before *page) {
	if slices.Equal(clusters, before.clusters) {
		p.clusters, p.clusterz, p.sources, p.shardz, p.networkz = before.clusters, before.clusterz, before.sources, before.shardz, before.networkz
		return
	}
	p.clusters = clusters
	p.clusterz = mustMarshal(clusters)
	p.sources = make([]source, 0, len(clusters))
	for _, c := range clusters {
		if m := i.mesh.Member(c.ID); m != nil && c.Status == istiod.Synced {
			p.sources = append(p.sources, source{c.ID, m.Server})
		}
	}
}

// refresh is the document, made again if a source's services or pods changed.
func (d *document) refresh(sources []source, build func() any) []byte {
	fresh := d.body != nil && len(d.counts) == len(sources)
	for n := 0; fresh && n < len(sources); n++ {
		fresh = d.counts[n] == sources[n].server.store.places.Load()
	}
	if !fresh {
		d.counts = make([]uint64, len(sources))
		for n, s := range sources {
			d.counts[n] = s.server.store.places.Load() // before the look, so that a change meanwhile is seen
		}
		d.body = mustMarshal(build())
	}
	return d.body
}

func mustMarshal(v any) []byte {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return slices.Clip(body)
}
