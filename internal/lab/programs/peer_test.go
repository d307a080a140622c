//go:build linux

package programs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/istiod"
)

// TestDaysOfAPair is what people do with two clusters: plan and apply, look, answer a leak, repair, go on with credentials that
// expire, and end it.
func TestDaysOfAPair(t *testing.T) {
	p := theWorld(t).person(t)
	clusters, both := flags("-cluster", east, west), []string{member(east), member(west)}

	said := p.sees(2, []string{"goal present", "ServiceAccount/istio-system/meshpeer-reader-east", "created"}, "plan-apply", with(clusters, "plan")...)
	p.reads(east, west, istiod.NotSeen)
	digest := regexp.MustCompile(`plan ([0-9a-f]{12}),`).FindStringSubmatch(said)[1]
	p.sees(1, []string{"is not the one that was reviewed"}, "plan-apply", with(clusters, "-digest", "000000000000", "apply")...)
	p.sees(0, []string{"east -> west: passed", "west -> east: passed", "istiod-2 of east"}, "plan-apply", with(clusters, "-digest", digest, "apply")...)
	p.sees(0, []string{"nothing to do"}, "plan-apply", with(clusters, "plan")...)
	p.peered()
	audit, err := os.ReadFile(filepath.Join(p.dir, "audit.jsonl"))
	require.NoError(t, err)
	require.Equal(t, 14, strings.Count(string(audit), "\n"), "a line for each change")

	p.sees(0, []string{"unchanged"}, "pair", both...)
	p.sees(0, []string{"answered by west (proved)", "answered by east (proved)", "mutual TLS observed"}, "pair", with([]string{"-verify"}, both...)...)
	p.sees(0, []string{"preflight of east -> west", "teapot"}, "doctor", with(clusters, "-traffic", "-html", "mesh.html", "-junit", "mesh.xml")...)
	for _, file := range []string{"mesh.html", "mesh.xml"} {
		require.FileExists(t, filepath.Join(p.dir, file))
	}

	// A leak of east's credential for west.
	list := p.sees(0, []string{"FINGERPRINT"}, "revoke", clusters...)
	leaked := regexp.MustCompile(`(?m)^([0-9a-f]{8}) +west +meshpeer-reader-east `).FindStringSubmatch(list)
	require.NotNil(t, leaked, list)
	p.sees(0, []string{"Token/istio-system/meshpeer-reader-east-1", "revoked", "the API server answers 401 to the revoked token"}, "revoke", with(clusters, "-leaked", leaked[1])...)
	p.sees(1, []string{"no credential " + leaked[1] + " opens these clusters"}, "revoke", with(clusters, "-leaked", leaked[1])...)
	p.peered()

	// Somebody deletes a token: istiod goes on to say that it is synced.
	require.NoError(t, p.clusters[west].Objects.Delete(t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "istio-system", Name: "meshpeer-reader-east-2"},
	}))
	p.eventually(2, "Unauthorized", "doctor", clusters...)
	p.sees(0, []string{"meshpeer-reader-east-3"}, "pair", both...)

	inventory := "lifetime: 1h\nclusters:\n- {id: east, context: kind-east}\n- {id: west, context: kind-west}\n"
	require.NoError(t, os.WriteFile(filepath.Join(p.dir, "inventory.yaml"), []byte(inventory), 0o600))
	p.sees(0, []string{"msg=round status=passed", "Token/istio-system/meshpeer-reader-east-4 action=created"}, "fleet", "-once")
	p.sees(0, []string{"msg=round status=passed", "unchanged"}, "fleet", "-once")
	p.peered()
	held, err := peering.Credentials(t.Context(), p.clusters[east], p.clusters[west])
	require.NoError(t, err)
	for _, c := range held {
		require.False(t, strings.HasPrefix(c.Link, "west -> east") && c.Until.IsZero(), "%+v does not expire", c)
	}

	p.sees(0, []string{"istiod-forgot", "credential-refused"}, "pair", with([]string{"-remove"}, both...)...)
	p.reads(east, west, istiod.NotSeen)
	p.reads(west, east, istiod.NotSeen)
	p.sees(2, []string{"call Ensure"}, "doctor", clusters...)
}

func (p *person) peered() {
	p.t.Helper()
	p.reads(east, west, istiod.Synced)
	p.reads(west, east, istiod.Synced)
}
