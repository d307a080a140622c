package differential_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/secrets"
)

func TestParseAgreesWithIstiod(t *testing.T) {
	c := newCredentials(t)
	for _, s := range spoils(t, c) {
		t.Run(s.name, func(t *testing.T) {
			accepted := agree(t, c, s.name, c.spoiled(t, s))
			require.Equal(t, s.refused, !accepted)
		})
	}
}

// spoiled is the good kubeconfig after these changes.
func (c credentials) spoiled(t *testing.T, changes ...spoil) []byte {
	t.Helper()
	config := c.good()
	k, u := config.Clusters["east"], config.AuthInfos["east"]
	for _, s := range changes {
		if config.Contexts["east"] == nil || config.Clusters == nil || config.AuthInfos == nil {
			break // nothing left to spoil
		}
		s.do(config, k, u)
	}
	return encode(t, config)
}

// One spoil may hide or undo another.
func TestParseAgreesWithIstiodOnPairs(t *testing.T) {
	c := newCredentials(t)
	c.token = webToken() // one spoil may leave it where another removed its user
	all := spoils(t, c)
	all = append(all, differing()...)
	accepted := 0
	for _, a := range all {
		for _, b := range all {
			if agree(t, c, a.name+" + "+b.name, c.spoiled(t, a, b)) {
				accepted++
			}
		}
	}
	t.Logf("%d pairs accepted", accepted)
	require.Greater(t, accepted, 1_000)
}

func TestParseAgreesWithIstiodOnMany(t *testing.T) {
	c := newCredentials(t)
	c.token = webToken() // one spoil may leave it where another removed its user
	var refused, harmless []spoil
	for _, s := range spoils(t, c) {
		if s.refused {
			refused = append(refused, s)
		} else {
			harmless = append(harmless, s)
		}
	}
	accepted := 0
	const cases = 1_500
	for seed := range uint64(cases) {
		g := newGenerator(seed)
		var changes []spoil
		var names []string
		for range 2 + g.IntN(5) {
			s := harmless[g.IntN(len(harmless))]
			if g.IntN(20) == 0 {
				s = refused[g.IntN(len(refused))]
			}
			changes, names = append(changes, s), append(names, s.name)
		}
		if agree(t, c, strings.Join(names, " + "), c.spoiled(t, changes...)) {
			accepted++
		}
	}
	t.Logf("%d of %d accepted", accepted, cases)
	require.Greater(t, accepted, cases/10)
	require.Less(t, accepted, cases*9/10)
}

// istiod judges each key by itself: Lint must name the refused ones and no others.
func TestLintNamesTheKeysThatIstiodRefuses(t *testing.T) {
	c := newCredentials(t)
	data, want := map[string][]byte{}, map[string]bool{}
	for i, s := range spoils(t, c) {
		key := fmt.Sprintf("cluster-%d", i)
		data[key] = c.spoiled(t, s)
		if _, err := istiod(data[key]); err != nil {
			want[key] = true
		}
	}
	got := map[string]bool{}
	for _, p := range secrets.Lint(remoteSecret(data)) {
		if p.Severity == secrets.SeverityError {
			got[p.Key] = true
		}
	}
	require.Equal(t, want, got)
}
