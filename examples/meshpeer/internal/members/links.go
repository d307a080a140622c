package members

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/secrets"
)

// Links are those that the flags describe, with their endpoints.
func (s *Set) Links() ([]peering.Link, error) { return s.links(s) }

func (f *Flags) links(s *Set) (links []peering.Link, err error) {
	switch {
	case f.hub != "" && len(f.from)+len(f.to) > 0:
		return nil, &UsageError{"--hub says which links there are, and so do --from and --to: give one of them"}
	case f.hub != "":
		hub, err := s.ByID(f.hub)
		if err != nil {
			return nil, fmt.Errorf("--hub: %w", err)
		}
		links = peering.Star(hub.Cluster, s.others(hub.ID.String())...)
	case len(f.from)+len(f.to) > 0:
		if links, err = f.pairs(s); err != nil {
			return nil, err
		}
	default:
		links = peering.Mesh(s.Clusters()...)
	}
	if len(links) == 0 {
		return nil, &UsageError{fmt.Sprintf("%s alone makes no link: name at least two members, --context A --context B", s.All[0].ID)}
	}
	return links, f.Address(s, links)
}

func (s *Set) others(id string) (all []*peering.Cluster) {
	for _, m := range s.All {
		if m.ID.String() != id {
			all = append(all, m.Cluster)
		}
	}
	return all
}

// pairs are all of --from with all of --to. One of the two alone means all others.
func (f *Flags) pairs(s *Set) (links []peering.Link, err error) {
	from, err := s.named("--from", f.from)
	to, wrong := s.named("--to", f.to)
	if err = errors.Join(err, wrong); err != nil {
		return nil, err
	}
	for _, a := range from {
		for _, b := range to {
			if a != b {
				links = append(links, peering.Link{From: a, To: b})
			}
		}
	}
	return links, nil
}

func (s *Set) named(flag string, ids []string) ([]*peering.Cluster, error) {
	if len(ids) == 0 {
		return s.Clusters(), nil
	}
	var all []*peering.Cluster
	for _, id := range ids {
		m, err := s.ByID(id)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", flag, err)
		}
		all = append(all, m.Cluster)
	}
	return all, nil
}

// Address gives the links to a cluster the endpoint that --endpoint has for it. Its CA is that of --endpoint-ca, or chosen by dialling.
func (f *Flags) Address(s *Set, links []peering.Link) (err error) {
	for _, word := range f.cas {
		if id, _, given := strings.Cut(word, "="); !given || !f.hasEndpoint(id) {
			return &UsageError{fmt.Sprintf("--endpoint-ca %s: write ID=FILE, with an --endpoint of the same ID", Quote(word))}
		}
	}
	for _, word := range f.endpoints {
		id, server, given := strings.Cut(word, "=")
		if !given {
			return &UsageError{fmt.Sprintf("--endpoint %s: write ID=URL", Quote(word))}
		}
		if _, err := s.ByID(id); err != nil {
			return fmt.Errorf("--endpoint: %w", err)
		}
		endpoint := &secrets.Endpoint{Server: server, AllowLoopback: f.loopback}
		if endpoint.CA, err = f.caOf(id); err != nil {
			return err
		}
		if err := endpoint.Validate(); err != nil {
			return &UsageError{fmt.Sprintf("--endpoint of %s: %v", id, err)}
		}
		for i := range links {
			if links[i].To.ID.String() == id {
				links[i].Endpoint = endpoint
			}
		}
	}
	return nil
}

func (f *Flags) hasEndpoint(id string) bool {
	return slices.ContainsFunc(f.endpoints, func(word string) bool { return strings.HasPrefix(word, id+"=") })
}

// caOf an endpoint is nil if none is given.
func (f *Flags) caOf(id string) ([]byte, error) {
	for _, word := range f.cas {
		if of, file, _ := strings.Cut(word, "="); of == id {
			return os.ReadFile(file)
		}
	}
	return nil, nil
}

// Gone is a member that answers no more. Every call of it fails at once, as one of a server that cannot be reached does.
func Gone(id peering.ID) *peering.Cluster {
	return &peering.Cluster{
		ID: id, Objects: gone{}, Endpoint: secrets.Endpoint{Server: "https://unreachable.invalid"},
		As: func(secrets.Endpoint, secrets.Token) (peering.Objects, error) { return gone{}, nil },
	}
}

var errGone = errors.New("not asked, because --unreachable names it")

func unreachable() error { return &net.OpError{Op: "dial", Net: "tcp", Err: errGone} }
