//go:build linux

package nft

import (
	"fmt"
	"net/netip"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
)

// Wall keeps the Pods on a cluster's bridge from all other Pods and from all other clusters' Services. What remains to them
// is what real networks have in common: API servers and load balancers.
type Wall struct {
	Bridge   string
	Services netip.Prefix // the cluster's own range
	// First and Last bound the ranges of all clusters.
	First, Last netip.Addr
}

// Apply builds the wall in the current network namespace. Its table is named after the bridge.
func (w Wall) Apply() error {
	conn, err := nftables.New()
	if err != nil {
		return fmt.Errorf("nft: %w", err)
	}
	table := conn.AddTable(&nftables.Table{Family: nftables.TableFamilyIPv4, Name: w.Bridge})
	forward := rules{conn, conn.AddChain(&nftables.Chain{
		Name: "forward", Table: table, Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookForward, Priority: nftables.ChainPriorityFilter,
	})}
	eq, neq := expr.CmpOpEq, expr.CmpOpNeq
	forward.add(from(w.Bridge, eq), to(w.Bridge, neq), reject())
	forward.add(from(w.Bridge, neq), to(w.Bridge, eq), reject())
	input := rules{conn, conn.AddChain(&nftables.Chain{
		Name: "input", Table: table, Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookInput, Priority: nftables.ChainPriorityFilter,
	})}
	input.add(
		from(w.Bridge, eq), within(w.First, w.Last), address(offDestination, neq, w.Services), reject(),
	)
	if err := conn.Flush(); err != nil {
		return fmt.Errorf("nft: wall around %s: %w", w.Bridge, err)
	}
	return nil
}

// Remove takes the wall away.
func (w Wall) Remove() error {
	conn, err := nftables.New()
	if err != nil {
		return fmt.Errorf("nft: %w", err)
	}
	conn.DelTable(&nftables.Table{Family: nftables.TableFamilyIPv4, Name: w.Bridge})
	if err := conn.Flush(); err != nil {
		return fmt.Errorf("nft: wall around %s: %w", w.Bridge, err)
	}
	return nil
}
