package peering

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/meshpeer/meshpeer/internal/invalid"
	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/peering/traffic"
	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/secrets"
)

// Peering holds the options of the verbs, and is safe for concurrent use. The zero value gives each link a reader with ASM's
// documented role and a durable token.
type Peering struct {
	Reader         rbac.Options                          // role of each link's own reader; Name and ServiceAccount stay empty; no IstioVersion: that of From's istiod
	Account        *Account                              // used by every link instead of a reader of its own: nothing of it is written, its rights are checked first
	Credential     secrets.Kind                          // to mint: secrets.KindDurable (default), or secrets.KindBound, which asks for Ensure before Report.RenewAt
	Lifetime       time.Duration                         // asked for a bound token; the API server may grant less. Default: that of secrets.Bound
	Tokens         func(to *Cluster) secrets.TokenSource // replaces the source of tokens, for example by one in front of a vault
	Flavour        preflight.Flavour                     // who runs the control planes: what is not found is missing (Upstream) or unknown (ASM, the default)
	Tolerate       []string                              // checks of preflight.Checks whose failure does not stop a link
	Adopt          Adoption                              // of remote secrets that somebody else made. Default: a *ForeignObjectError or *DuplicateClusterError
	RestartIstiods func(context.Context, *Cluster) error // until ready, where From's version misses a changed remote secret (preflight.Hazards)
	Guard          func(context.Context, Link) error     // asked before an old credential is revoked; its error makes Rotate restore that
	Workload       traffic.Check                         // what Verify tries the links with; nil: it ends with what the istiods say
	SyncTimeout    time.Duration                         // for From's istiods, which give a cluster 30 s themselves and take it later too. Default 90 s
	UndoUnsynced   bool                                  // undo a link whose istiods did not sync with To. Default: it stays, because istiod keeps trying
	AwaitRefusal   bool                                  // Ensure and Rotate wait, as Remove does, until API servers refuse what was revoked (at most 10 s later)
	LockTimeout    time.Duration                         // for another run on the same link, before its attempt counts as abandoned. Default 30 s
	Concurrency    int                                   // links that are worked on at a time; one that waits does not count. Default 64
	Unconfirmed    int                                   // links of one From that are written and not yet seen in use: its istiods never sync with all. Default 8
	Audit          AuditSink                             // keeps a record of every change
	Actor          string                                // whom the records name, for example a user or a pipeline
	Observe        func(Event)                           // told of every step as it ends; calls come one at a time, and the work waits for them
}

// Account names a ServiceAccount in To.
type Account struct {
	Namespace string // default: To's istiod namespace
	Name      string
}

// Ensure peers the links and leaves what is good as it is. Links that fail are undone: an *Error each.
func (p *Peering) Ensure(ctx context.Context, links ...Link) (*Report, error) {
	return p.call(ctx, Present, links, nil)
}

// Rotate gives each link a new credential, and revokes the old one when every istiod replica has the new one and what it held
// before; else it restores it.
func (p *Peering) Rotate(ctx context.Context, links ...Link) (*Report, error) {
	return p.call(ctx, Rotated, links, nil)
}

// Remove deletes what Ensure made, and proves that credentials are refused.
func (p *Peering) Remove(ctx context.Context, links ...Link) (*Report, error) {
	return p.call(ctx, Absent, links, nil)
}

func (p *Peering) syncTimeout() time.Duration {
	if p.SyncTimeout > 0 {
		return p.SyncTimeout
	}
	return 90 * time.Second
}

func (p *Peering) lockTimeout() time.Duration {
	if p.LockTimeout > 0 {
		return p.LockTimeout
	}
	return 30 * time.Second
}

func (p *Peering) concurrency() int {
	if p.Concurrency > 0 {
		return p.Concurrency
	}
	return 64
}

func (p *Peering) unconfirmed() int {
	if p.Unconfirmed > 0 {
		return p.Unconfirmed
	}
	return 8
}

// kind of token that a good credential is; "" with a source of the caller's, where any will do.
func (p *Peering) kind() secrets.Kind {
	switch {
	case p.Tokens != nil:
		return ""
	case p.Credential == "":
		return secrets.KindDurable
	}
	return p.Credential
}

func (p *Peering) source(to *snapshot, namespace string) secrets.TokenSource {
	client := secretsIn{to.objects, namespace}
	switch {
	case p.Tokens != nil:
		return p.Tokens(to.Cluster)
	case p.kind() == secrets.KindBound:
		return secrets.Bound{Secrets: client, Accounts: accountsIn{to.Accounts(namespace)}, Lifetime: p.Lifetime}
	}
	return secrets.Durable{Secrets: client, Poll: firstLook, UsedAtOnce: true}
}

// firstLook is when a token Secret is looked at for the first time if no watch has told of it: the token controller needs a few
// milliseconds.
const firstLook = 5 * time.Millisecond

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
	good := map[*Cluster]bool{} // whose own endpoint was judged
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
		if l.Endpoint != nil || !good[l.To] {
			if err := l.validateEndpoint(goal); err != nil {
				return fmt.Errorf("peering: link %d: %s: %w", i, l, err)
			}
			good[l.To] = good[l.To] || l.Endpoint == nil && !l.From.Hosted
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
