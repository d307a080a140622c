package conformance_test

import (
	"context"
	"testing"
	"time"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
	"github.com/meshpeer/meshpeer/peering/peeringtest/conformance"
	"github.com/meshpeer/meshpeer/secrets"
	"github.com/meshpeer/meshpeer/secrets/secretstest"
)

// vault hands out tokens of a cluster, in place of one that runs elsewhere.
type vault struct{ in secrets.Bound }

func newVault(c *peering.Cluster) vault {
	return vault{secrets.Bound{Secrets: c.Secrets("istio-system"), Accounts: c.Accounts("istio-system"), Lifetime: 15 * time.Minute}}
}

func (v vault) Token(ctx context.Context, r secrets.Request) (secrets.Token, error) {
	return v.in.Token(ctx, r)
}

func (v vault) Revoke(ctx context.Context, ref secrets.Ref) error { return v.in.Revoke(ctx, ref) }

func TestVault(t *testing.T) {
	east := peeringtest.NewMesh("east").Member("east").Cluster
	account := conformance.Account(t, east, "istio-system") // made for the suite
	secretstest.TestTokenSource(t, newVault(east), account)
	secretstest.TestRevoker(t, func() secrets.TokenSource { return newVault(east) }, account)
}
