package differential_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/meshpeer/meshpeer/secrets"
)

// differing are the spoils of which Parse does not say what istiod says.
func differing(c credentials) []spoil {
	oidc := func(field, value string) func(*authInfo) {
		return provider("oidc", map[string]string{"idp-issuer-url": "https://idp.example.com/" + field, "client-id": c.token, field: value})
	}
	return []spoil{
		// Files are istiod's own, and Parse reads none.
		onCluster("CA file missing", true, func(k *cluster) { k.CertificateAuthorityData, k.CertificateAuthority = nil, "/no/such/ca.crt" }),
		onUser("oidc CA file missing", true, oidc("idp-certificate-authority", "/no/such/ca.crt")),
		// Parse does not look at these.
		onUser("oidc CA no base64", true, oidc("idp-certificate-authority-data", c.token)),
		onCluster("CA file and insecure", true, func(k *cluster) {
			k.CertificateAuthorityData, k.CertificateAuthority, k.InsecureSkipTLSVerify = nil, "/proc/self/cmdline", true
		}),
		// istiod's empty list of permitted providers holds the empty name (Istio
		// pilot/pkg/features, InsecureKubeConfigOptions): it refuses only where it uses the provider.
		{"unused unnamed provider", false, func(k *kubeconfig, _ *cluster, _ *authInfo) {
			k.AuthInfos["other"] = &authInfo{AuthProvider: &clientcmdapi.AuthProviderConfig{}}
		}},
	}
}

// refusals are istiod's of the differing spoils that it refuses.
var refusals = regexp.MustCompile(`: no such file or directory$|^illegal base64 data|^specifying a root certificates file with the insecure flag`)

// differ tells whether this is one of the known differences between Parse's error and istiod's.
func differ(parse, istiod error) bool {
	if (parse == nil) == (istiod == nil) {
		return false
	}
	if istiod == nil {
		return strings.Contains(parse.Error(), "auth provider  is not allowed")
	}
	return refusals.MatchString(istiod.Error())
}

// Each of the differences must still be there: one that is gone belongs among the spoils.
func TestParseDiffersFromIstiod(t *testing.T) {
	c := newCredentials(t)
	for _, s := range differing(c) {
		t.Run(s.name, func(t *testing.T) {
			data := c.spoiled(t, s)
			_, refusal := istiod(data)
			_, err := secrets.Parse(remoteSecret(map[string][]byte{"east": data}))
			require.Equal(t, s.refused, refusal != nil, "istiod says %v", refusal)
			require.True(t, differ(err, refusal), "Parse says %v", err)
		})
	}
}
