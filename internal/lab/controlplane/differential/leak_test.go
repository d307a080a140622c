package differential_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/secrets"
)

// Istio's own errors, which go to istiod's log, quote tokens and passwords here and there:
// ours must not, there or anywhere.
func TestErrorsHideWhatIstiodQuotes(t *testing.T) {
	c := newCredentials(t)
	files := map[string][]byte{}
	for _, s := range append(spoils(t, c), differing()...) {
		files[s.name] = c.spoiled(t, s)
	}
	good := string(encode(t, c.good()))
	for _, text := range texts {
		files[text] = []byte(strings.NewReplacer("GOOD", good, "TOKEN", c.token).Replace(text))
	}
	quoted := 0
	for name, kubeconfig := range files {
		_, refusal := istiod(kubeconfig)
		if refusal != nil && refusal.Error() != c.hide(refusal.Error()) {
			quoted++
		}
		secret := remoteSecret(map[string][]byte{"east": kubeconfig})
		_, err := secrets.Parse(secret)
		problems := secrets.Lint(secret)
		asJSON, jsonErr := json.Marshal(problems)
		require.NoError(t, jsonErr)
		said := fmt.Sprintf("%v %+v %#v %+v %#v %s", err, err, err, problems, problems, asJSON)
		if hidden := c.hide(said); hidden != said {
			t.Errorf("%q: a secret is in %s", name, hidden)
		}
	}
	t.Logf("istiod quotes a secret in %d of %d cases", quoted, len(files))
	require.GreaterOrEqual(t, quoted, 8)
}
