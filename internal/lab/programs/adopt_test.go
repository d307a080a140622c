//go:build linux

package programs_test

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/internal/lab/labtest"
	"github.com/meshpeer/meshpeer/peering/istiod"
)

// TestIstioctlsLink is made by istioctl itself, taken over and rotated, and ended for good.
func TestIstioctlsLink(t *testing.T) {
	p := theWorld(t).person(t)
	labtest.ShareByHand(t, p.Cluster(west), p.clusters[north])
	p.reads(north, west, istiod.Synced)
	members := append(flags("-from", north), flags("-to", west)...)

	p.sees(2, []string{"adopt revoke", "istio-reader-service-account"}, "adopt", with(members, "-revoke")...)
	p.sees(2, []string{"adopt revoke"}, "adopt", with(members, "-revoke")...)
	said := p.sees(0, []string{
		"adopted: it was made by", "credential-refused", "--- rotated",
		"Secret/istio-system/meshpeer-reader-north-2  made by meshpeer  held by north/istio-system/istio-remote-secret-west",
	}, "adopt", with(members, "-revoke", "-yes")...)
	require.NotRegexp(t, "Secret/istio-system/istio-reader-service-account.*made by", said)
	p.reads(north, west, istiod.Synced)
	p.sees(0, nil, "adopt", members...)

	clusters := flags("-cluster", north, west)
	leaked := regexp.MustCompile(`(?m)^([0-9a-f]{8}) +west +meshpeer-reader-north `).FindStringSubmatch(p.sees(0, nil, "revoke", clusters...))
	require.NotNil(t, leaked)
	p.sees(0, []string{"the API server answers 401 to the revoked token"}, "revoke", with(clusters, "-leaked", leaked[1], "-end")...)
	p.reads(north, west, istiod.NotSeen)
}
