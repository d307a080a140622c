//go:build linux

package programs_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/peering/istiod"
)

// apply is what a GitOps controller does with a file.
func (p *person) apply(cluster, file string) {
	p.t.Helper()
	text, err := os.ReadFile(filepath.Join(p.dir, file))
	require.NoError(p.t, err)
	require.NoError(p.t, p.Cluster(cluster).Apply(p.t.Context(), text))
}

// forget deletes the remote secret with which west reads north.
func (p *person) forget() {
	p.t.Helper()
	require.NoError(p.t, p.clusters[west].Objects.Delete(p.t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "istio-system", Name: "istio-remote-secret-north"},
	}))
	p.reads(west, north, istiod.NotSeen)
}

// TestPeeringThroughFiles lets west read north by what gitops and then render write: neither touches west.
func TestPeeringThroughFiles(t *testing.T) {
	p := theWorld(t).person(t)
	const seal = "umask 077; cat > sealed; echo 'kind: Sealed'" // what only the controller of west opens
	require.NoError(t, os.WriteFile(filepath.Join(p.dir, "seal.sh"), []byte(seal), 0o600))
	gitops := append([]string{"-dir", "repo", "-from", west}, flags("-to", north)...)
	p.sees(1, []string{"istio-reader-west"}, "gitops", with(gitops, "-sink", "sh seal.sh")...)
	p.sees(0, []string{"commit repo/north/istio-reader-west.yaml"}, "gitops", gitops...)
	p.apply(north, "repo/north/istio-reader-west.yaml")
	for _, generation := range []string{"1", "2"} {
		p.sees(0, []string{"commit repo/west/istio-remote-secret-north.yaml"}, "gitops", with(gitops, "-sink", "sh seal.sh", "-generation", generation)...)
		manifest, err := os.ReadFile(filepath.Join(p.dir, "repo/west/istio-remote-secret-north.yaml"))
		require.NoError(t, err)
		require.Equal(t, "kind: Sealed\n", string(manifest))
		p.apply(west, "sealed")
		p.reads(west, north, istiod.Synced)
		p.sees(1, []string{"make the next one with -generation"}, "gitops", with(gitops, "-sink", "sh seal.sh", "-generation", generation)...)
	}
	p.forget()

	reader := p.sees(0, []string{"kind: ServiceAccount", "kind: RoleBinding"}, "render", "-profile", "minimal")
	ca := filepath.Join(p.dir, "ca.pem")
	require.NoError(t, os.WriteFile(ca, p.Cluster(north).CA, 0o600))
	require.NoError(t, p.Cluster(north).Apply(t.Context(), []byte(reader)))
	granted, err := p.clusters[north].Accounts("istio-system").CreateToken(t.Context(), "istio-reader-service-account", &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(p.dir, "token"), []byte(granted.Status.Token), 0o600))
	secret := p.output("render", "-part", "secret", "-cluster", north, "-server", p.Cluster(north).Server, "-ca-file", ca, "-token-file", "token")
	require.NoError(t, p.Cluster(west).Apply(t.Context(), secret))
	p.reads(west, north, istiod.Synced)
	p.forget()
}
