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

// Peering holds the options of the verbs. The zero value is ready: each link gets a reader of its own with ASM's documented
// role and a durable token. A Peering is not changed by its methods and may be used by several goroutines.
type Peering struct {
	// Reader is the role that each link's own reader gets. Name and ServiceAccount must be empty: they are the link's.
	// With profile Upstream or RemoteControlPlane and no IstioVersion, the version of From's istiod counts, if it can be told.
	Reader rbac.Options
	// Account, if set, is used by every link instead of a reader of its own: somebody else manages it and its role. Nothing
	// of it is written, and its rights are checked first.
	Account *Account

	// Credential is the kind of token to mint: secrets.KindDurable (the default) or secrets.KindBound, which expires
	// and needs a program that comes back before Report.RenewAt.
	Credential secrets.Kind
	// Lifetime asked for a bound token; the API server may grant less. Default: that of secrets.Bound.
	Lifetime time.Duration
	// Tokens, if set, replaces the source of tokens, for example by one in front of a vault.
	Tokens func(to *Cluster) secrets.TokenSource

	// Flavour is who runs the control planes: what preflight does not find is missing with preflight.Upstream and unknown with
	// preflight.ASM, the default.
	Flavour preflight.Flavour
	// Tolerate names checks of preflight.Checks whose failure does not stop a link.
	Tolerate []string
	// RestartIstiods, if set, restarts the istiods of a cluster and returns when they are ready. It is called after a changed
	// remote secret where From's version is known to miss the change (preflight.Hazards).
	RestartIstiods func(context.Context, *Cluster) error
	// Adopt says what becomes of a remote secret that somebody else made for a link. Default: a *ForeignObjectError or
	// *DuplicateClusterError.
	Adopt Adoption
	// Guard, if set, is asked before an old credential is revoked, for example whether traffic still flows. Its error
	// stops the link there; Rotate then restores the old credential.
	Guard func(context.Context, Link) error

	// Workload, if set, is what Verify tries the links with: a *traffic.Workload, from istiod's endpoints up to an answer over
	// mutual TLS, or a check of the caller's own. Nil: Verify ends with what the istiods say of the clusters they read.
	Workload traffic.Check

	// SyncTimeout bounds the wait for From's istiods. Default 90 s: istiod itself gives a cluster 30 s before it calls
	// it timed out, and a late one still syncs.
	SyncTimeout time.Duration
	// UndoUnsynced undoes what the call did for a link whose istiods did not sync with To. Default: it stays, because istiod
	// keeps trying.
	UndoUnsynced bool
	// AwaitRefusal makes Ensure and Rotate wait, as Remove does, until the API server refuses every credential that they ended,
	// for example because one has leaked. Default: the report says that it was revoked, which ends it within 10 s.
	AwaitRefusal bool
	// LockTimeout is how long to wait for another run on the same link before its attempt counts as abandoned and is taken
	// over. Default 30 s.
	LockTimeout time.Duration
	// Concurrency bounds the links that are worked on at a time; a link that waits does not count. Default 64. The requests to
	// one API server are bounded besides (see Connect).
	Concurrency int
	// Unconfirmed bounds the links of one From whose remote secret was written and is not yet seen to be in use, so that
	// its istiods need not sync with a whole mesh at once. Default 8.
	Unconfirmed int
	// Audit, if set, keeps a record of every change; Actor is who it names, for example a user or a pipeline.
	Audit AuditSink
	Actor string
	// Observe, if set, is told of every step as it ends. Calls come one at a time, and the work waits for them.
	Observe func(Event)
}

// Account names a ServiceAccount in To.
type Account struct {
	Namespace string // default: To's istiod namespace
	Name      string
}

// Ensure peers the links: it leaves what is good as it is and creates what is missing. A link that fails is undone and does
// not stop the others. The report is never nil once the links are valid; the error joins one *Error for each link that
// failed.
func (p *Peering) Ensure(ctx context.Context, links ...Link) (*Report, error) {
	return p.call(ctx, Present, links, nil)
}

// Rotate gives each link a credential that did not exist before. The old one is revoked only when every istiod replica is
// seen to use the new one and has the endpoints and gateways it held before; until then a failure restores the old
// one. An API server may accept a revoked token for 10 s more, from its cache; Remove, and Rotate with AwaitRefusal, wait for
// the refusal.
func (p *Peering) Rotate(ctx context.Context, links ...Link) (*Report, error) {
	return p.call(ctx, Rotated, links, nil)
}

// Remove ends the links: istiod of From loses To's endpoints, the credentials are revoked and proved to be refused, and the
// reader is deleted. Only what Ensure made is deleted. If one side does not answer, the other is cleaned up anyway; the
// report names what is left, and another call finishes it. Star(leaver, members...) takes a cluster out of a mesh.
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
	return secrets.Durable{Secrets: client, Poll: firstLook}
}

// firstLook is when a token Secret is looked at for the first time: the token controller needs a few milliseconds.
const firstLook = 10 * time.Millisecond

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
