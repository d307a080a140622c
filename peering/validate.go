package peering

import (
	"errors"
	"fmt"

	"github.com/meshpeer/meshpeer/internal/invalid"
	"github.com/meshpeer/meshpeer/secrets"
)

// refused is the answer to an option that cannot work: what looks like a credential in it is hidden.
func refused(field, value, reason, remedy string) error {
	return fmt.Errorf("peering: %w", invalid.Field(field, value, reason, remedy))
}

// validate answers bad input of a call before any request is made.
func (p *Peering) validate(goal Goal, links []Link) error {
	if len(links) == 0 {
		return errors.New("peering: no links: name at least one, for example with Mesh(a, b)")
	}
	for field, value := range map[string]string{"Peering.Reader.Name": p.Reader.Name, "Peering.Reader.ServiceAccount": p.Reader.ServiceAccount} {
		if value != "" {
			return refused(field, value, "must be empty, because each link has a reader of its own", "set Peering.Account to use an account that is managed elsewhere")
		}
	}
	if p.Account != nil && p.Account.Name == "" {
		return errors.New("peering: Peering.Account.Name is empty: name the ServiceAccount, for example istio-reader-service-account")
	}
	if k := p.kind(); k != "" && k != secrets.KindDurable && k != secrets.KindBound {
		return refused("Peering.Credential", string(k), "is not a kind of token that this package mints",
			fmt.Sprintf("use %q or %q; for other sources set Peering.Tokens", secrets.KindDurable, secrets.KindBound))
	}
	if workload := p.workload(); workload != nil {
		if err := workload.Validate(); err != nil {
			return fmt.Errorf("peering: Peering.Workload: %w", err)
		}
	}
	type pair struct{ from, to ID }
	seen := map[pair]bool{}
	byID := map[ID]*Cluster{}
	for i, l := range links {
		for side, c := range map[string]*Cluster{"From": l.From, "To": l.To} {
			if err := c.valid(); err != nil {
				return fmt.Errorf("peering: link %d: %s %w", i, side, err)
			}
			if other := byID[c.ID]; other != nil && other != c {
				return fmt.Errorf("peering: link %d: %s %q is a second Cluster with this ID: connect each cluster once and give each its own ID", i, side, c.ID)
			}
			byID[c.ID] = c
		}
		if l.From == l.To {
			return fmt.Errorf("peering: link %d: %q is linked to itself: From and To must be two clusters", i, l.From.ID)
		}
		if seen[pair{l.From.ID, l.To.ID}] {
			return fmt.Errorf("peering: link %d: %s is named twice", i, l)
		}
		seen[pair{l.From.ID, l.To.ID}] = true
		if err := l.validateEndpoint(goal); err != nil {
			return fmt.Errorf("peering: link %d: %s: %w", i, l, err)
		}
		if p.kind() == secrets.KindBound && l.To.Accounts == nil {
			return fmt.Errorf("peering: link %d: To %q has no Accounts: bound tokens need TokenRequest; use Connect or durable tokens", i, l.To.ID)
		}
	}
	return nil
}

// validateEndpoint judges the address that would go into the remote secret. To's own endpoint may be any that its owner
// works with: only a link that writes it needs one that From's istiod can use.
func (l Link) validateEndpoint(goal Goal) error {
	if l.Endpoint != nil {
		return l.Endpoint.Validate()
	}
	if l.From.Hosted || goal != Present && goal != Rotated {
		return nil
	}
	if err := l.To.Endpoint.Validate(); err != nil {
		return fmt.Errorf("Cluster.Endpoint of %q: %w; or set Link.Endpoint or ConnectOptions.Endpoint to the address that the istiod of %q uses", l.To.ID, err, l.From.ID)
	}
	return nil
}

// valid names the first seam that is missing.
func (c *Cluster) valid() error {
	switch {
	case c == nil:
		return errors.New("is nil: make a Cluster with Connect")
	case c.ID == (ID{}):
		return errors.New("has no ID: make one with ParseID")
	case c.Objects == nil:
		return fmt.Errorf("%q has no Objects: make a Cluster with Connect, or fill the seam", c.ID)
	case c.As == nil:
		return fmt.Errorf("%q has no As: without it no token can be proved; make a Cluster with Connect, or fill the seam", c.ID)
	}
	return nil
}
