//go:build linux

package nft_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/internal/lab/nft"
)

func TestParseRedirect(t *testing.T) {
	got, err := nft.ParseRedirect([]string{
		"istio-iptables", "-p", "15001", "-z", "15006", "-u", "1337", "-m", "REDIRECT", "-i", "*", "-x", "10.9.0.0/24",
		"-b", "*", "-d", "15090,15021,15020", "-o", "3306", "--log_output_level=default:info",
	})
	require.NoError(t, err)
	require.Equal(t, nft.Redirect{
		Outbound: 15001, Inbound: 15006, ExcludeInbound: []uint16{15090, 15021, 15020}, ExcludeOutbound: []uint16{3306},
		ExcludeNetworks: []netip.Prefix{netip.MustParsePrefix("10.9.0.0/24")},
	}, got)

	got, err = nft.ParseRedirect([]string{"istio-iptables", "-x", "", "-d", ""})
	require.NoError(t, err)
	require.Equal(t, nft.Redirect{Outbound: 15001, Inbound: 15006}, got)

	for want, args := range map[string][]string{
		`"TPROXY"`: {"-m", "TPROXY"}, `"many"`: {"-p", "many"}, `"80-90"`: {"-d", "80-90"}, `"*"`: {"-x", "*"},
	} {
		_, err := nft.ParseRedirect(args)
		require.ErrorContains(t, err, want)
	}
}
