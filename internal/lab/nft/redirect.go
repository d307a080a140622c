//go:build linux

package nft

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/vishvananda/netns"
)

// ProxyMark is the SO_MARK by which the rules know a proxy's own connections. Istio knows them by the user ID 1337, which
// does not exist where a user namespace maps a single user.
const ProxyMark = 1337

// Redirect is what Istio's init container is asked for (tools/istio-iptables/pkg/constants).
type Redirect struct {
	Outbound, Inbound uint16         // where the proxy listens; zero means 15001 and 15006
	ExcludeInbound    []uint16       // destination ports that reach the application directly
	ExcludeOutbound   []uint16       // destination ports that leave directly
	ExcludeNetworks   []netip.Prefix // destinations that are reached directly
}

// ParseRedirect reads the arguments of `istio-iptables` as the injection template writes them. Flags that the lab has no
// use for are passed over; an interception mode other than REDIRECT is an error.
func ParseRedirect(args []string) (Redirect, error) {
	r := Redirect{Outbound: 15001, Inbound: 15006}
	var err error
	for i := 0; i+1 < len(args) && err == nil; i++ {
		value := args[i+1]
		switch args[i] {
		case "-p":
			r.Outbound, err = parsePort(value)
		case "-z":
			r.Inbound, err = parsePort(value)
		case "-d":
			r.ExcludeInbound, err = parsePorts(value)
		case "-o":
			r.ExcludeOutbound, err = parsePorts(value)
		case "-x":
			r.ExcludeNetworks, err = parseNetworks(value)
		case "-m":
			if value != "REDIRECT" {
				err = fmt.Errorf("interception mode %q: the lab has REDIRECT only", value)
			}
		default:
			continue
		}
		i++
	}
	if err != nil {
		return Redirect{}, fmt.Errorf("nft: istio-iptables: %w", err)
	}
	return r, nil
}

func parsePort(s string) (uint16, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	return uint16(n), err
}

func parsePorts(list string) ([]uint16, error) {
	var ports []uint16
	for _, s := range fields(list) {
		n, err := parsePort(s)
		if err != nil {
			return nil, err
		}
		ports = append(ports, n)
	}
	return ports, nil
}

func parseNetworks(list string) ([]netip.Prefix, error) {
	var networks []netip.Prefix
	for _, s := range fields(list) {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, err
		}
		networks = append(networks, p)
	}
	return networks, nil
}

func fields(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
}

var (
	loopback    = netip.MustParsePrefix("127.0.0.1/32")
	passthrough = netip.MustParsePrefix("127.0.0.6/32") // source of the proxy's connections to the application
)

// discovery is istiod's secure port, to which pilot-agent connects from an unmarked socket before any proxy listens.
const discovery = 15012

// Apply sends the Pod's TCP through the proxy: the chains ISTIO_INBOUND and ISTIO_OUTPUT of
// tools/istio-iptables/pkg/capture/run.go, with a socket mark in place of the user ID.
func (r Redirect) Apply(ns netns.NsHandle) error {
	conn, err := nftables.New(nftables.WithNetNSFd(int(ns)))
	if err != nil {
		return fmt.Errorf("nft: %w", err)
	}
	table := conn.AddTable(&nftables.Table{Family: nftables.TableFamilyIPv4, Name: "istio"})
	in := rules{conn, conn.AddChain(&nftables.Chain{
		Name: "inbound", Table: table, Type: nftables.ChainTypeNAT,
		Hooknum: nftables.ChainHookPrerouting, Priority: nftables.ChainPriorityNATDest,
	})}
	for _, n := range r.ExcludeInbound {
		in.add(tcp(), port(n), verdict(expr.VerdictReturn))
	}
	in.add(tcp(), redirect(r.Inbound))

	out := rules{conn, conn.AddChain(&nftables.Chain{
		Name: "outbound", Table: table, Type: nftables.ChainTypeNAT,
		Hooknum: nftables.ChainHookOutput, Priority: nftables.ChainPriorityNATDest,
	})}
	leave := verdict(expr.VerdictReturn)
	eq, neq := expr.CmpOpEq, expr.CmpOpNeq
	out.add(to("lo", eq), address(offSource, eq, passthrough), leave)
	// The application calls itself by its Service: the proxy's way out meets the proxy's way in.
	out.add(tcp(), to("lo", eq), address(offDestination, neq, loopback), marked(eq, ProxyMark), redirect(r.Inbound))
	out.add(to("lo", eq), marked(neq, ProxyMark), leave)
	out.add(marked(eq, ProxyMark), leave)
	out.add(address(offDestination, eq, loopback), leave)
	for _, n := range append([]uint16{discovery}, r.ExcludeOutbound...) {
		out.add(tcp(), port(n), leave)
	}
	for _, p := range r.ExcludeNetworks {
		out.add(address(offDestination, eq, p), leave)
	}
	out.add(tcp(), redirect(r.Outbound))
	if err := conn.Flush(); err != nil {
		return fmt.Errorf("nft: redirection: %w", err)
	}
	return nil
}
