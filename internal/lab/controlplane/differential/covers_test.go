package differential_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"
	escalation "k8s.io/component-helpers/auth/rbac/validation"
	internalrbac "k8s.io/kubernetes/pkg/apis/rbac"
	conversion "k8s.io/kubernetes/pkg/apis/rbac/v1"
	"k8s.io/kubernetes/pkg/apis/rbac/validation"

	"github.com/meshpeer/meshpeer/rbac"
)

// checkCovers holds Missing(granted, want) against Covers, which the API server
// asks whether a user who has granted may give away want.
func checkCovers(t *testing.T, granted, want []rbacv1.PolicyRule) (covered bool) {
	t.Helper()
	covered, uncovered := escalation.Covers(granted, want)
	missing := rbac.Missing(granted, want)
	about := func(what string) string {
		return fmt.Sprintf("%s: granted %v want %v missing %v uncovered %v", what, granted, want, missing, uncovered)
	}
	if covered != (len(missing) == 0) {
		t.Fatal(about("verdict"))
	}
	for _, c := range []struct {
		what           string
		owner, servant []rbacv1.PolicyRule
	}{
		{"the result closes the gap", slices.Concat(granted, missing), want},
		{"the result is within what was wanted", want, missing},
		{"the result holds every uncovered right", missing, uncovered},
		{"the result holds no covered right", uncovered, missing},
	} {
		if ok, _ := escalation.Covers(c.owner, c.servant); !ok {
			t.Fatal(about(c.what))
		}
	}
	return covered
}

func TestMissingAgreesWithCovers(t *testing.T) {
	const pairs = 8_000
	var covered, wanted int
	for seed := range uint64(pairs) {
		g := newGenerator(seed)
		granted, want := g.stored(), g.stored()
		requireStored(t, granted)
		if checkCovers(t, granted, want) && len(want) > 0 {
			covered++
		}
		checkCovers(t, want, granted)
		// The same once more with a grant that includes much of what is wanted.
		if checkCovers(t, slices.Concat(granted, want[:len(want)/2]), want) && len(want) > 0 {
			covered++
		}
		if len(want) > 0 {
			wanted += 2
		}
		require.Equal(t, rbac.Missing(want, granted), rbac.Extra(granted, want))
	}
	t.Logf("%d of %d covered", covered, wanted)
	require.Greater(t, covered, wanted/50)
	require.Less(t, covered, wanted/2)
}

// requireStored fails unless the API server would store the rules.
func requireStored(t *testing.T, rules []rbacv1.PolicyRule) {
	t.Helper()
	for _, rule := range rules {
		var internal internalrbac.PolicyRule
		require.NoError(t, conversion.Convert_v1_PolicyRule_To_rbac_PolicyRule(&rule, &internal, nil))
		require.Empty(t, validation.ValidatePolicyRule(internal, false, nil), "%v", rule)
	}
}

func TestMissingBetweenProfilesAgreesWithCovers(t *testing.T) {
	var roles [][]rbacv1.PolicyRule
	for _, profile := range []rbac.Profile{rbac.ASM, rbac.Upstream, rbac.RemoteControlPlane, rbac.Minimal} {
		for minor := 19; minor <= 31; minor++ {
			reader, err := rbac.Render(rbac.Options{Profile: profile, IstioVersion: fmt.Sprintf("1.%d", minor)})
			require.NoError(t, err)
			requireStored(t, reader.ClusterRole.Rules)
			roles = append(roles, reader.ClusterRole.Rules)
		}
	}
	for _, granted := range roles {
		for _, want := range roles {
			checkCovers(t, granted, want)
		}
	}
}
