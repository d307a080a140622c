package differential_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/secrets"
)

// differing are the spoils of which Parse does not say what istiod says: files
// are istiod's own, and Parse reads none.
func differing() []spoil {
	return []spoil{
		onCluster("CA file missing", true, func(k *cluster) { k.CertificateAuthorityData, k.CertificateAuthority = nil, "/no/such/ca.crt" }),
		onUser("oidc CA file missing", true, trusting("missing", map[string]string{"idp-certificate-authority": "/no/such/ca.crt"})),
	}
}

// differ tells whether this is the known difference between Parse's error and istiod's.
func differ(parse, istiod error) bool {
	return parse == nil && istiod != nil && strings.HasSuffix(istiod.Error(), ": no such file or directory")
}

// Each of the differences must still be there, one that is gone belongs among
// the spoils, and Lint must warn of it.
func TestParseDiffersFromIstiod(t *testing.T) {
	c := newCredentials(t)
	for _, s := range differing() {
		t.Run(s.name, func(t *testing.T) {
			data := c.spoiled(t, s)
			_, refusal := istiod(data)
			secret := remoteSecret(map[string][]byte{"east": data})
			_, err := secrets.Parse(secret)
			require.Equal(t, s.refused, refusal != nil, "istiod says %v", refusal)
			require.True(t, differ(err, refusal), "Parse says %v", err)
			problems := secrets.Lint(secret)
			require.NotEmpty(t, problems)
			require.Contains(t, problems[0].Message, "names a file, which istiod reads in its own container")
		})
	}
}
