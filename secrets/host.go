package secrets

import (
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

// hostName is a name that Go's resolver asks for (net/dnsclient.go isDomainName)
// and that a certificate may hold (crypto/x509 verify.go validHostname): letters,
// digits, dashes and underscores.
var hostName = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*\.?$`)

// isHostName reports whether istiod can look host up and verify it. Go takes a
// name without any letter for a broken address.
func isHostName(host string) bool {
	return len(host) <= 253 && hostName.MatchString(host) && strings.Trim(host, "0123456789.") != ""
}

// numericAddress reads a spelling of an IPv4 address as the resolver of the C
// library does (inet_aton): one to four numbers, decimal, octal or hexadecimal, the
// last of which fills the rest. Go reads four decimal numbers only.
func numericAddress(host string) (netip.Addr, bool) {
	parts := strings.Split(strings.TrimSuffix(host, "."), ".")
	if len(parts) > 4 {
		return netip.Addr{}, false
	}
	var sum uint64
	for i, part := range parts {
		if part == "" || strings.ContainsAny(part, "_+-") {
			return netip.Addr{}, false
		}
		base, digits := 10, part
		switch lower := strings.ToLower(part); {
		case strings.HasPrefix(lower, "0x"):
			base, digits = 16, lower[2:]
		case len(part) > 1 && part[0] == '0':
			base, digits = 8, part[1:]
		}
		n, err := strconv.ParseUint(digits, base, 32)
		if err != nil {
			return netip.Addr{}, false
		}
		size := 8 * (5 - len(parts)) // bits of the last number
		if i < len(parts)-1 {
			size = 8
		}
		if n >= 1<<size {
			return netip.Addr{}, false
		}
		sum = sum<<size | n
	}
	return netip.AddrFrom4([4]byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)}), true
}

// address is the IP address that host spells, in Go's way or another one.
func address(host string) (netip.Addr, bool) {
	if addr, err := netip.ParseAddr(strings.TrimSuffix(host, ".")); err == nil {
		return addr.Unmap().WithZone(""), true
	}
	return numericAddress(host)
}

// localNames stand for the loopback address in the hosts files of distributions.
// Docker Desktop adds the name of its own API server.
var localNames = map[string]bool{
	"localhost": true, "localhost4": true, "localhost6": true, "ip6-localhost": true, "ip6-loopback": true, "loopback": true,
}

// isLoopback reports whether host means the machine that dials it.
func isLoopback(host string) bool {
	if addr, ok := address(host); ok {
		if b := addr.As16(); addr.Is6() && [12]byte(b[:12]) == [12]byte{} && b[12] == 127 {
			return true // an IPv4 address in the old way, ::127.0.0.1
		}
		return addr.IsLoopback() || addr.IsUnspecified()
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	name, domain, _ := strings.Cut(host, ".")
	if host == "kubernetes.docker.internal" {
		return true
	}
	return localNames[name] && (domain == "" || strings.HasPrefix(domain, "localdomain")) || strings.HasSuffix(host, ".localhost")
}

// isOwnServer reports whether host is the name by which a Pod reaches the API
// server of its own cluster, under any domain of the cluster.
func isOwnServer(host string) bool {
	host = strings.ToLower(strings.TrimRight(host, "."))
	return host == "kubernetes" || host == "kubernetes.default" || host == "kubernetes.default.svc" || strings.HasPrefix(host, "kubernetes.default.svc.")
}

// isLinkLocal reports whether host is an address that means another machine on each network.
func isLinkLocal(host string) bool {
	addr, ok := address(host)
	return ok && addr.IsLinkLocalUnicast()
}

// isNobody reports whether host is an address that no server can have: multicast,
// broadcast and those of "this network" (RFC 1122 section 3.2.1.3).
func isNobody(host string) bool {
	addr, ok := address(host)
	return ok && (addr.IsMulticast() || addr.Is4() && !addr.IsUnspecified() && (addr.As4()[0] == 0 || addr.As4()[0] >= 240))
}

// zoneUnescaped reports whether the host of a URL is an IPv6 address in brackets with
// a zone as it is written outside of URLs (RFC 6874).
func zoneUnescaped(raw string) bool {
	_, rest, _ := strings.Cut(raw, "://[")
	host, _, found := strings.Cut(rest, "]")
	address, zone, zoned := strings.Cut(host, "%")
	return found && zoned && looksLikeIPv6(address) && !strings.HasPrefix(zone, "25")
}

// bareIPv6 reports whether the host of a URL is an IPv6 address without brackets,
// which net/url refuses or cuts at its last colon.
func bareIPv6(raw string) bool {
	_, rest, found := strings.Cut(raw, "://")
	if !found {
		rest = raw
	}
	rest, _, _ = strings.Cut(rest, "/")
	rest = rest[strings.LastIndex(rest, "@")+1:]
	return looksLikeIPv6(rest)
}

func looksLikeIPv6(host string) bool {
	address, _, _ := strings.Cut(host, "%")
	return strings.Count(address, ":") >= 2 && strings.Trim(address, "0123456789abcdefABCDEF:.") == ""
}
