package mesh

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/examples/controller/api/v1alpha1"
	"github.com/meshpeer/meshpeer/peering"
)

// readMembers asks the source. A Mesh that is deleted is asked too: its source may still say how to reach who is to be cleaned up.
func (p *pass) readMembers(ctx context.Context) {
	p.members = map[string]Member{}
	source, err := p.Sources(p.mesh)
	if err == nil {
		var all []Member
		if all, err = source.Members(ctx); err == nil {
			for _, m := range all {
				p.members[m.ID.String()] = m
			}
		}
	}
	p.unknown = err
}

// takeInventory joins what the spec wants with what may be there.
func (p *pass) takeInventory() {
	now := metav1.Now()
	p.links = make(map[Pair]*v1alpha1.LinkStatus, len(p.mesh.Status.Links))
	for i := range p.mesh.Status.Links {
		l := p.mesh.Status.Links[i]
		p.links[Pair{l.From, l.To}] = &l
	}
	wanted := p.wanted()
	for pair := range wanted {
		l := p.links[pair]
		if l == nil {
			p.links[pair] = &v1alpha1.LinkStatus{From: pair.From, To: pair.To}
		} else if l.RemovingSince != nil { // it is back
			l.RemovingSince, l.ObservedGeneration = nil, 0
		}
	}
	for pair, l := range p.links {
		switch {
		case wanted[pair] || l.RemovingSince != nil:
		case !p.revokes():
			delete(p.links, pair) // it stays as it is
		default:
			l.RemovingSince = &now
			if p.deleting() {
				l.RemovingSince = p.mesh.DeletionTimestamp
			}
		}
	}
	p.tidyMemory()
}

// wanted are the links that the spec asks for. While the members are not known they are those on record.
func (p *pass) wanted() map[Pair]bool {
	all := map[Pair]bool{}
	switch {
	case p.deleting():
		return all
	case p.unknown != nil:
		for pair, l := range p.links {
			all[pair] = l.RemovingSince == nil
		}
		return all
	}
	hub := p.mesh.Spec.Topology.Hub
	for from := range p.members {
		for to := range p.members {
			if from != to && (p.mesh.Spec.Topology.Kind != v1alpha1.Star || from == hub || to == hub) {
				all[Pair{from, to}] = true
			}
		}
	}
	return all
}

// tidyMemory forgets links that are no more.
func (p *pass) tidyMemory() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, times := range []map[Pair]time.Time{p.looked, p.probed, p.later} {
		maps.DeleteFunc(times, func(pair Pair, _ time.Time) bool { return p.links[pair] == nil })
	}
	maps.DeleteFunc(p.touched, func(pair Pair, _ bool) bool { return p.links[pair] == nil })
	maps.DeleteFunc(p.tried, func(pair Pair, _ int64) bool { return p.links[pair] == nil })
}

// verbose is how many links a status has in full: 1 MB.
const verbose = 4000

// brief leaves out of a link that is well what follows from the rest, and of one that is not its text, where there are many:
// etcd takes 1.5 MiB for an object.
func brief(l v1alpha1.LinkStatus, of int) v1alpha1.LinkStatus {
	if of <= verbose {
		return l
	}
	l.Plan, l.Istiods = "", ""
	l.Faults = slices.Clone(l.Faults)
	for i := range l.Faults {
		l.Faults[i].Message = cut(l.Faults[i].Message, 40)
	}
	if len(l.Faults) == 0 && l.ExpiresAt != nil {
		l.RenewAt = nil
	}
	return l
}

// putInventory writes the links into the status, in a stable order.
func (p *pass) putInventory() {
	p.mesh.Status.Links = make([]v1alpha1.LinkStatus, 0, len(p.links))
	for _, l := range p.links {
		slices.SortFunc(l.Faults, func(a, b v1alpha1.LinkFault) int { return cmp.Compare(a.Type, b.Type) })
		p.mesh.Status.Links = append(p.mesh.Status.Links, brief(*l, len(p.links)))
	}
	slices.SortFunc(p.mesh.Status.Links, func(a, b v1alpha1.LinkStatus) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To))
	})
	if p.unknown == nil {
		p.mesh.Status.Members = int32(len(p.members))
	}
}

// clusters connects the ends of links. A member that left, or whose description cannot be read, is reached as it last was.
func (p *pass) clusters(ctx context.Context, pairs []Pair, removing bool) (links []peering.Link, failed map[Pair]error) {
	failed = map[Pair]error{}
	type end struct {
		cluster *peering.Cluster
		err     error
	}
	ends := map[string]end{}
	reach := func(id string) end {
		e, ok := ends[id]
		if !ok {
			e.cluster, e.err = p.reach(ctx, id, removing)
			ends[id] = e
		}
		return e
	}
	for _, pair := range pairs {
		from, to := reach(pair.From), reach(pair.To)
		if err := cmp.Or(from.err, to.err); err != nil {
			failed[pair] = err
			continue
		}
		link := peering.Link{From: from.cluster, To: to.cluster}
		if e, ok := p.members[pair.To].Endpoints[from.cluster.ID]; ok {
			link.Endpoint = &e
		}
		links = append(links, link)
	}
	return links, failed
}

// reach connects to one member.
func (p *pass) reach(ctx context.Context, name string, removing bool) (*peering.Cluster, error) {
	id, err := peering.ParseIstioID(name)
	if err != nil {
		return nil, err
	}
	m, named := p.members[name]
	if err = m.Err; named && err == nil {
		var c *peering.Cluster
		if c, err = p.Connector.Connect(ctx, p.key, m); err == nil {
			return c, nil
		}
	}
	if c, ok := p.Connector.Last(p.key, id); ok { // condition Ready tells that its description is broken
		return c, nil
	}
	switch {
	case removing:
		return unreachableCluster(id), nil
	case err != nil:
		return nil, &MemberError{ID: name, Err: err}
	}
	return nil, &MemberError{ID: name, Err: p.unknown}
}

// MemberError says why a member cannot be connected to.
type MemberError struct {
	ID  string
	Err error
}

func (e *MemberError) Error() string { return fmt.Sprintf("member %s: %v", e.ID, e.Err) }

func (e *MemberError) Unwrap() error { return e.Err }
